#include "quantize/layer_statistics.h"

#include <algorithm>
#include <cmath>

#include "kernels/integer/arithmetic.h"

namespace octet::quantize {
namespace {

constexpr std::int64_t kPending = 256;       // columns multiplied at a time
constexpr double kResidualUnit = 65536;      // parts of an integer step in which residuals are summed
constexpr double kLargestResidual = 0x1p31;  // in steps: sums of kMostSamples of them stay below 2^62
/// Samples for each tap, so that second moments are well determined, and how many at least.
constexpr std::int64_t kSamplesPerTap = 8;
constexpr std::int64_t kLeastSamples = 8192;
/// Columns kept apart: at most so many, and fewer where judging them would cost more multiplications than
/// this.
constexpr std::int64_t kMostApart = 1024;
constexpr std::int64_t kJudgingMacs = std::int64_t{1} << 30;
constexpr std::int64_t kLeastApart = 32;

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

std::int64_t samples_per_picture(const LayerGeometry& g, const PictureSplit& split) {
  const std::int64_t wanted =
      std::clamp(kSamplesPerTap * g.taps(), kLeastSamples, LayerStatistics::kMostSamples);
  const std::int64_t most = std::max<std::int64_t>(LayerStatistics::kMostSamples / split.fitted(), 1);
  return std::clamp<std::int64_t>(divide_up(wanted, split.fitted()), 1, std::min(g.positions(), most));
}

std::int64_t apart_columns(const LayerGeometry& g, const PictureSplit& split) {
  const std::int64_t affordable = kJudgingMacs / std::max<std::int64_t>(g.taps() * g.out_channels, 1);
  const std::int64_t wanted = std::clamp(affordable, kLeastApart, kMostApart);
  return std::min(wanted, split.apart() * g.positions());
}

/// A bit mixer (the finaliser of SplitMix64): neighbouring numbers become unrelated ones.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// The four products of two rows with two rows, each summed over kPending columns. Written so that the
/// compiler finds its 16-bit multiply-add instruction.
void multiply_rows(const std::int16_t* a0, const std::int16_t* a1, const std::int16_t* b0,
                   const std::int16_t* b1, std::int32_t (&sums)[4]) {
  std::int32_t s00 = 0, s01 = 0, s10 = 0, s11 = 0;
  for (std::int64_t i = 0; i < kPending; ++i) {
    s00 += std::int32_t{a0[i]} * b0[i];
    s01 += std::int32_t{a0[i]} * b1[i];
    s10 += std::int32_t{a1[i]} * b0[i];
    s11 += std::int32_t{a1[i]} * b1[i];
  }
  sums[0] += s00, sums[1] += s01, sums[2] += s10, sums[3] += s11;
}

}  // namespace

LayerGeometry layer_geometry(const graph::Graph& graph, const graph::Node& node) {
  const Shape& in = graph.shape(node.inputs[0]);
  const Shape& out = graph.shape(node.outputs[0]);
  LayerGeometry g;
  g.channels = in.dim_or_1(1), g.height = in.dim_or_1(2), g.width = in.dim_or_1(3);
  g.out_channels = out.dim_or_1(1);
  if (const auto* convolution = std::get_if<graph::Convolution>(&node.op)) {
    g.out_height = out.dim_or_1(2), g.out_width = out.dim_or_1(3);
    g.groups = convolution->groups;
    g.window = convolution->window;
  } else {
    g.window.kernel_h = g.height, g.window.kernel_w = g.width;
  }
  return g;
}

std::int16_t LayerInput::integer(float real) const {
  if (pixels) return static_cast<std::int16_t>(std::nearbyintf(std::clamp(real, -255.0f, 255.0f)));
  return static_cast<std::int16_t>(kernels::integer::quantize(real, quantization, {0, 255}) -
                                   quantization.zero_point);
}

LayerStatistics::LayerStatistics(const LayerGeometry& geometry, const LayerInput& input,
                                 std::int64_t pictures, bool second_moments)
    : geometry_(geometry), input_(input), split_{pictures}, second_moments_(second_moments) {
  samples_per_picture_ = samples_per_picture(geometry, split_);
  apart_per_picture_ = divide_up(octet::quantize::apart_columns(geometry, split_), split_.apart());
  apart_count_ = octet::quantize::apart_columns(geometry, split_);
  const auto column = static_cast<std::size_t>(geometry.column());
  pending_.resize(column * kPending);
  integer_sums_.resize(column);
  residual_sums_.resize(column);
  if (second_moments)
    products_.resize(static_cast<std::size_t>(geometry.groups * geometry.taps() * geometry.taps()));
  apart_reals_.resize(column * static_cast<std::size_t>(apart_count_));
  apart_integers_.resize(column * static_cast<std::size_t>(apart_count_));
}

std::int64_t LayerStatistics::expected_samples(const LayerGeometry& geometry, std::int64_t pictures) {
  const PictureSplit split{pictures};
  return std::min(split.fitted() * samples_per_picture(geometry, split), kMostSamples);
}

std::int64_t LayerStatistics::bytes(const LayerGeometry& g, std::int64_t pictures, bool second_moments) {
  const std::int64_t apart = octet::quantize::apart_columns(g, PictureSplit{pictures});
  std::int64_t bytes = g.column() * (kPending * 2 + 16 + apart * 6);
  if (second_moments) bytes += g.groups * g.taps() * g.taps() * 4;
  return bytes;
}

std::int64_t LayerStatistics::position(std::int64_t picture, std::int64_t sample) const {
  const std::uint64_t number = static_cast<std::uint64_t>(picture) << 32 | static_cast<std::uint64_t>(sample);
  return static_cast<std::int64_t>(mix(number) % static_cast<std::uint64_t>(geometry_.positions()));
}

void LayerStatistics::gather(std::span<const float> values, std::int64_t position,
                             std::span<float> column) const {
  const graph::Window& w = geometry_.window;
  const std::int64_t top = position / geometry_.out_width * w.stride_h - w.pad_top;
  const std::int64_t left = position % geometry_.out_width * w.stride_w - w.pad_left;
  float* out = column.data();
  for (std::int64_t c = 0; c < geometry_.channels; ++c) {
    const float* plane = values.data() + c * geometry_.height * geometry_.width;
    for (std::int64_t ky = 0; ky < w.kernel_h; ++ky) {
      const std::int64_t y = top + ky * w.dilation_h;
      for (std::int64_t kx = 0; kx < w.kernel_w; ++kx) {
        const std::int64_t x = left + kx * w.dilation_w;
        const bool inside = y >= 0 && y < geometry_.height && x >= 0 && x < geometry_.width;
        *out++ = inside ? plane[y * geometry_.width + x] : 0.0f;
      }
    }
  }
}

void LayerStatistics::add(std::int64_t picture, std::span<const float> values) {
  const auto length = static_cast<std::size_t>(geometry_.column());
  if (split_.is_fitted(picture) && (split_.rank(picture) + 1) * samples_per_picture_ <= kMostSamples) {
    std::vector<float> columns(length * static_cast<std::size_t>(samples_per_picture_));
    for (std::int64_t s = 0; s < samples_per_picture_; ++s)
      gather(values, position(picture, s),
             std::span(columns).subspan(static_cast<std::size_t>(s) * length, length));
    const std::lock_guard lock(mutex_);
    for (std::size_t begin = 0; begin < columns.size(); begin += length)
      append(std::span(columns).subspan(begin, length));
  }
  if (!split_.is_apart(picture)) return;
  for (std::int64_t s = 0; s < apart_per_picture_; ++s) {
    const std::int64_t slot = split_.rank(picture) * apart_per_picture_ + s;
    if (slot >= apart_count_) return;
    const auto reals = std::span(apart_reals_).subspan(static_cast<std::size_t>(slot) * length, length);
    gather(values, position(picture, s), reals);
    std::transform(reals.begin(), reals.end(), apart_integers_.begin() + slot * geometry_.column(),
                   [this](float v) { return input_.integer(v); });
  }
}

void LayerStatistics::append(std::span<const float> reals) {
  const double per_unit = 1 / static_cast<double>(input_.quantization.scale);
  for (std::size_t i = 0; i < reals.size(); ++i) {
    const std::int16_t integer = input_.integer(reals[i]);
    pending_[i * kPending + static_cast<std::size_t>(pending_count_)] = integer;
    integer_sums_[i] += integer;
    if (input_.pixels) continue;  // bytes are exact
    const double residual = static_cast<double>(reals[i]) * per_unit - integer;
    residual_sums_[i] +=
        std::llrint(std::clamp(residual, -kLargestResidual, kLargestResidual) * kResidualUnit);
  }
  ++samples_;
  if (++pending_count_ == kPending) multiply_pending();
}

void LayerStatistics::multiply_pending() {
  if (second_moments_) {
    const std::int64_t taps = geometry_.taps();
    // Tiles of rows whose columns stay in the cache.
    constexpr std::int64_t kTile = 32;
    for (std::int64_t group = 0; group < geometry_.groups; ++group) {
      const std::int16_t* rows = pending_.data() + group * taps * kPending;
      std::int32_t* products = products_.data() + group * taps * taps;
      for (std::int64_t tile_t = 0; tile_t < taps; tile_t += kTile)
        for (std::int64_t tile_u = 0; tile_u <= tile_t; tile_u += kTile)
          for (std::int64_t t = tile_t; t < std::min(tile_t + kTile, taps); t += 2)
            for (std::int64_t u = tile_u; u < std::min(tile_u + kTile, taps); u += 2) {
              // At an odd end the last row stands for the missing one, whose products are not kept.
              const std::int64_t t1 = std::min(t + 1, taps - 1), u1 = std::min(u + 1, taps - 1);
              std::int32_t sums[4] = {};
              multiply_rows(rows + t * kPending, rows + t1 * kPending, rows + u * kPending,
                            rows + u1 * kPending, sums);
              products[t * taps + u] += sums[0];
              if (u1 > u) products[t * taps + u1] += sums[1];
              if (t1 > t) products[t1 * taps + u] += sums[2];
              if (t1 > t && u1 > u) products[t1 * taps + u1] += sums[3];
            }
    }
  }
  std::fill(pending_.begin(), pending_.end(), 0);
  pending_count_ = 0;
}

void LayerStatistics::finish() {
  if (pending_count_ > 0) multiply_pending();
  pending_ = {};
}

std::vector<float> LayerStatistics::mean_products(std::int64_t group) const {
  const std::int64_t taps = geometry_.taps();
  const std::int32_t* products = products_.data() + group * taps * taps;
  const double share = 1 / static_cast<double>(std::max<std::int64_t>(samples_, 1));
  std::vector<float> means(static_cast<std::size_t>(taps * taps));
  for (std::int64_t t = 0; t < taps; ++t)
    for (std::int64_t u = 0; u <= t; ++u) {
      const auto mean = static_cast<float>(products[t * taps + u] * share);
      means[static_cast<std::size_t>(t * taps + u)] = mean;
      means[static_cast<std::size_t>(u * taps + t)] = mean;
    }
  return means;
}

std::vector<double> LayerStatistics::mean_input_error() const {
  const double unit = static_cast<double>(input_.quantization.scale) / kResidualUnit /
                      static_cast<double>(std::max<std::int64_t>(samples_, 1));
  std::vector<double> means;
  for (const std::int64_t sum : residual_sums_) means.push_back(static_cast<double>(sum) * unit);
  return means;
}

std::vector<double> LayerStatistics::mean_integers() const {
  std::vector<double> means;
  for (const std::int64_t sum : integer_sums_)
    means.push_back(static_cast<double>(sum) / static_cast<double>(std::max<std::int64_t>(samples_, 1)));
  return means;
}

std::span<const float> LayerStatistics::apart_reals(std::int64_t i) const {
  const auto length = static_cast<std::size_t>(geometry_.column());
  return std::span(apart_reals_).subspan(static_cast<std::size_t>(i) * length, length);
}
std::span<const std::int16_t> LayerStatistics::apart_integers(std::int64_t i) const {
  const auto length = static_cast<std::size_t>(geometry_.column());
  return std::span(apart_integers_).subspan(static_cast<std::size_t>(i) * length, length);
}

}  // namespace octet::quantize
