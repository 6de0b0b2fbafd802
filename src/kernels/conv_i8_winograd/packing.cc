#include "kernels/conv_i8_winograd/packing.h"

#include <algorithm>
#include <cstring>

#include "base/aligned_buffer.h"
#include "kernels/conv_dot/convolution.h"
#include "kernels/conv_i8_winograd/contract.h"

namespace octet::kernels::conv_i8_winograd {
namespace {

constexpr int kWindowTaps = kTaps * kTaps;
constexpr std::int64_t kRange = std::int64_t{1} << 26;
constexpr std::uint32_t kBounded = 1;  // flag of a panel
// ResNet's last 3x3 layers are meant, 512 channels at 7 x 7, whose U would be half of a network's memory.
constexpr std::int64_t kLargeU = std::int64_t{8} << 20, kSmallMap = 64;

std::int64_t aligned(std::int64_t bytes) {
  return static_cast<std::int64_t>(base::round_up(static_cast<std::size_t>(bytes), base::kCacheLine));
}

/// What belongs to the lanes of a panel for a pair of input channels, neighbours in memory: a vector for the
/// compiler to work on. All values that it ever holds fit in 16 bits.
template <int kLanes>
using PairOfLanes = std::int16_t[2 * kLanes];

/// G times columns (a, b, c).
template <int kLanes>
void multiply_by_g(const PairOfLanes<kLanes>& a, const PairOfLanes<kLanes>& b, const PairOfLanes<kLanes>& c,
                   PairOfLanes<kLanes> (&rows)[kSide]) {
  for (int i = 0; i < 2 * kLanes; ++i) {
    const int outer = a[i] + c[i], far = a[i] + 4 * c[i], middle = b[i];
    rows[0][i] = static_cast<std::int16_t>(6 * a[i]);
    rows[1][i] = static_cast<std::int16_t>(-4 * (outer + middle));
    rows[2][i] = static_cast<std::int16_t>(-4 * (outer - middle));
    rows[3][i] = static_cast<std::int16_t>(far + 2 * middle);
    rows[4][i] = static_cast<std::int16_t>(far - 2 * middle);
    rows[5][i] = static_cast<std::int16_t>(6 * c[i]);
  }
}

/// U or W of a pair of channels: G taps G^T, point by point, or G taps, to the places of `planes`.
template <int kLanes>
void transform(const PairOfLanes<kLanes> (&taps)[kWindowTaps], Stored stored, std::byte* to,
               const std::vector<std::int64_t>& planes) {
  auto plane = planes.begin();
  const auto keep = [&](const PairOfLanes<kLanes>& values) {
    if (*plane >= 0) std::memcpy(to + *plane, values, sizeof values);
    ++plane;
  };
  PairOfLanes<kLanes> columns[3][kSide], u[kSide];
  for (int x = 0; x < 3; ++x) multiply_by_g<kLanes>(taps[x], taps[3 + x], taps[6 + x], columns[x]);
  for (int i = 0; i < kSide; ++i) {
    if (stored == Stored::kW) {
      for (int x = 0; x < 3; ++x) keep(columns[x][i]);
      continue;
    }
    multiply_by_g<kLanes>(columns[0][i], columns[1][i], columns[2][i], u);
    for (int j = 0; j < kSide; ++j) keep(u[j]);
  }
}

std::int16_t widened(std::int8_t weight) { return weight; }

}  // namespace

Reach reach_of(std::span<const std::int8_t> weights) {
  // 32 bits hold the sums of 2^24 weights.
  std::int32_t low = 0, high = 0;
  for (const std::int8_t w : weights) {
    low += std::min<std::int8_t>(w, 0);
    high += std::max<std::int8_t>(w, 0);
  }
  return {std::int64_t{255} * low, std::int64_t{255} * high};
}

bool fits(std::span<const std::int8_t> weights, std::int64_t outputs) {
  const std::size_t depth = weights.size() / static_cast<std::size_t>(outputs);
  for (std::size_t k = 0; k < static_cast<std::size_t>(outputs); ++k) {
    const Reach reach = reach_of(weights.subspan(k * depth, depth));
    if (reach.high - reach.low >= kRange) return false;
  }
  return true;
}

Stored stored_of(const ConvDesc& desc) {
  const std::int64_t filters = desc.input.channels / desc.groups * desc.output.channels;
  const bool large = filters * kPoints * std::int64_t{sizeof(std::int16_t)} > kLargeU;
  const bool whole = Subwindows(desc.window).count() == 1;
  return large && whole && desc.output.pixels() <= kSmallMap ? Stored::kW : Stored::kU;
}

PackedWeights::PackedWeights(const ConvDesc& desc, int lanes, Stored stored)
    : window_(desc.window),
      subwindows_(desc.window),
      stored_(stored),
      channels_(desc.input.channels / desc.groups),
      outputs_(desc.output.channels),
      group_outputs_(desc.output.channels / desc.groups),
      pairs_(conv_dot::divide_up(channels_, 2)) {
  const std::vector<int> widths =
      conv_dot::cut_into_panels(conv_dot::divide_up(group_outputs_, kChannelBlock) * kChannelBlock, lanes);
  const std::int64_t of_outputs = aligned(desc.output.blocks() * kChannelBlock * 4);
  first_sums_ = aligned(static_cast<std::int64_t>(widths.size()) * desc.groups * 4);
  bias_ = first_sums_ + of_outputs;
  multipliers_ = bias_ + of_outputs;
  bytes_ = multipliers_ + of_outputs;
  for (std::int64_t group = 0; group < desc.groups; ++group) {
    std::int64_t channel = group * group_outputs_;
    for (int width : widths) {
      panels_.push_back({group, channel, width, bytes_});
      channel += width;
      for (int row = 0; row < kSide; ++row) bytes_ += planes_of_row(row) * plane_bytes(width);
    }
  }
}

int PackedWeights::planes_of_row(int row) const {
  if (stored_ == Stored::kW) return 3;
  return subwindows_.rows().count_at(row) * subwindows_.columns().points(Kind::kFour);
}

bool PackedWeights::bounded(const std::byte* packed, std::size_t panel) {
  std::uint32_t flags;
  std::memcpy(&flags, packed + panel * sizeof flags, sizeof flags);
  return (flags & kBounded) != 0;
}

void PackedWeights::pack(const IntegerWeights& weights, std::span<std::byte> packed) const {
  std::byte* base = packed.data();
  std::memset(base, 0, static_cast<std::size_t>(panels_.front().weights));
  for (std::size_t i = 0; i < panels_.size(); ++i) {
    const conv_dot::Panel& panel = panels_[i];
    const std::int64_t last = std::min(panel.channel + panel.lanes, outputs_);
    const float* multipliers = weights.multipliers.data();
    const std::uint32_t flags =
        conv_dot::are_small({multipliers + panel.channel, multipliers + last}) ? kBounded : 0;
    std::memcpy(base + i * sizeof flags, &flags, sizeof flags);
    pack_panel(panel, weights.weights, base + panel.weights);
  }

  auto* first_sums = reinterpret_cast<std::uint32_t*>(base + first_sums_);
  auto* bias = reinterpret_cast<std::uint32_t*>(base + bias_);
  const std::size_t depth = static_cast<std::size_t>(channels_ * window_.kernel_h * window_.kernel_w);
  for (std::size_t k = 0; k < static_cast<std::size_t>(outputs_); ++k) {
    const Reach reach = reach_of(weights.weights.subspan(k * depth, depth));
    const auto centre = static_cast<std::uint32_t>(reach.low + kRange / 2);
    first_sums[k] = 0 - kScale * centre;
    bias[k] = static_cast<std::uint32_t>(weights.bias[k]) + centre;
  }
  std::copy_n(weights.multipliers.data(), outputs_, reinterpret_cast<float*>(base + multipliers_));
}

void PackedWeights::pack_panel(const conv_dot::Panel& panel, std::span<const std::int8_t> weights,
                               std::byte* to) const {
  const std::int64_t lanes =
      std::min<std::int64_t>(panel.lanes, (panel.group + 1) * group_outputs_ - panel.channel);
  const std::int8_t* first = weights.data() + panel.channel * channels_ * window_.kernel_h * window_.kernel_w;
  if (panel.lanes == 16) transform_panel<16>(first, lanes, to);
  if (panel.lanes == 32) transform_panel<32>(first, lanes, to);
}

std::vector<std::int64_t> PackedWeights::planes_of(int subwindow, int lanes) const {
  std::vector<std::int64_t> planes;
  std::int64_t place = 0;
  if (stored_ == Stored::kW) {
    for (int i = 0; i < kSide * 3; ++i) planes.push_back(i * plane_bytes(lanes));
    return planes;
  }
  for (int point = 0; point < kPoints; ++point) {
    planes.push_back(-1);
    for (int s = 0; s < subwindows_.count(); ++s) {
      if (!subwindows_.has_point(s, point)) continue;
      if (s == subwindow) planes.back() = place;
      place += plane_bytes(lanes);
    }
  }
  return planes;
}

/// U or W of a panel. `weights`: of its first lane, of which `lanes` have weights.
template <int kLanes>
void PackedWeights::transform_panel(const std::int8_t* weights, std::int64_t lanes, std::byte* to) const {
  for (int s = 0; s < subwindows_.count(); ++s) transform_subwindow<kLanes>(s, weights, lanes, to);
}

template <int kLanes>
void PackedWeights::transform_subwindow(int subwindow, const std::int8_t* weights, std::int64_t lanes,
                                        std::byte* to) const {
  const std::vector<std::int64_t> planes = planes_of(subwindow, kLanes);
  const std::int64_t top = subwindows_.top(subwindow), left = subwindows_.left(subwindow);
  const std::int64_t rows = std::min(kTaps, window_.kernel_h - top),
                     columns = std::min(kTaps, window_.kernel_w - left);
  for (std::int64_t c = 0; c < channels_; c += 2, to += sizeof(PairOfLanes<kLanes>)) {
    PairOfLanes<kLanes> taps[kWindowTaps] = {};
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      for (std::int64_t i = 0; i < std::min<std::int64_t>(2, channels_ - c); ++i) {
        const std::int8_t* w = weights + (lane * channels_ + c + i) * window_.kernel_h * window_.kernel_w +
                               top * window_.kernel_w + left;
        for (std::int64_t y = 0; y < rows; ++y)
          for (std::int64_t x = 0; x < columns; ++x)
            taps[y * kTaps + x][2 * lane + i] = widened(w[y * window_.kernel_w + x]);
      }
    }
    transform<kLanes>(taps, stored_, to, planes);
  }
}

}  // namespace octet::kernels::conv_i8_winograd
