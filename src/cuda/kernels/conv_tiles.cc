#include "cuda/kernels/conv_tiles.h"

#include <algorithm>
#include <limits>

#include "kernels/conv_dot/convolution.h"

namespace octet::cuda {
namespace {

using kernels::conv_dot::divide_up;

constexpr int kMostSplits = 32;
constexpr std::int64_t kLeastSlices = 4;  // of a block: with fewer, filling the pipeline is most of its time
constexpr int kSmallestTile = 16;         // rows or columns

// In units of one product of a slice by a block that is never short of operands.
constexpr double kLoad = 24;              // one row or column of a slice into shared memory
constexpr double kFinish = 8;             // one output
constexpr double kShare = 24;             // one sum to memory and back
constexpr double kStart = 8 * 128 * 128;  // of a block

double time_of(const ConvProduct& product, const ConvTileFunction& tile, std::int64_t blocks, int splits,
               int multiprocessors) {
  const double outputs = static_cast<double>(tile.rows) * tile.columns;
  const auto slices = static_cast<double>(divide_up(product.slices, splits));
  const double a_slice = outputs + kLoad * (tile.rows + tile.columns);
  const double a_block =
      kStart + slices * a_slice + outputs * (splits > 1 ? kShare + kFinish / splits : kFinish);
  return a_block * static_cast<double>(divide_up(blocks * splits, multiprocessors));
}

}  // namespace

ConvChoice choose_conv_tile(const ConvProduct& product, std::span<const ConvTileFunction> tiles,
                            int multiprocessors) {
  const bool may_share = product.rows * product.lanes * product.groups <= kMostSharedSums;
  ConvChoice best;
  double best_time = std::numeric_limits<double>::infinity();
  for (const ConvTileFunction& tile : tiles) {
    const std::int64_t row_tiles = divide_up(product.rows, tile.rows);
    const std::int64_t column_tiles = divide_up(product.lanes, tile.columns);
    for (int splits = 1; splits <= kMostSplits; splits *= 2) {
      if (splits > 1 && (!may_share || product.slices / splits < kLeastSlices)) break;
      const double time =
          time_of(product, tile, row_tiles * column_tiles * product.groups, splits, multiprocessors);
      if (time >= best_time) continue;
      best_time = time;
      best = {&tile, splits, row_tiles, column_tiles};
    }
  }
  // No block without products of its own.
  best.splits = static_cast<int>(divide_up(product.slices, divide_up(product.slices, best.splits)));
  return best;
}

std::int64_t conv_sum_bytes(const ConvProduct& product) {
  return std::min(product.rows * product.lanes * product.groups, kMostSharedSums) * 4;
}
std::int64_t conv_scratch_bytes(const ConvProduct& product) {
  if (product.slices < 2 * kLeastSlices) return 0;
  const std::int64_t rows =
      std::min(product.rows, divide_up(kMostSharedSums, product.lanes * product.groups));
  const std::int64_t tiles =
      divide_up(rows, kSmallestTile) * divide_up(product.lanes, kSmallestTile) * product.groups;
  return conv_sum_bytes(product) + tiles * 4;
}

}  // namespace octet::cuda
