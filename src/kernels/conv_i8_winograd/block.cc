#include "kernels/conv_i8_winograd/block.h"

#include <new>

#include "base/aligned_buffer.h"
#include "kernels/conv_dot/convolution.h"

namespace octet::kernels::conv_i8_winograd {
namespace {

std::int64_t odd_lines(std::int64_t bytes) {
  constexpr auto kLine = static_cast<std::int64_t>(base::kCacheLine);
  return (conv_dot::divide_up(bytes, kLine) | 1) * kLine;
}

void list_rows(Block& block, std::int64_t v_tile) {
  for (auto& of_y : block.rows)
    for (Rows& rows : of_y) rows.count = 0;
  for (int t = 0; t < block.count; ++t) {
    const Tile& tile = block.tiles[t];
    for (int i = 0; i < kLevels && has_level(tile.height, i); ++i) {
      for (int j = 0; j < kLevels && has_level(tile.width, j); ++j) {
        Rows& rows = block.rows[i][j];
        rows.tiles[rows.count] = t;
        rows.v[rows.count++] = block.v + t * v_tile;
      }
    }
  }
}

// As few parts as there can be, of sizes differing by at most one.
void cut(Rows& rows, int most_rows) {
  rows.parts = (rows.count + most_rows - 1) / most_rows;
  for (int part = 0; part <= rows.parts; ++part)
    rows.begins[part] = rows.parts == 0 ? 0 : rows.count * part / rows.parts;
}

}  // namespace

BlockLayout::BlockLayout(std::int64_t channels, int lanes, int most_rows)
    : v_tile_(odd_lines(channels * 2)), m_tile_(std::int64_t{lanes} * 4), most_rows_(most_rows) {}

std::int64_t BlockLayout::v_point(std::int64_t tiles) const { return odd_lines(tiles * v_tile_); }
std::int64_t BlockLayout::m_point(std::int64_t tiles) const { return odd_lines(tiles * m_tile_); }

std::int64_t BlockLayout::bytes(std::int64_t tiles) const {
  return kPoints * (v_point(tiles) + m_point(tiles)) + static_cast<std::int64_t>(sizeof(Block));
}

Block& BlockLayout::place(const Tiling& tiling, Share tiles, std::byte* scratch) const {
  const std::int64_t count = tiles.end - tiles.begin;
  std::byte* const m = scratch + kPoints * v_point(count);
  Block& block = *new (m + kPoints * m_point(count)) Block;
  block.count = static_cast<int>(count);
  block.v = scratch;
  block.m = m;
  block.v_point = v_point(count);
  block.m_point = m_point(count);
  for (int t = 0; t < block.count; ++t) block.tiles[t] = tiling.tile(tiles.begin + t);
  list_rows(block, v_tile_);
  for (auto& of_y : block.rows)
    for (Rows& rows : of_y) cut(rows, most_rows_);
  for (int point = 0; point < kPoints; ++point) {
    const Rows& rows = block.rows_of(point);
    for (int r = 0; r < rows.count; ++r)
      block.sums[point][r] = m + point * block.m_point + rows.tiles[r] * m_tile_;
  }
  return block;
}

}  // namespace octet::kernels::conv_i8_winograd
