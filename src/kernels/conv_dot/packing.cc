#include "kernels/conv_dot/packing.h"

#include <algorithm>
#include <cstring>

#include "base/aligned_buffer.h"
#include "kernels/bfloat16.h"
#include "kernels/conv_dot/convolution.h"

namespace octet::kernels::conv_dot {
namespace {

constexpr std::int64_t kVectorLanes = kChannelBlock;
constexpr std::uint32_t kExact = 1, kBounded = 2;  // flags of a panel

std::uint32_t flags(const std::byte* packed, std::size_t panel) {
  std::uint32_t value;
  std::memcpy(&value, packed + panel * sizeof value, sizeof value);
  return value;
}

std::int64_t aligned(std::int64_t bytes) {
  return static_cast<std::int64_t>(base::round_up(static_cast<std::size_t>(bytes), base::kCacheLine));
}

}  // namespace

std::vector<int> cut_into_panels(std::int64_t channels, int lanes) {
  std::vector<int> panels(static_cast<std::size_t>(channels / lanes), lanes);
  const int rest = static_cast<int>(channels % lanes);
  if (rest == 0) return panels;
  panels.push_back(rest);
  if (rest == kVectorLanes && panels.size() > 1 && lanes >= 3 * kVectorLanes) {
    panels[panels.size() - 2] -= static_cast<int>(kVectorLanes);
    panels.back() += static_cast<int>(kVectorLanes);
  }
  return panels;
}

std::int64_t taps_of(const ConvDesc& desc, Tap tap) {
  return desc.window.kernel_h * (tap == Tap::kRow ? 1 : desc.window.kernel_w);
}

std::int64_t tap_groups_of(const ConvDesc& desc, Tap tap) {
  const std::int64_t channels = desc.input.channels / desc.groups;
  const std::int64_t values = element_of(desc.input.type) == Element::kU8 ? 4 : 2;  // of a group
  if (tap == Tap::kRow) return divide_up(channels * desc.window.kernel_w, values);
  return divide_up(channels, kChannelQuad) * kChannelQuad / values;
}

Tap tap_of(const ConvDesc& desc) {
  const std::int64_t channels = desc.input.channels;
  if (desc.groups != 1 || channels >= kChannelQuad || desc.window.dilation_w != 1) return Tap::kPosition;
  const bool fewer =
      tap_groups_of(desc, Tap::kRow) < tap_groups_of(desc, Tap::kPosition) * desc.window.kernel_w;
  return fewer ? Tap::kRow : Tap::kPosition;
}

std::vector<std::int64_t> lanes_before(const std::vector<Panel>& panels) {
  std::vector<std::int64_t> lanes = {0};
  for (const Panel& panel : panels) lanes.push_back(lanes.back() + panel.lanes);
  return lanes;
}

bool can_saturate(const std::byte* weights, std::int64_t bytes) {
  const auto* w = reinterpret_cast<const std::int8_t*>(weights);
  // A part at a time: where there is such a pair, the first is mostly near.
  constexpr std::int64_t kPart = 4096;
  for (std::int64_t begin = 0; begin < bytes; begin += kPart) {
    bool found = false;
    for (std::int64_t i = begin; i < std::min(begin + kPart, bytes); i += 2) {
      const int positive = std::max<int>(w[i], 0) + std::max<int>(w[i + 1], 0);
      const int negative = std::min<int>(w[i], 0) + std::min<int>(w[i + 1], 0);
      found |= 255 * std::max(positive, -negative) > 32767;
    }
    if (found) return true;
  }
  return false;
}

PackedWeights::PackedWeights(const ConvDesc& desc, int lanes, Tap tap)
    : element_(element_of(desc.input.type)),
      tap_(tap),
      row_positions_(tap == Tap::kRow ? desc.window.kernel_w : 1),
      values_(desc.input.channels / desc.groups * row_positions_),
      taps_(taps_of(desc, tap)),
      outputs_(desc.output.channels),
      group_outputs_(desc.output.channels / desc.groups),
      padded_outputs_(desc.output.blocks() * kChannelBlock),
      pixels_(desc.output.pixels()),
      bias_map_(desc.bias_map),
      tap_groups_(tap_groups_of(desc, tap)) {
  const std::vector<int> widths =
      cut_into_panels(divide_up(group_outputs_, kChannelBlock) * kChannelBlock, lanes);
  bias_ = aligned(static_cast<std::int64_t>(widths.size()) * desc.groups * 4);
  multipliers_ = bias_ + aligned(padded_outputs_ * 4 * (bias_map_ ? pixels_ : 1));
  bytes_ = multipliers_ + aligned(padded_outputs_ * 4);
  for (std::int64_t group = 0; group < desc.groups; ++group) {
    std::int64_t channel = group * group_outputs_;
    for (int width : widths) {
      panels_.push_back({group, channel, width, bytes_});
      channel += width;
      bytes_ += panel_bytes(width);
    }
  }
}

bool PackedWeights::exact(const std::byte* packed, std::size_t panel) {
  return (flags(packed, panel) & kExact) != 0;
}
bool PackedWeights::bounded(const std::byte* packed, std::size_t panel) {
  return (flags(packed, panel) & kBounded) != 0;
}

// Fully connected layers have panels of more than a megabyte, at distances that are powers of two: the order
// of the loops lets every cache line that is read or written be finished while it is near. With one tap a
// channel's line holds many groups; with more, a group is written for all lanes at once.
template <class Weight, class Convert>
void PackedWeights::pack_panel(const Panel& panel, std::span<const Weight> weights, Convert convert,
                               std::byte* to) const {
  using Value = decltype(convert(Weight{}));
  constexpr std::int64_t values = 4 / static_cast<std::int64_t>(sizeof(Value));  // of a group
  std::memset(to, 0, static_cast<std::size_t>(panel_bytes(panel.lanes)));
  const std::int64_t group_bytes = panel.lanes * 4;
  const std::int64_t lanes =
      std::min<std::int64_t>(panel.lanes, (panel.group + 1) * group_outputs_ - panel.channel);
  const Weight* first = weights.data() + panel.channel * values_ * taps_;
  const std::int64_t step = taps_ == 1 ? 16 * values : values;
  for (std::int64_t begin = 0; begin < values_; begin += step) {
    const std::int64_t end = std::min(begin + step, values_);
    for (std::int64_t tap = 0; tap < taps_; ++tap) {
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        const Weight* from = first + (lane * values_ + begin) * taps_ + tap;
        std::byte* place = to + (tap * tap_groups_ + begin / values) * group_bytes + lane * 4;
        for (std::int64_t c = begin; c < end; c += values, place += group_bytes) {
          Value group[values] = {};
          for (std::int64_t i = 0; i < values && c + i < end; ++i, from += taps_) group[i] = convert(*from);
          std::memcpy(place, group, sizeof group);
        }
      }
    }
  }
}

