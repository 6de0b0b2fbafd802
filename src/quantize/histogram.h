// Distribution of a tensor's values over any number of images: counts of all values but exact zeros (which
// every scale represents exactly, and which a ReLU makes plenty of), by magnitude, positive and negative ones
// apart.
//
// Bins are [i * width, (i + 1) * width) with a width that is a power of two: the smallest at which the
// largest magnitude seen has a bin. A larger value doubles the width, which merges bins in pairs and loses no
// count, so between 4096 and 8192 bins of a side are always in use, one pass is enough, and the result does
// not depend on the order in which values, images or histograms come.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace octet::quantize {

class Histogram {
 public:
  static constexpr std::size_t kBins = 8192;  // of a side

  /// `tensor` is named in errors.
  explicit Histogram(std::string tensor = {}) : tensor_(std::move(tensor)) {}

  /// Throws Error(kInvalidArgument) for a NaN or an infinity.
  void add(std::span<const float> values);
  void add(const Histogram& other);

  std::uint64_t zeros() const { return zeros_; }
  /// Values that are not zero.
  std::uint64_t count() const { return count_; }
  float minimum() const { return minimum_; }  // of all values; 0 if there were none
  float maximum() const { return maximum_; }
  float largest_magnitude() const;

  double bin_width() const { return width_; }
  /// kBins counts, or none if there are no such values.
  std::span<const std::uint64_t> positive() const { return positive_; }
  std::span<const std::uint64_t> negative() const { return negative_; }
  /// Counts of both signs by magnitude, kBins of them.
  std::vector<std::uint64_t> magnitudes() const;
  /// `bins` counts over [minimum, maximum] of all values but zeros; a bin here counts where its centre lies.
  std::vector<std::uint64_t> over_range(std::size_t bins) const;

 private:
  void make_room(float magnitude);
  void widen_to(double width);
  void count_values(std::span<const float> values);

  std::string tensor_;
  double width_ = 0;  // 0: no values but zeros yet
  std::vector<std::uint64_t> positive_, negative_;
  std::uint64_t zeros_ = 0, count_ = 0;
  float minimum_ = 0, maximum_ = 0;
};

}  // namespace octet::quantize
