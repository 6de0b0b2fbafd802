#include "kernels/conv_dot/amx_packing.h"

#include <algorithm>
#include <cstring>

#include "base/aligned_buffer.h"
#include "kernels/bfloat16.h"
#include "kernels/conv_dot/amx_tiles.h"
#include "kernels/conv_dot/convolution.h"

namespace octet::kernels::conv_dot {
namespace {

std::int64_t aligned(std::int64_t bytes) {
  return static_cast<std::int64_t>(base::round_up(static_cast<std::size_t>(bytes), base::kCacheLine));
}

/// Element by element of the steps: the weight that it meets, of the `channels` x `kernel` of an output.
std::vector<std::int64_t> weight_sources(const AmxGeometry& geometry, std::int64_t channels,
                                         std::int64_t kernel, std::int64_t element_bytes) {
  std::vector<std::int64_t> sources;
  for (const AmxStep& step : geometry.steps()) {
    for (std::int64_t b = 0; b < kTileRowBytes; b += element_bytes) {
      const std::int64_t place = step.first_byte + b;
      const std::int64_t channel = place % geometry.tap_bytes() / element_bytes;
      const auto index = step.first_tap + static_cast<std::size_t>(place / geometry.tap_bytes());
      const bool taken = b >= step.begin && b < step.end && channel < channels;
      const std::int64_t tap = taken ? geometry.taps()[index] : AmxGeometry::kNoTap;
      sources.push_back(tap == AmxGeometry::kNoTap ? -1 : channel * kernel + tap);
    }
  }
  return sources;
}

}  // namespace

AmxWeights::AmxWeights(const ConvDesc& desc, const AmxGeometry& geometry)
    : groups_(desc.groups),
      group_outputs_(desc.output.channels / desc.groups),
      padded_outputs_(desc.output.blocks() * kChannelBlock),
      channel_blocks_(divide_up(group_outputs_, kChannelBlock)),
      pixels_(desc.output.pixels()),
      bias_map_(desc.bias_map),
      step_count_(static_cast<std::int64_t>(geometry.steps().size())) {
  const std::int64_t channels = desc.input.channels / desc.groups;
  const std::int64_t kernel = desc.window.kernel_h * desc.window.kernel_w;
  depth_ = channels * kernel;
  sources_ = weight_sources(geometry, channels, kernel, static_cast<std::int64_t>(size_of(desc.input.type)));
  multipliers_ = aligned(padded_outputs_ * 4 * (bias_map_ ? pixels_ : 1));
  tiles_ = multipliers_ + aligned(padded_outputs_ * 4);
  group_bytes_ = channel_blocks_ * step_count_ * kTileBytes;
  bytes_ = tiles_ + groups_ * group_bytes_;
}

// Reads each output channel's weights once, a tile of channels side by side.
template <class Weight, class Convert>
void AmxWeights::pack_tiles(std::span<const Weight> weights, Convert convert, std::byte* to) const {
  using Value = decltype(convert(Weight{}));
  constexpr std::int64_t kElements = kTileRowBytes / static_cast<std::int64_t>(sizeof(Value));
  constexpr std::int64_t kQuad = 4 / static_cast<std::int64_t>(sizeof(Value));
  std::memset(to, 0, static_cast<std::size_t>(groups_ * group_bytes_));
  for (std::int64_t group = 0; group < groups_; ++group) {
    for (std::int64_t block = 0; block < channel_blocks_; ++block) {
      const std::int64_t panel = block / kPanelTiles * kPanelTiles;
      const std::int64_t panel_tiles = std::min<std::int64_t>(kPanelTiles, channel_blocks_ - panel);
      const std::int64_t first = block * kTileChannels;
      const std::int64_t outputs = std::min<std::int64_t>(kTileChannels, group_outputs_ - first);
      const Weight* const from = weights.data() + (group * group_outputs_ + first) * depth_;
      for (std::int64_t step = 0; step < step_count_; ++step) {
        const std::int64_t tile = panel * step_count_ + step * panel_tiles + block - panel;
        Value* const values = reinterpret_cast<Value*>(to + group * group_bytes_ + tile * kTileBytes);
        const std::int64_t* const sources = sources_.data() + step * kElements;
        for (std::int64_t out = 0; out < outputs; ++out) {
          for (std::int64_t e = 0; e < kElements; ++e) {
            if (sources[e] < 0) continue;
            values[(e / kQuad * kTileChannels + out) * kQuad + e % kQuad] =
                convert(from[out * depth_ + sources[e]]);
          }
        }
      }
    }
  }
}

void AmxWeights::pack(const IntegerWeights& weights, std::span<std::byte> packed) const {
  std::byte* const base = packed.data();
  std::memset(base, 0, static_cast<std::size_t>(tiles_));
  const std::int64_t outputs = groups_ * group_outputs_;
  auto* const bias = reinterpret_cast<std::int32_t*>(base);
  if (bias_map_) {
    for (std::int64_t out = 0; out < outputs; ++out) {
      const std::int32_t* const from = weights.bias_map.data() + out * pixels_;
      for (std::int64_t p = 0; p < pixels_; ++p) bias[p * padded_outputs_ + out] = from[p];
    }
  } else {
    // The bias map of a layer's only pixel is a bias.
    const std::span<const std::int32_t> from = weights.bias.empty() ? weights.bias_map : weights.bias;
    std::copy_n(from.data(), outputs, bias);
  }
  std::copy_n(weights.multipliers.data(), outputs, reinterpret_cast<float*>(base + multipliers_));
  pack_tiles(
      weights.weights, [](std::int8_t w) { return w; }, base + tiles_);
}

void AmxWeights::pack(std::span<const float> weights, std::span<const float> bias,
                      std::span<std::byte> packed) const {
  std::byte* const base = packed.data();
  std::memset(base, 0, static_cast<std::size_t>(tiles_));
  std::copy(bias.begin(), bias.end(), reinterpret_cast<float*>(base));
  pack_tiles(
      weights, [](float w) { return to_bfloat16(w); }, base + tiles_);
}

}  // namespace octet::kernels::conv_dot
