// cv::resize(INTER_LINEAR) for 8-bit pictures. What has to be kept to agree bit for bit: positions in double
// rounded to float, weights in 11 bits rounded to even, sums across in 32 bits, and a vertical pass that
// drops low bits in a certain order (source: opencv/modules/imgproc/src/resize.cpp, HResizeLinear,
// VResizeLinear).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "lab/data/resize.h"
#include "lab/data/resize_checks.h"
#include "octet/error.h"

namespace octet::lab {

void check_resize(const Image& image, int width, int height) {
  if (image.width < 1 || image.height < 1 ||
      image.rgb.size() != static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("resize: a picture of {} x {} with {} bytes is not whole", image.width,
                            image.height, image.rgb.size()));
  if (width < 1 || height < 1 || std::int64_t{width} * height > kMaxImagePixels)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("resize: {} x {} was asked for; sides must be at least 1 and pixels at most {}",
                            width, height, kMaxImagePixels));
}

namespace {

constexpr int kOpenCvWeightBits = 11;
constexpr float kWeightOne = 1 << kOpenCvWeightBits;

// Two neighbouring source positions and their weights, which sum to 2^11 (or differ by one from rounding).
struct Tap {
  int first;
  int second;
  std::int32_t first_weight;
  std::int32_t second_weight;
};

double scale_of(int from, int to) { return 1.0 / (static_cast<double>(to) / from); }

// Across, a position outside the picture is moved onto its edge together with its weights; down, only the
// index is. The two differ in rounding alone, and OpenCV does exactly this.
enum class Edge { kMoveWeights, kMoveIndex };

std::vector<Tap> make_taps(int from, int to, Edge edge) {
  const double scale = scale_of(from, to);
  std::vector<Tap> taps(static_cast<std::size_t>(to));
  for (int i = 0; i < to; ++i) {
    float fraction = static_cast<float>((i + 0.5) * scale - 0.5);
    int index = static_cast<int>(std::floor(fraction));
    fraction -= static_cast<float>(index);
    if (edge == Edge::kMoveWeights && (index < 0 || index >= from - 1)) {
      index = index < 0 ? 0 : from - 1;
      fraction = 0;
    }
    // lrintf rounds to even in the default rounding mode, as OpenCV's saturate_cast does.
    taps[static_cast<std::size_t>(i)] = {
        std::clamp(index, 0, from - 1), std::clamp(index + 1, 0, from - 1),
        static_cast<std::int32_t>(std::lrintf((1.0f - fraction) * kWeightOne)),
        static_cast<std::int32_t>(std::lrintf(fraction * kWeightOne))};
  }
  return taps;
}

void resize_row(const std::uint8_t* source, const std::vector<Tap>& taps, std::int32_t* out) {
  for (const Tap& tap : taps)
    for (int c = 0; c < 3; ++c)
      *out++ = source[tap.first * 3 + c] * tap.first_weight + source[tap.second * 3 + c] * tap.second_weight;
}

// 22 fraction bits come in; 4 are dropped before the product with the vertical weight, 16 after it, 2
// rounded.
std::uint8_t blend(std::int32_t above, std::int32_t below, const Tap& tap) {
  const std::int32_t sum =
      ((tap.first_weight * (above >> 4)) >> 16) + ((tap.second_weight * (below >> 4)) >> 16);
  return static_cast<std::uint8_t>(std::clamp((sum + 2) >> 2, 0, 255));
}

Image halve(const Image& image) {
  Image out = make_image(image.width / 2, image.height / 2);
  for (int y = 0; y < out.height; ++y) {
    const std::uint8_t* above = image.row(2 * y);
    const std::uint8_t* below = image.row(2 * y + 1);
    std::uint8_t* to = out.row(y);
    for (int x = 0; x < out.width; ++x, above += 6, below += 6)
      for (int c = 0; c < 3; ++c)
        *to++ = static_cast<std::uint8_t>((above[c] + above[c + 3] + below[c] + below[c + 3] + 2) >> 2);
  }
  return out;
}

bool is_exactly_two(double scale) { return std::abs(scale - 2) < std::numeric_limits<double>::epsilon(); }

}  // namespace

Image resize_opencv_linear(const Image& image, int width, int height) {
  check_resize(image, width, height);
  if (width == image.width && height == image.height) return image;
  if (is_exactly_two(scale_of(image.width, width)) && is_exactly_two(scale_of(image.height, height)))
    return halve(image);

  const std::vector<Tap> across = make_taps(image.width, width, Edge::kMoveWeights);
  const std::vector<Tap> down = make_taps(image.height, height, Edge::kMoveIndex);
  Image out = make_image(width, height);
  const std::size_t row_samples = static_cast<std::size_t>(width) * 3;
  // The two source rows of the present output row, widened to `width`; each source row is widened once.
  std::vector<std::int32_t> above(row_samples);
  std::vector<std::int32_t> below(row_samples);
  int above_row = -1;
  int below_row = -1;
  for (int y = 0; y < height; ++y) {
    const Tap& tap = down[static_cast<std::size_t>(y)];
    if (tap.first == below_row) {
      std::swap(above, below);
      std::swap(above_row, below_row);
    }
    if (tap.first != above_row) resize_row(image.row(above_row = tap.first), across, above.data());
    if (tap.second != below_row) resize_row(image.row(below_row = tap.second), across, below.data());
    std::uint8_t* to = out.row(y);
    for (std::size_t i = 0; i < row_samples; ++i) to[i] = blend(above[i], below[i], tap);
  }
  return out;
}

}  // namespace octet::lab