/// {out, in, kh, kw} -> {out, kw, in, kh}: the values of a row as a tap of that many channels has them.
template <class Weight>
std::vector<Weight> PackedWeights::by_rows(std::span<const Weight> weights) const {
  const std::int64_t channels = values_ / row_positions_;
  std::vector<Weight> rows(weights.size());
  std::size_t i = 0;
  for (std::int64_t out = 0; out < outputs_; ++out)
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t ky = 0; ky < taps_; ++ky)
        for (std::int64_t kx = 0; kx < row_positions_; ++kx, ++i)
          rows[static_cast<std::size_t>((out * values_ + kx * channels + c) * taps_ + ky)] = weights[i];
  return rows;
}

void PackedWeights::pack(const IntegerWeights& weights, std::span<std::byte> packed) const {
  const std::vector<std::int8_t> rows =
      tap_ == Tap::kRow ? by_rows(weights.weights) : std::vector<std::int8_t>();
  const std::span<const std::int8_t> values =
      tap_ == Tap::kRow ? std::span<const std::int8_t>(rows) : weights.weights;
  std::byte* base = packed.data();
  std::memset(base, 0, static_cast<std::size_t>(panels_.front().weights));
  for (std::size_t i = 0; i < panels_.size(); ++i) {
    const Panel& panel = panels_[i];
    std::byte* to = base + panel.weights;
    std::uint32_t flags = 0;
    if (element_ == Element::kU8) {
      pack_panel(
          panel, values, [](std::int8_t w) { return w; }, to);
      if (can_saturate(to, panel_bytes(panel.lanes))) flags |= kExact;
    } else {
      pack_panel(
          panel, values, [](std::int8_t w) { return static_cast<std::int16_t>(w); }, to);
    }
    const std::int64_t last = std::min(panel.channel + panel.lanes, outputs_);
    if (are_small({weights.multipliers.data() + panel.channel, weights.multipliers.data() + last})) {
      flags |= kBounded;
    }
    std::memcpy(base + i * sizeof flags, &flags, sizeof flags);
  }
  auto* bias = reinterpret_cast<std::int32_t*>(base + bias_);
  if (bias_map_) {
    for (std::int64_t out = 0; out < outputs_; ++out) {
      const std::int32_t* from = weights.bias_map.data() + out * pixels_;
      for (std::int64_t p = 0; p < pixels_; ++p) bias[p * padded_outputs_ + out] = from[p];
    }
  } else {
    std::copy_n(weights.bias.data(), outputs_, bias);
  }
  std::copy_n(weights.multipliers.data(), outputs_, reinterpret_cast<float*>(base + multipliers_));
}

void PackedWeights::pack(std::span<const float> weights, std::span<const float> bias,
                         std::span<std::byte> packed) const {
  const std::vector<float> rows = tap_ == Tap::kRow ? by_rows(weights) : std::vector<float>();
  const std::span<const float> values = tap_ == Tap::kRow ? std::span<const float>(rows) : weights;
  std::byte* base = packed.data();
  std::memset(base, 0, static_cast<std::size_t>(panels_.front().weights));
  for (const Panel& panel : panels_) {
    pack_panel(
        panel, values, [](float w) { return to_bfloat16(w); }, base + panel.weights);
  }
  std::copy(bias.begin(), bias.end(), reinterpret_cast<float*>(base + bias_));
}

}  // namespace octet::kernels::conv_dot
