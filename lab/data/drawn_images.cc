#include "lab/data/drawn_images.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "lab/bench/random.h"
#include "lab/data/drawn_shapes.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using drawn::Fill;
using drawn::Frame;
using drawn::Point;
using drawn::Random;

constexpr int kSide = kDrawnSide;
constexpr double kMiddle = kSide / 2.0;
constexpr std::uint64_t kSeed = 20;  // of all sets; another one would be another data set
constexpr DrawnSet kAllSets[] = {DrawnSet::kTrain, DrawnSet::kValidation, DrawnSet::kCalibration,
                                 DrawnSet::kTest};

struct Range {
  double low;
  double high;
};

/// How hard the pictures of a set are. Those to train on are harder than the others, so that what a network
/// has learned on them has something to spare.
struct Difficulty {
  Range radius;           // of the figure, pixels
  Range figure_contrast;  // to the background: distance of colours
  Range fill_contrast;    // between the fill's two colours
  Range noise;            // deviation
  int lines_behind;       // the figure, at most
  int lines_in_front;
};
constexpr Difficulty kHard = {{8, 13.5}, {45, 140}, {45, 130}, {2, 20}, 3, 2};
constexpr Difficulty kUsual = {{9, 14}, {60, 150}, {60, 150}, {2, 14}, 2, 1};

double in(Random& random, const Range& range) { return random.range(range.low, range.high); }

/// 0..255 a channel, not yet rounded.
using Color = std::array<double, 3>;

class Canvas {
 public:
  explicit Canvas(const Color& color) { pixels_.fill(color); }

  Color& at(int x, int y) {
    return pixels_[static_cast<std::size_t>(y) * kSide + static_cast<std::size_t>(x)];
  }

  /// Mixes `color(p)` in by the share `coverage(p)` at each pixel's centre.
  template <typename Coverage, typename ColorAt>
  void paint(const Coverage& coverage, const ColorAt& color) {
    for (int y = 0; y < kSide; ++y)
      for (int x = 0; x < kSide; ++x) {
        const Point p = {x + 0.5, y + 0.5};
        const double share = coverage(p);
        if (share <= 0) continue;
        const Color over = color(p);
        Color& pixel = at(x, y);
        for (std::size_t c = 0; c < 3; ++c) pixel[c] += share * (over[c] - pixel[c]);
      }
  }

 private:
  std::array<Color, static_cast<std::size_t>(kSide) * kSide> pixels_;
};

Color random_color(Random& random) {
  return {random.range(20, 235), random.range(20, 235), random.range(20, 235)};
}

/// A colour at this distance from another one; a channel that would leave 0..255 goes the other way.
Color color_near(Random& random, const Color& from, double distance) {
  Color step = {random.range(-1, 1), random.range(-1, 1), random.range(-1, 1)};
  const double length = std::sqrt(step[0] * step[0] + step[1] * step[1] + step[2] * step[2]) + 1e-3;
  Color color;
  for (std::size_t c = 0; c < 3; ++c) {
    const double move = distance * step[c] / length;
    color[c] = from[c] + move < 0 || from[c] + move > 255 ? from[c] - move : from[c] + move;
  }
  return color;
}

/// Smooth noise: random values at the corners of cells x cells squares, bilinear between them.
void add_clouds(Canvas& canvas, Random& random, int cells, double amplitude) {
  const int corners = cells + 1;
  std::vector<Color> lattice(static_cast<std::size_t>(corners) * static_cast<std::size_t>(corners));
  for (Color& value : lattice) {
    const double grey = random.range(-1, 1);
    for (double& v : value) v = amplitude * (0.7 * grey + 0.3 * random.range(-1, 1));
  }
  const auto corner = [&](int x, int y) -> const Color& {
    return lattice[static_cast<std::size_t>(y) * static_cast<std::size_t>(corners) +
                   static_cast<std::size_t>(x)];
  };
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x) {
      const int cx = x * cells / kSide, cy = y * cells / kSide;
      const double fx = static_cast<double>(x * cells) / kSide - cx;
      const double fy = static_cast<double>(y * cells) / kSide - cy;
      for (std::size_t c = 0; c < 3; ++c) {
        const double top = corner(cx, cy)[c] + fx * (corner(cx + 1, cy)[c] - corner(cx, cy)[c]);
        const double bottom =
            corner(cx, cy + 1)[c] + fx * (corner(cx + 1, cy + 1)[c] - corner(cx, cy + 1)[c]);
        canvas.at(x, y)[c] += top + fy * (bottom - top);
      }
    }
}

Point random_point(Random& random) { return {random.range(0, kSide), random.range(0, kSide)}; }

void add_line(Canvas& canvas, Random& random, double width) {
  const Point from = random_point(random), to = random_point(random);
  const Color color = random_color(random);
  canvas.paint([&](Point p) { return drawn::line_coverage(from, to, width, p); },
               [&](Point) { return color; });
}

/// A small plain shape: like the object, but not it.
void add_decoy(Canvas& canvas, Random& random) {
  const auto shape = static_cast<drawn::Shape>(random.whole(0, drawn::kShapes - 1));
  const Point center = random_point(random);
  // Braces, here and below: they fix the order in which the random numbers are taken.
  const Frame frame{center, random.direction(), random.range(0.8, 1.25)};
  const double radius = random.range(1.5, 4);
  const Color color = random_color(random);
  canvas.paint([&](Point p) { return drawn::shape_coverage(shape, radius, frame(p)); },
               [&](Point) { return color; });
}

