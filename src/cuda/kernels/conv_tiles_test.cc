#include "cuda/kernels/conv_tiles.h"

#include <gtest/gtest.h>

namespace octet::cuda {
namespace {

constexpr ConvTileFunction kTiles[] = {
    {Function{}, 128, 128, 0}, {Function{}, 64, 64, 0}, {Function{}, 16, 128, 0}};

ConvChoice choose(const ConvProduct& product, int multiprocessors) {
  return choose_conv_tile(product, kTiles, multiprocessors);
}

TEST(ConvTiles, AreLargeWhereThereIsWorkForAll) {
  const ConvChoice choice = choose({128 * 28 * 28, 512, 1, 72}, 132);
  EXPECT_EQ(choice.tile->rows, 128);
  EXPECT_EQ(choice.splits, 1);
  EXPECT_EQ(choice.row_tiles, 784);
  EXPECT_EQ(choice.column_tiles, 4);
}

TEST(ConvTiles, ShareProductsWhereThereAreFewOutputs) {
  const ConvChoice fully_connected = choose({1, 4096, 1, 392}, 132);
  EXPECT_EQ(fully_connected.tile->rows, 16);
  EXPECT_GT(fully_connected.splits, 1);
  EXPECT_GT(choose({49, 512, 1, 72}, 132).splits, 1);
  EXPECT_EQ(choose({49, 512, 1, 7}, 132).splits, 1) << "too few products to share";
}

TEST(ConvTiles, OfAnySizeCoverAllOutputsAndProductsOnce) {
  for (const std::int64_t rows : {1, 15, 16, 49, 196, 3136, 100352})
    for (const std::int64_t lanes : {16, 64, 112, 1008, 4096})
      for (const std::int64_t slices : {1, 5, 9, 36, 72, 392})
        for (const int multiprocessors : {1, 20, 132}) {
          const ConvProduct product{rows, lanes, 2, slices};
          const ConvChoice choice = choose(product, multiprocessors);
          ASSERT_NE(choice.tile, nullptr);
          EXPECT_GE(choice.row_tiles * choice.tile->rows, rows);
          EXPECT_LT((choice.row_tiles - 1) * choice.tile->rows, rows);
          EXPECT_GE(choice.column_tiles * choice.tile->columns, lanes);
          EXPECT_LT((choice.column_tiles - 1) * choice.tile->columns, lanes);
          const std::int64_t split_slices = (slices + choice.splits - 1) / choice.splits;
          EXPECT_LT((choice.splits - 1) * split_slices, slices) << "a block without products";
          if (choice.splits > 1) {
            EXPECT_LE(conv_sum_bytes(product) + choice.row_tiles * choice.column_tiles * product.groups * 4,
                      conv_scratch_bytes(product));
          }
        }
}

TEST(ConvTiles, NeedNoLessScratchForMoreRows) {
  std::int64_t before = 0;
  for (std::int64_t rows = 1; rows < 200'000; rows += 1 + rows / 7) {
    const std::int64_t bytes = conv_scratch_bytes({rows, 512, 1, 72});
    EXPECT_GE(bytes, before);
    before = bytes;
  }
}

}  // namespace
}  // namespace octet::cuda
