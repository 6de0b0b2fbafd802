#include "lab/data/drawn_shapes.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "lab/bench/random.h"

namespace octet::lab::drawn {
namespace {

constexpr double kPi = 3.141592653589793;

/// A regular polygon with n corners on the unit circle.
struct Polygon {
  int corners;
  double cosine, sine;  // of 2 pi / n
  double apothem;       // cos(pi / n), the distance of the edges
};
constexpr Polygon kTriangle = {3, -0.5, 0.8660254037844386, 0.5};
constexpr Polygon kSquare = {4, 0.0, 1.0, 0.7071067811865476};
constexpr Polygon kHexagon = {6, 0.5, 0.8660254037844386, 0.8660254037844386};

/// Coverage of a pixel at this signed distance from an edge, negative inside.
double coverage(double distance) { return std::clamp(0.5 - distance, 0.0, 1.0); }

double length(Point p) { return std::sqrt(p.x * p.x + p.y * p.y); }

/// Beyond the corners this is less than the true distance; half a pixel from them that shows little.
double polygon_coverage(const Polygon& polygon, double radius, Point p) {
  const double circumradius = radius * std::sqrt(2 * kPi / (polygon.corners * polygon.sine));
  Point normal = {1, 0};
  double farthest = p.x;
  for (int edge = 1; edge < polygon.corners; ++edge) {
    normal = {normal.x * polygon.cosine - normal.y * polygon.sine,
              normal.x * polygon.sine + normal.y * polygon.cosine};
    farthest = std::max(farthest, p.x * normal.x + p.y * normal.y);
  }
  return coverage(farthest - circumradius * polygon.apothem);
}

/// Two bars, three times as long as wide: 5 squares, each of a fifth of the area.
double cross_coverage(double radius, Point p) {
  const double half = radius * std::sqrt(kPi / 20);
  const double along = std::max(std::abs(p.x), std::abs(p.y)),
               across = std::min(std::abs(p.x), std::abs(p.y));
  return coverage(std::max(along - 3 * half, across - half));
}

/// Position within a period, -0.5..0.5.
double phase(double x, double period) {
  const double turns = x / period;
  return turns - std::floor(turns) - 0.5;
}

/// Stripes across x: a half of the period covered.
double stripes(double x, double period) { return coverage((std::abs(phase(x, period)) - 0.25) * period); }

double dots(Point p, double period) {
  constexpr double kRadius = 0.36;  // of the period; they cover 41 %
  return coverage(length({phase(p.x, period) * period, phase(p.y, period) * period}) - kRadius * period);
}

}  // namespace

const char* to_string(Shape shape) {
  constexpr const char* kNames[kShapes] = {"triangle", "square", "hexagon", "disc", "cross"};
  return kNames[static_cast<int>(shape)];
}

const char* to_string(Fill fill) {
  constexpr const char* kNames[kFills] = {"plain", "striped", "checked", "dotted"};
  return kNames[static_cast<int>(fill)];
}

std::uint64_t Random::bits() { return random_at(seed_, index_++); }

double Random::uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

double Random::range(double low, double high) { return low + (high - low) * uniform(); }

int Random::whole(int low, int high) { return low + static_cast<int>(uniform() * (high - low + 1)); }

Point Random::direction() {
  // A point of the ring between two circles, brought to length 1.
  while (true) {
    const Point p = {range(-1, 1), range(-1, 1)};
    const double size = length(p);
    if (size > 0.1 && size <= 1) return {p.x / size, p.y / size};
  }
}

double shape_coverage(Shape shape, double radius, Point p) {
  switch (shape) {
    case Shape::kTriangle:
      return polygon_coverage(kTriangle, radius, p);
    case Shape::kSquare:
      return polygon_coverage(kSquare, radius, p);
    case Shape::kHexagon:
      return polygon_coverage(kHexagon, radius, p);
    case Shape::kDisc:
      return coverage(length(p) - radius);
    case Shape::kCross:
      return cross_coverage(radius, p);
  }
  return 0;
}

double fill_share(Fill fill, double period, Point p) {
  switch (fill) {
    case Fill::kPlain:
      return 0;
    case Fill::kStriped:
      return stripes(p.x, period);
    case Fill::kChecked: {
      const double a = stripes(p.x, period), b = stripes(p.y, period);
      return a * (1 - b) + b * (1 - a);
    }
    case Fill::kDotted:
      return dots(p, period);
  }
  return 0;
}

double line_coverage(Point from, Point to, double width, Point p) {
  const Point line = {to.x - from.x, to.y - from.y};
  const Point offset = {p.x - from.x, p.y - from.y};
  const double squared = line.x * line.x + line.y * line.y;
  const double along =
      squared > 0 ? std::clamp((offset.x * line.x + offset.y * line.y) / squared, 0.0, 1.0) : 0;
  return coverage(length({offset.x - along * line.x, offset.y - along * line.y}) - width / 2);
}

}  // namespace octet::lab::drawn