void add_object(Canvas& canvas, Random& random, const Difficulty& difficulty, const Color& background,
                drawn::Shape shape, Fill fill) {
  const Point center = {kMiddle + random.range(-4, 4), kMiddle + random.range(-4, 4)};
  const Frame outline{center, random.direction(), random.range(0.85, 1.18)};
  const Frame pattern{random_point(random), random.direction(), random.range(0.9, 1.11)};
  const double radius = in(random, difficulty.radius);
  const double period = random.range(5, 8);
  const Color first = color_near(random, background, in(random, difficulty.figure_contrast));
  const Color second = color_near(random, first, in(random, difficulty.fill_contrast));
  canvas.paint([&](Point p) { return drawn::shape_coverage(shape, radius, outline(p)); },
               [&](Point p) {
                 const double share = drawn::fill_share(fill, period, pattern(p));
                 Color color;
                 for (std::size_t c = 0; c < 3; ++c) color[c] = first[c] + share * (second[c] - first[c]);
                 return color;
               });
}

/// Light that falls off across the picture.
void add_light(Canvas& canvas, Random& random) {
  const Point toward = random.direction();
  const double slope = random.range(0, 0.5) / kSide;
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x) {
      const double light = 1 + slope * ((x - kMiddle) * toward.x + (y - kMiddle) * toward.y);
      for (double& channel : canvas.at(x, y)) channel *= light;
    }
}

/// Near to normal, deviation 1: the sum of four uniform numbers of 16 bits.
double noise(Random& random) {
  const std::uint64_t bits = random.bits();
  std::uint64_t sum = 0;
  for (int i = 0; i < 4; ++i) sum += bits >> (16 * i) & 0xffff;
  constexpr double kRootOf3 = 1.7320508075688772;
  return (static_cast<double>(sum) / 65536 - 2) * kRootOf3;
}

void round_with_noise(Canvas& canvas, Random& random, double deviation, std::span<std::uint8_t> rgb) {
  std::uint8_t* to = rgb.data();
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x)
      for (const double channel : canvas.at(x, y)) {
        const double value = channel + deviation * noise(random);
        *to++ = static_cast<std::uint8_t>(std::clamp(value + 0.5, 0.0, 255.0));
      }
}

}  // namespace

const char* to_string(DrawnSet set) {
  switch (set) {
    case DrawnSet::kTrain:
      return "train";
    case DrawnSet::kValidation:
      return "validation";
    case DrawnSet::kCalibration:
      return "calibration";
    case DrawnSet::kTest:
      return "test";
  }
  return "?";
}

DrawnSet parse_drawn_set(std::string_view text) {
  for (const DrawnSet set : kAllSets)
    if (text == to_string(set)) return set;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("'{}' is no set of drawn pictures; expected train, validation, calibration or test", text));
}

std::string drawn_class_name(int label) {
  return fmt::format("{} {}", drawn::to_string(static_cast<Fill>(label % drawn::kFills)),
                     drawn::to_string(static_cast<drawn::Shape>(label / drawn::kFills)));
}

std::string drawn_name(const DrawnPicture& picture) {
  return fmt::format("{}-{:06}.png", to_string(picture.set), picture.index);
}

int draw_image(const DrawnPicture& picture, std::span<std::uint8_t> rgb) {
  if (rgb.size() != kDrawnBytes || picture.index >= kMaxDrawnImages)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("drawn picture {}: {} bytes and an index below {} were expected, {} bytes came",
                            drawn_name(picture), kDrawnBytes, kMaxDrawnImages, rgb.size()));
  const std::uint64_t set_seed = random_at(kSeed, static_cast<std::uint64_t>(picture.set));
  Random random(random_at(set_seed, picture.index));
  const int label = drawn_label(picture.index);

  const Difficulty& difficulty = picture.set == DrawnSet::kTrain ? kHard : kUsual;

  // From back to front.
  const Color background = random_color(random);
  Canvas canvas(background);
  add_clouds(canvas, random, 4, random.range(0, 40));
  add_clouds(canvas, random, 10, random.range(0, 20));
  for (int i = random.whole(0, difficulty.lines_behind); i > 0; --i)
    add_line(canvas, random, random.range(0.8, 2.5));
  for (int i = random.whole(0, 3); i > 0; --i) add_decoy(canvas, random);
  add_object(canvas, random, difficulty, background, static_cast<drawn::Shape>(label / drawn::kFills),
             static_cast<Fill>(label % drawn::kFills));
  for (int i = random.whole(0, difficulty.lines_in_front); i > 0; --i)
    add_line(canvas, random, random.range(1, 3.5));
  add_light(canvas, random);
  round_with_noise(canvas, random, in(random, difficulty.noise), rgb);
  return label;
}

Image draw_image(const DrawnPicture& picture) {
  Image image = make_image(kDrawnSide, kDrawnSide);
  draw_image(picture, image.rgb);
  return image;
}

Dataset drawn_dataset(DrawnSet set, std::uint64_t count, std::uint64_t first) {
  if (count < 1 || first >= kMaxDrawnImages || count > kMaxDrawnImages - first)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("drawn pictures: 1 to {} were expected, got {} from number {}", kMaxDrawnImages,
                            count, first));
  Dataset dataset;
  dataset.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t index = first; index < first + count; ++index) {
    const DrawnPicture picture = {set, index};
    dataset.push_back({drawn_name(picture), drawn_label(index), picture});
  }
  return dataset;
}

}  // namespace octet::lab
