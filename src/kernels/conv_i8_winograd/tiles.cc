#include "kernels/conv_i8_winograd/tiles.h"

namespace octet::kernels::conv_i8_winograd {

std::vector<Piece> cut(std::int64_t size) {
  std::vector<Piece> pieces;
  for (std::int64_t begin = 0; begin < size; begin += outputs_of(pieces.back().kind)) {
    const std::int64_t left = size - begin;
    const bool three = left == 3 || left == 5;
    pieces.push_back({begin, three ? Kind::kThree : left >= 4 ? Kind::kFour : Kind::kTwo});
  }
  return pieces;
}

std::int64_t points_of(const std::vector<Piece>& pieces, const Subdivision& window) {
  std::int64_t points = 0;
  for (const Piece& piece : pieces) points += window.points(piece.kind);
  return points;
}

Tiling::Tiling(const FeatureMap& output) {
  for (const Piece& row : cut(output.height)) {
    for (const Piece& column : cut(output.width)) {
      tiles_.push_back({0, row.begin, column.begin, row.kind, column.kind});
    }
  }
}

Tile Tiling::tile(std::int64_t index) const {
  const std::int64_t image = index / tiles_of_image();
  Tile tile = tiles_[static_cast<std::size_t>(index - image * tiles_of_image())];
  tile.image = image;
  return tile;
}

}  // namespace octet::kernels::conv_i8_winograd
