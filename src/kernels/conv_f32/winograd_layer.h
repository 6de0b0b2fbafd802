// What a layer looks like to Winograd's convolution (winograd.h): its channels by group, with the phases of a
// strided input among them, and the cut of its output into tiles and blocks of tiles.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "kernels/conv_f32/winograd.h"
#include "kernels/kernel.h"
#include "kernels/op_desc.h"

namespace octet::kernels::conv_f32 {

/// One axis of the output: whole tiles first, then as many short ones as make them fit it best.
class TiledAxis {
 public:
  TiledAxis(std::int64_t pixels, std::int64_t tile)
      : pixels_(pixels),
        tile_(tile),
        tiles_((pixels + tile - 1) / tile),
        whole_(tiles_ - std::min(tiles_, tiles_ * tile - pixels)) {}

  std::int64_t tiles() const { return tiles_; }
  bool is_short(std::int64_t tile) const { return tile >= whole_; }
  std::int64_t begin(std::int64_t tile) const {
    return tile * tile_ - std::max<std::int64_t>(0, tile - whole_);
  }
  /// Pixels of the tile that lie in the map.
  std::int64_t size(std::int64_t tile) const {
    return std::min(tile_ - (is_short(tile) ? 1 : 0), pixels_ - begin(tile));
  }
  /// Points of all tiles together.
  std::int64_t points() const { return tiles_ * kWinogradPatch - (tiles_ - whole_); }

 private:
  std::int64_t pixels_, tile_, tiles_, whole_;
};

struct WinogradLayer {
  /// The layer, if this method computes it and its input is of this type: FP32 or BF16.
  static std::optional<WinogradLayer> of(const OpDesc& op, DataType input);

  std::int64_t tiles_per_image() const { return rows.tiles() * columns.tiles(); }
  std::int64_t panels() const { return groups * panels_of_group; }

  ConvDesc desc;
  int kernel;           // r
  std::int64_t stride;  // 1 where the input is not planar
  std::int64_t groups;
  std::int64_t inputs, outputs;  // channels of a group; each phase of an input is one
  std::int64_t depth;            // inputs, rounded up to 4: the length of a sum
  std::int64_t input_blocks;     // of 16 channels, of a group
  std::int64_t output_blocks;    // of 16 channels, of a group
  std::int64_t panels_of_group;
  TiledAxis rows, columns;

 private:
  WinogradLayer(const ConvDesc& conv, std::int64_t r);
};

struct WinogradTile {
  std::int64_t image, y, x;    // of its first output pixel
  std::int64_t height, width;  // of its part inside the map
  bool short_rows, short_columns;

  /// Whether this is the right neighbour of `left`.
  bool follows(const WinogradTile& left) const {
    return image == left.image && y == left.y && x == left.x + left.width;
  }
};

/// A range of a call's tiles, sorted by their shortness.
class WinogradTiles {
 public:
  /// Tiles [range.begin, range.end), numbered image by image, row by row; at most kWinogradMaxBlock.
  WinogradTiles(const WinogradLayer& layer, Share range);

  std::int64_t count() const { return begin_[4]; }
  const WinogradTile& operator[](std::int64_t index) const { return tiles_[static_cast<std::size_t>(index)]; }
  /// The tiles that have point `point`: those short in their rows lack points 0..5, those short in their
  /// columns every sixth.
  Share with_point(int point) const {
    const bool first_row = point / kWinogradPatch == 0, first_column = point % kWinogradPatch == 0;
    return {begin_[first_row ? 1 : 0], begin_[first_column ? 2 : first_row ? 3 : 4]};
  }

 private:
  // In the order of: short rows only, neither, short columns only, both.
  std::array<WinogradTile, kWinogradMaxBlock> tiles_;
  std::array<std::int64_t, 5> begin_ = {};
};

}  // namespace octet::kernels::conv_f32
