// The channels of every pixel in another order: as a matrix of `groups` rows, transposed. Values stay what
// they are, so there is one implementation for all instruction sets and one for each size of element (FP32 in
// kNchw16c, the narrow types in kNhwc); layouts differ only in where a channel lies.
#pragma once

#include <cstddef>
#include <cstdint>

namespace octet::kernels {

struct ChannelShuffleRun {
  const std::byte* input;  // first pixel, channel 0
  std::byte* output;
  const std::int64_t* from;  // [channels] where each output channel is taken from, and
  const std::int64_t* to;    // where it goes, in elements from a pixel's channel 0
  std::int64_t channels;
  std::int64_t pixels;
  std::int64_t input_step, output_step;  // elements from one pixel to the next
};

void shuffle_1_byte(const ChannelShuffleRun& run);
void shuffle_2_bytes(const ChannelShuffleRun& run);
void shuffle_4_bytes(const ChannelShuffleRun& run);

}  // namespace octet::kernels
