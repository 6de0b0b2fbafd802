// How the output of a convolution is cut into tiles of the three kinds of contract.h.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/conv_i8_winograd/subwindows.h"
#include "kernels/op_desc.h"

namespace octet::kernels::conv_i8_winograd {

/// A part of an output's height or width.
struct Piece {
  std::int64_t begin;
  Kind kind;
};

/// `size`, at least 2, in as many pieces of 4 as leave no rest of 1, then at most two smaller ones.
std::vector<Piece> cut(std::int64_t size);
/// Points of all of them together, of all subwindows.
std::int64_t points_of(const std::vector<Piece>& pieces, const Subdivision& window);

struct Tile {
  std::int64_t image, y, x;  ///< its first output pixel
  Kind height, width;
};

/// The tiles of a call's images: row by row, and numbered on from image to image.
class Tiling {
 public:
  explicit Tiling(const FeatureMap& output);

  std::int64_t tiles_of_image() const { return static_cast<std::int64_t>(tiles_.size()); }
  Tile tile(std::int64_t index) const;

 private:
  std::vector<Tile> tiles_;  // of image 0
};

}  // namespace octet::kernels::conv_i8_winograd
