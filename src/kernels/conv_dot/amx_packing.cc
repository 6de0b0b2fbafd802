#include "kernels/conv_dot/amx_packing.h"

#include <algorithm>
#include <cmath>
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

double largest_addend(const ConvDesc& desc, const Epilogue& e) {
  return desc.residual ? 255.0 * std::abs(e.residual_scale) + std::abs(e.residual_offset)
                       : std::abs(e.addend);
}

}  // namespace

AmxWeights::AmxWeights(const ConvDesc& desc, const AmxGeometry& geometry, const Epilogue& epilogue)
    : groups_(desc.groups),
      group_outputs_(desc.output.channels / desc.groups),
      padded_outputs_(desc.output.blocks() * kChannelBlock),
      channel_blocks_(divide_up(group_outputs_, kChannelBlock)),
      panels_(divide_up(channel_blocks_, kPanelTiles)),
      pixels_(desc.output.pixels()),
      bias_map_(desc.bias_map),
      largest_addend_(largest_addend(desc, epilogue)),
      step_count_(static_cast<std::int64_t>(geometry.steps().size())) {
  const std::int64_t channels = desc.input.channels / desc.groups;
  const std::int64_t kernel = desc.window.kernel_h * desc.window.kernel_w;
  depth_ = channels * kernel;
  sources_ = weight_sources(geometry, channels, kernel, static_cast<std::int64_t>(size_of(desc.input.type)));
  bias_ = aligned(groups_ * panels_);
  multipliers_ = bias_ + aligned(padded_outputs_ * 4 * (bias_map_ ? pixels_ : 1));
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

void AmxWeights::prove(const IntegerWeights& weights, std::uint8_t* proofs) const {
  constexpr std::int64_t kPanelChannels = kPanelTiles * kTileChannels;
  for (std::int64_t group = 0; group < groups_; ++group) {
    for (std::int64_t panel = 0; panel < panels_; ++panel) {
      const std::int64_t first = group * group_outputs_ + panel * kPanelChannels;
      const std::int64_t end = std::min(first + kPanelChannels, (group + 1) * group_outputs_);
      unsigned proof_of_all = kBoundedOutputs | kSmallSums;
      for (std::int64_t channel = first; channel < end; ++channel) proof_of_all &= proof(weights, channel);
      proofs[group * panels_ + panel] = static_cast<std::uint8_t>(proof_of_all);
    }
  }
}

std::uint8_t AmxWeights::proof(const IntegerWeights& weights, std::int64_t channel) const {
  // The bias map of a layer's only pixel is a bias.
  const std::int64_t biases = weights.bias.empty() ? pixels_ : 1;
  const std::int32_t* const bias =
      (weights.bias.empty() ? weights.bias_map : weights.bias).data() + channel * biases;
  const auto [least, most] = std::minmax_element(bias, bias + biases);
  int negative = 0, positive = 0;
  for (const std::int8_t w : weights.weights.subspan(static_cast<std::size_t>(channel * depth_),
                                                     static_cast<std::size_t>(depth_))) {
    negative += std::min<int>(w, 0);
    positive += std::max<int>(w, 0);
  }
  const std::int64_t low = *least + std::int64_t{255} * negative, high = *most + std::int64_t{255} * positive;
  constexpr std::int64_t kSmall = std::int64_t{1} << 22;
  constexpr double kBounded = 0x1p30;  // half of the range: what rounding adds does not matter
  const auto largest = static_cast<double>(std::max(-low, high));
  const double scaled = largest * std::abs(weights.multipliers[static_cast<std::size_t>(channel)]);
  unsigned proof = 0;
  if (low >= -kSmall && high < kSmall) proof |= kSmallSums;
  if (scaled + largest_addend_ < kBounded) proof |= kBoundedOutputs;
  return static_cast<std::uint8_t>(proof);
}

void AmxWeights::pack(const IntegerWeights& weights, std::span<std::byte> packed) const {
  std::byte* const base = packed.data();
  std::memset(base, 0, static_cast<std::size_t>(tiles_));
  const std::int64_t outputs = groups_ * group_outputs_;
  prove(weights, reinterpret_cast<std::uint8_t*>(base));
  auto* const bias = reinterpret_cast<std::int32_t*>(base + bias_);
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
  std::copy(bias.begin(), bias.end(), reinterpret_cast<float*>(base + bias_));
  pack_tiles(
      weights, [](float w) { return to_bfloat16(w); }, base + tiles_);
}

}  // namespace octet::kernels::conv_dot
