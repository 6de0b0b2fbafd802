#include "quantize/histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "octet/error.h"
#include "quantize/weight_integers.h"

namespace octet::quantize {
namespace {

/// Values looked at before they are counted: few enough to be still in the L1 cache.
constexpr std::size_t kHistogramBlock = 4096;
/// Widths and their reciprocals stay normal numbers.
constexpr int kSmallestExponent = -120;

/// The smallest power of two whose kBins-fold is above `magnitude`.
double width_for(float magnitude) {
  int exponent = 0;
  std::frexp(magnitude, &exponent);  // magnitude < 2^exponent
  static_assert(Histogram::kBins == 1u << 13);
  return std::ldexp(1.0, std::max(exponent - 13, kSmallestExponent));
}

void merge_pairs(std::vector<std::uint64_t>& bins) {
  for (std::size_t i = 0; i < bins.size() / 2; ++i) bins[i] = bins[2 * i] + bins[2 * i + 1];
  std::fill(bins.begin() + static_cast<std::ptrdiff_t>(bins.size() / 2), bins.end(), 0);
}

void add_bins(std::vector<std::uint64_t>& to, std::span<const std::uint64_t> from) {
  if (from.empty()) return;
  to.resize(Histogram::kBins);
  for (std::size_t i = 0; i < from.size(); ++i) to[i] += from[i];
}

}  // namespace

void Histogram::add(std::span<const float> values) {
  for (std::size_t begin = 0; begin < values.size(); begin += kHistogramBlock) {
    const auto block = values.subspan(begin, std::min(kHistogramBlock, values.size() - begin));
    const float largest = quantize::largest_magnitude(block);
    if (!std::isfinite(largest)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("tensor '{}' has a value that is NaN or infinite", tensor_));
    }
    make_room(largest);
    count_values(block);
  }
}

void Histogram::make_room(float magnitude) {
  if (magnitude == 0) return;
  const double width = width_for(magnitude);
  if (width_ == 0) width_ = width;
  if (width > width_) widen_to(width);
}

void Histogram::widen_to(double width) {
  for (; width_ < width; width_ *= 2) merge_pairs(positive_), merge_pairs(negative_);
}

void Histogram::count_values(std::span<const float> values) {
  const bool first = zeros_ + count_ == 0;
  float low = first ? values[0] : minimum_, high = first ? values[0] : maximum_;
  for (const float v : values) low = std::min(low, v), high = std::max(high, v);
  minimum_ = low, maximum_ = high;

  if (high > 0) positive_.resize(kBins);
  if (low < 0) negative_.resize(kBins);
  const float bins_per_unit = width_ > 0 ? static_cast<float>(1 / width_) : 0;
  std::uint64_t zeros = 0;
  for (const float v : values) {
    if (v > 0)
      ++positive_[static_cast<std::size_t>(v * bins_per_unit)];
    else if (v < 0)
      ++negative_[static_cast<std::size_t>(-v * bins_per_unit)];
    else
      ++zeros;
  }
  zeros_ += zeros;
  count_ += values.size() - zeros;
}

void Histogram::add(const Histogram& other) {
  if (other.zeros_ + other.count_ == 0) return;
  const bool first = zeros_ + count_ == 0;
  minimum_ = first ? other.minimum_ : std::min(minimum_, other.minimum_);
  maximum_ = first ? other.maximum_ : std::max(maximum_, other.maximum_);
  zeros_ += other.zeros_;
  count_ += other.count_;
  if (other.width_ == 0) return;
  if (width_ == 0) width_ = other.width_;
  if (other.width_ <= width_) {
    Histogram widened = other;
    widened.widen_to(width_);
    add_bins(positive_, widened.positive_);
    add_bins(negative_, widened.negative_);
  } else {
    widen_to(other.width_);
    add_bins(positive_, other.positive_);
    add_bins(negative_, other.negative_);
  }
}

float Histogram::largest_magnitude() const { return std::max(std::fabs(minimum_), std::fabs(maximum_)); }

std::vector<std::uint64_t> Histogram::magnitudes() const {
  std::vector<std::uint64_t> sums(kBins);
  add_bins(sums, positive_);
  add_bins(sums, negative_);
  return sums;
}

std::vector<std::uint64_t> Histogram::over_range(std::size_t bins) const {
  std::vector<std::uint64_t> counts(bins);
  const double low = minimum_, range = static_cast<double>(maximum_) - low;
  const auto add_side = [&](std::span<const std::uint64_t> side, double sign) {
    for (std::size_t i = 0; i < side.size(); ++i) {
      if (side[i] == 0) continue;
      const double centre = sign * (static_cast<double>(i) + 0.5) * width_;
      const double position = range > 0 ? (centre - low) / range * static_cast<double>(bins) : 0;
      counts[static_cast<std::size_t>(std::clamp(position, 0.0, static_cast<double>(bins - 1)))] += side[i];
    }
  };
  add_side(positive_, 1);
  add_side(negative_, -1);
  return counts;
}

}  // namespace octet::quantize
