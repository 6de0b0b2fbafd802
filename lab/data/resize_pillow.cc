// Pillow's antialiased bilinear for 8-bit pictures: a triangle as wide as the reduction, normalised in
// double, rounded to 22 fraction bits; rows are filtered first and rounded to 8 bits, then columns (source:
// Pillow's src/libImaging/Resample.c).
#include <algorithm>
#include <cmath>

#include "lab/data/resize.h"
#include "lab/data/resize_checks.h"

namespace octet::lab {
namespace {

constexpr int kPillowWeightBits = 32 - 8 - 2;

// Weights of all output positions: `count[i]` taps from source position `first[i]`, at `weights[i * width]`.
struct Filter {
  int width = 0;
  std::vector<int> first;
  std::vector<int> count;
  std::vector<std::int32_t> weights;
};

std::int32_t to_fixed(double weight) {
  return static_cast<std::int32_t>(weight * (1 << kPillowWeightBits) + (weight < 0 ? -0.5 : 0.5));
}

double triangle(double x) { return std::abs(x) < 1.0 ? 1.0 - std::abs(x) : 0.0; }

Filter make_filter(int from, int to) {
  const double scale = static_cast<double>(from) / to;
  const double support = std::max(scale, 1.0);  // never narrower than a source pixel
  const double inverse_support = 1.0 / support;
  Filter filter;
  filter.width = static_cast<int>(std::ceil(support)) * 2 + 1;
  filter.weights.resize(static_cast<std::size_t>(to) * static_cast<std::size_t>(filter.width));
  std::vector<double> weights(static_cast<std::size_t>(filter.width));
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * scale;
    // Pillow rounds by truncating; halves, and a start below 0, must go its way.
    const double low = center - support + 0.5;
    const double high = center + support + 0.5;
    const int first = std::max(static_cast<int>(low), 0);
    const int count = std::min(static_cast<int>(high), from) - first;
    double sum = 0;
    for (int k = 0; k < count; ++k)
      sum += weights[static_cast<std::size_t>(k)] = triangle((k + first - center + 0.5) * inverse_support);
    std::int32_t* fixed =
        &filter.weights[static_cast<std::size_t>(i) * static_cast<std::size_t>(filter.width)];
    for (int k = 0; k < count; ++k) {
      const double weight = weights[static_cast<std::size_t>(k)];
      fixed[k] = to_fixed(sum != 0.0 ? weight / sum : weight);
    }
    filter.first.push_back(first);
    filter.count.push_back(count);
  }
  return filter;
}

// One output sample: `count` source samples `step` bytes apart.
std::uint8_t weigh(const std::uint8_t* source, std::size_t step, const std::int32_t* weights, int count) {
  std::int32_t sum = 1 << (kPillowWeightBits - 1);
  for (int k = 0; k < count; ++k, source += step) sum += *source * weights[k];
  return static_cast<std::uint8_t>(std::clamp(sum >> kPillowWeightBits, 0, 255));
}

Image filter_rows(const Image& image, int width) {
  const Filter filter = make_filter(image.width, width);
  Image out = make_image(width, image.height);
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* to = out.row(y);
    const std::int32_t* weights = filter.weights.data();
    for (std::size_t x = 0; x < static_cast<std::size_t>(width); ++x, weights += filter.width) {
      const std::uint8_t* source = image.row(y) + filter.first[x] * 3;
      for (int c = 0; c < 3; ++c) *to++ = weigh(source + c, 3, weights, filter.count[x]);
    }
  }
  return out;
}

Image filter_columns(const Image& image, int height) {
  const Filter filter = make_filter(image.height, height);
  Image out = make_image(image.width, height);
  const std::size_t row_bytes = static_cast<std::size_t>(image.width) * 3;
  const std::int32_t* weights = filter.weights.data();
  for (int y = 0; y < height; ++y, weights += filter.width) {
    const std::uint8_t* source = image.row(filter.first[static_cast<std::size_t>(y)]);
    std::uint8_t* to = out.row(y);
    for (std::size_t i = 0; i < row_bytes; ++i)
      to[i] = weigh(source + i, row_bytes, weights, filter.count[static_cast<std::size_t>(y)]);
  }
  return out;
}

}  // namespace

Image resize_pillow_bilinear(const Image& image, int width, int height) {
  check_resize(image, width, height);
  Image out = width == image.width ? image : filter_rows(image, width);
  return height == image.height ? out : filter_columns(out, height);
}

}  // namespace octet::lab
