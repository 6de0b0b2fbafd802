// A block: the tiles over which a panel's U passes once, and where in scratch their values are.
//
//   V     [point][tile][input channel] s16
//   M     [point][tile][lane] s32, of one panel
//   Block tables of addresses
//
// An odd number of cache lines lies between tiles of V and between points, which keeps them out of each
// other's cache sets.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/conv_i8_winograd/contract.h"
#include "kernels/conv_i8_winograd/tiles.h"
#include "kernels/kernel.h"

namespace octet::kernels::conv_i8_winograd {

inline constexpr int kMostTiles = 48;  ///< of a block

/// A point's level in one dimension says which kinds of tile have it: 0 all, 1 all but kTwo, 2 only kFour.
inline constexpr int kLevels = 3;
constexpr int level_of(int point) { return point == 4 ? 2 : point == 3 ? 1 : 0; }
constexpr bool has_level(Kind kind, int level) { return static_cast<int>(kind) + level < kLevels; }

/// The tiles that have the points of one level in y and one in x: rows of products, in parts as large as
/// micro-kernels take them.
struct Rows {
  int count;
  int parts;
  int begins[kMostTiles + 1];      ///< of each part
  int tiles[kMostTiles];           ///< their numbers in the block
  const std::byte* v[kMostTiles];  ///< of their point 0
};

struct Block {
  int count;
  Tile tiles[kMostTiles];
  std::byte *v, *m;
  std::int64_t v_point, m_point;  ///< bytes from a point to the next
  Rows rows[kLevels][kLevels];
  std::byte* sums[kPoints][kMostTiles];  ///< M of each of a point's rows

  const Rows& rows_of(int point) const { return rows[level_of(point / kSide)][level_of(point % kSide)]; }
};

class BlockLayout {
 public:
  /// `channels` of input in V, `lanes` of a panel; `most_rows` of a product.
  BlockLayout(std::int64_t channels, int lanes, int most_rows);

  /// Scratch for blocks of up to `tiles` tiles.
  std::int64_t bytes(std::int64_t tiles) const;
  /// A block of tiles [begin, end) in scratch.
  Block& place(const Tiling& tiling, Share tiles, std::byte* scratch) const;

  std::int64_t v_tile() const { return v_tile_; }
  std::int64_t m_tile() const { return m_tile_; }

 private:
  std::int64_t v_point(std::int64_t tiles) const;
  std::int64_t m_point(std::int64_t tiles) const;

  std::int64_t v_tile_, m_tile_;  // bytes from a tile to the next
  int most_rows_;
};

}  // namespace octet::kernels::conv_i8_winograd
