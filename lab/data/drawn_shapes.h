// What the drawn pictures are made of: shapes and fills as functions of a point that say how much of a pixel
// there is covered (0..1, one pixel wide transitions at the edges), after the signed distance to the edge.
// Distances are in pixels. Only + - * / and sqrt on doubles, which IEEE 754 fixes to the last bit, so a
// picture has the same bytes on every machine.
#pragma once

#include <cstdint>

namespace octet::lab::drawn {

struct Point {
  double x = 0;
  double y = 0;
};

enum class Shape { kTriangle, kSquare, kHexagon, kDisc, kCross };
inline constexpr int kShapes = 5;
const char* to_string(Shape shape);  // "triangle"

enum class Fill { kPlain, kStriped, kChecked, kDotted };
inline constexpr int kFills = 4;
const char* to_string(Fill fill);  // "striped"

/// Random numbers for one picture, a stream of its own for each seed.
class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t bits();
  double uniform();                       ///< [0, 1)
  double range(double low, double high);  ///< [low, high)
  int whole(int low, int high);           ///< low..high, both included
  Point direction();                      ///< of length 1, all angles alike
 private:
  std::uint64_t seed_;
  std::uint64_t index_ = 0;
};

/// From the picture's coordinates to a figure's own: turned, stretched along one axis and squeezed along the
/// other, so that areas stay.
class Frame {
 public:
  Frame(Point center, Point direction, double stretch)
      : center_(center), direction_(direction), stretch_(stretch) {}
  Point operator()(Point p) const {
    const double dx = p.x - center_.x, dy = p.y - center_.y;
    return {(dx * direction_.x + dy * direction_.y) / stretch_,
            (dy * direction_.x - dx * direction_.y) * stretch_};
  }

 private:
  Point center_;
  Point direction_;  // of the first axis
  double stretch_;
};

/// Of the shape round the origin that has the area of a disc of this radius: equal areas, so that size does
/// not give the shape away.
double shape_coverage(Shape shape, double radius, Point p);

/// Share of the second colour in a fill of this period; the plain one has none.
double fill_share(Fill fill, double period, Point p);

/// Of a line between two points with round ends.
double line_coverage(Point from, Point to, double width, Point p);

}  // namespace octet::lab::drawn
