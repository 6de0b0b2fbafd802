// Small helpers for kernel and graph tests: reproducible random values, conversion between dense NCHW and the
// kernel layouts, and a comparison that prints where two tensors differ.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/layout.h"

namespace octet::test {

inline std::vector<float> random_floats(std::size_t count, std::uint32_t seed, float low = -1,
                                        float high = 1) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> distribution(low, high);
  std::vector<float> values(count);
  for (float& v : values) v = distribution(engine);
  return values;
}

/// A tensor of `images` images in a kernel layout. Fresh memory is poisoned with NaN, so that a kernel that
/// forgets to write its padding lanes, or reads what it must not, is seen.
class LaidOut {
 public:
  LaidOut(const kernels::FeatureMap& map, int images, std::int64_t image_stride = 0)
      : map_(map), images_(images), stride_(image_stride > 0 ? image_stride : map.elements()) {
    buffer_ = base::AlignedBuffer(static_cast<std::size_t>(stride_ * images) * sizeof(float));
    std::fill_n(buffer_.floats(), stride_ * images, std::nanf(""));
  }
  /// From dense NCHW; padding lanes become zero.
  LaidOut(const kernels::FeatureMap& map, int images, const std::vector<float>& nchw) : LaidOut(map, images) {
    for (int n = 0; n < images; ++n)
      for (std::int64_t c = 0; c < map.padded_channels(); ++c)
        for (std::int64_t p = 0; p < map.pixels(); ++p)
          at(n, c, p) = c < map.channels
                            ? nchw[static_cast<std::size_t>((n * map.channels + c) * map.pixels() + p)]
                            : 0.0f;
  }

  float& at(int n, std::int64_t c, std::int64_t pixel) {
    const bool blocked = map_.layout == kernels::Layout::kNchw16c;
    const std::int64_t block = kernels::kChannelBlock;
    const std::int64_t offset =
        blocked ? ((c / block) * map_.pixels() + pixel) * block + c % block : c * map_.pixels() + pixel;
    return buffer_.floats()[n * stride_ + offset];
  }
  std::vector<float> to_nchw() {
    std::vector<float> nchw;
    for (int n = 0; n < images_; ++n)
      for (std::int64_t c = 0; c < map_.channels; ++c)
        for (std::int64_t p = 0; p < map_.pixels(); ++p) nchw.push_back(at(n, c, p));
    return nchw;
  }
  bool padding_is_zero() {
    for (int n = 0; n < images_; ++n)
      for (std::int64_t c = map_.channels; c < map_.padded_channels(); ++c)
        for (std::int64_t p = 0; p < map_.pixels(); ++p)
          if (at(n, c, p) != 0.0f) return false;
    return true;
  }

  float* floats() { return buffer_.floats(); }
  std::byte* data() { return buffer_.data(); }
  std::int64_t stride() const { return stride_; }
  const kernels::FeatureMap& map() const { return map_; }

 private:
  kernels::FeatureMap map_;
  int images_;
  std::int64_t stride_;
  base::AlignedBuffer buffer_;
};

struct Difference {
  double max_error = 0;  // max |a - b| / max |b|; infinity where one is not finite or sizes differ
  std::size_t index = 0;
  std::string text;  // "max relative error 3.1e-05 at 17: got 1.2, expected 1.3"
};

/// Relative to the range of `expected`, as every accuracy promise of Octet is stated.
inline Difference compare(const std::vector<float>& got, const std::vector<float>& expected) {
  Difference d;
  std::ostringstream text;
  if (got.size() != expected.size()) {
    d.max_error = INFINITY;
    text << "sizes differ: got " << got.size() << ", expected " << expected.size();
    d.text = text.str();
    return d;
  }
  double range = 0;
  for (float e : expected) range = std::max(range, std::abs(static_cast<double>(e)));
  if (range == 0) range = 1;
  for (std::size_t i = 0; i < got.size(); ++i) {
    double error = std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i])) / range;
    if (!(error < INFINITY)) error = INFINITY;
    if (error > d.max_error) d.max_error = error, d.index = i;
  }
  if (!got.empty()) {
    text << "max relative error " << d.max_error << " at " << d.index << ": got " << got[d.index]
         << ", expected " << expected[d.index] << " (range " << range << ")";
  }
  d.text = text.str();
  return d;
}

}  // namespace octet::test
