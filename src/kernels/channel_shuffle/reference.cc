// Channel by channel, in plain loops.
#include "kernels/channel_shuffle/contract.h"

namespace octet::kernels {
namespace {

template <class T>
void shuffle(const ChannelShuffleRun& run) {
  const T* input = reinterpret_cast<const T*>(run.input);
  T* output = reinterpret_cast<T*>(run.output);
  for (std::int64_t p = 0; p < run.pixels; ++p, input += run.input_step, output += run.output_step)
    for (std::int64_t c = 0; c < run.channels; ++c) output[run.to[c]] = input[run.from[c]];
}

}  // namespace

void shuffle_1_byte(const ChannelShuffleRun& run) { shuffle<std::uint8_t>(run); }
void shuffle_2_bytes(const ChannelShuffleRun& run) { shuffle<std::uint16_t>(run); }
void shuffle_4_bytes(const ChannelShuffleRun& run) { shuffle<std::uint32_t>(run); }

}  // namespace octet::kernels
