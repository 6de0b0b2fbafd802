// Which tile of the outputs a block of threads computes, and whether several share its products: decided when
// the batch is known, from sizes alone.
#pragma once

#include <cstdint>
#include <span>

#include "cuda/launch.h"

namespace octet::cuda {

/// One device function for convolutions.
struct ConvTileFunction {
  Function function;
  int rows, columns;  ///< of a block's tile
  int shared_bytes;
};

/// The product of matrices that a convolution is (device/conv.h).
struct ConvProduct {
  std::int64_t rows = 0;   ///< output pixels of all images
  std::int64_t lanes = 0;  ///< output channels of a group, padded to 16
  std::int64_t groups = 1;
  std::int64_t slices = 0;
};

struct ConvChoice {
  const ConvTileFunction* tile = nullptr;
  int splits = 1;  ///< blocks that share a tile's products
  std::int64_t row_tiles = 0, column_tiles = 0;
};

/// The fastest by a simple model: multiprocessors take blocks one after the other, a block's time is its
/// products and what it brings into shared memory, the last round may be poorly filled, and sums that are
/// shared cost a way through memory. Pure.
ConvChoice choose_conv_tile(const ConvProduct& product, std::span<const ConvTileFunction> tiles,
                            int multiprocessors);

/// Sums that splits may keep in memory, at most: beyond, there are blocks enough.
inline constexpr std::int64_t kMostSharedSums = std::int64_t{1} << 21;
/// Bytes of scratch that splits of calls of up to `product.rows` rows may need, whatever is chosen.
std::int64_t conv_scratch_bytes(const ConvProduct& product);
/// Of that, behind the sums: where tiles count the blocks that have come.
std::int64_t conv_sum_bytes(const ConvProduct& product);

}  // namespace octet::cuda
