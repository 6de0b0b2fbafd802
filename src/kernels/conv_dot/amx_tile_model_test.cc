// The model of the tile instructions against plain matrix products, and its refusals.
#include "kernels/conv_dot/test_amx_tile_model.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <random>
#include <vector>

namespace octet::kernels::conv_dot {
namespace {

struct Shape {
  int rows, row_bytes;
};

/// The operand of ldtilecfg for tiles 0, 1, 2, ...
std::array<std::uint8_t, 64> configuration(const std::vector<Shape>& shapes) {
  std::array<std::uint8_t, 64> bytes = {1};
  for (std::size_t tile = 0; tile < shapes.size(); ++tile) {
    bytes[16 + 2 * tile] = static_cast<std::uint8_t>(shapes[tile].row_bytes);
    bytes[48 + tile] = static_cast<std::uint8_t>(shapes[tile].rows);
  }
  return bytes;
}
TileModel configured(const std::vector<Shape>& shapes) {
  TileModel model;
  model.load_configuration(configuration(shapes).data());
  return model;
}

template <class T>
std::byte* bytes(std::vector<T>& values) {
  return reinterpret_cast<std::byte*>(values.data());
}

TEST(TileModel, ProductsOfBytesAreThoseOfMatricesWhateverTheShape) {
  std::mt19937 engine(7);
  for (const auto& [rows, depth, columns] : {std::array{16, 64, 16}, {1, 4, 1}, {5, 36, 7}, {16, 4, 16}}) {
    TileModel model = configured({{rows, 4 * columns}, {rows, depth}, {depth / 4, 4 * columns}});
    std::vector<std::uint8_t> a(static_cast<std::size_t>(rows * depth));
    std::vector<std::int8_t> b(static_cast<std::size_t>(depth * columns));
    for (auto& x : a) x = static_cast<std::uint8_t>(engine());
    for (auto& x : b) x = static_cast<std::int8_t>(engine());
    std::vector<std::int32_t> c(static_cast<std::size_t>(rows * columns), 1000);
    model.load(1, bytes(a), depth);
    model.load(2, bytes(b), 4 * columns);
    model.load(0, bytes(c), 4 * columns);
    model.dot_u8_s8(0, 1, 2);
    std::vector<std::int32_t> got(c.size());
    model.store(0, bytes(got), 4 * columns);
    for (int m = 0; m < rows; ++m)
      for (int n = 0; n < columns; ++n) {
        std::int32_t expected = 1000;
        for (int k = 0; k < depth; ++k) {
          const int in_a = m * depth + k;
          const int in_b = k / 4 * 4 * columns + 4 * n + k % 4;  // four bytes of a column are neighbours
          expected += a[static_cast<std::size_t>(in_a)] * b[static_cast<std::size_t>(in_b)];
        }
        ASSERT_EQ(got[static_cast<std::size_t>(m * columns + n)], expected) << m << ", " << n;
      }
  }
}

TEST(TileModel, SumsOfBytesWrap) {
  TileModel model = configured({{1, 4}, {1, 4}, {1, 4}});
  std::vector<std::int32_t> c = {std::numeric_limits<std::int32_t>::max()};
  std::vector<std::uint8_t> a = {1, 0, 0, 0}, b = {1, 0, 0, 0};
  model.load(0, bytes(c), 4);
  model.load(1, bytes(a), 4);
  model.load(2, bytes(b), 4);
  model.dot_u8_s8(0, 1, 2);
  model.store(0, bytes(c), 4);
  EXPECT_EQ(c[0], std::numeric_limits<std::int32_t>::min());
}

TEST(TileModel, ProductsOfBf16SumEvenAndOddElementsApart) {
  TileModel model = configured({{1, 4}, {1, 8}, {2, 4}});
  // In one chain, 2^60 would swallow the 1 before -2^60 takes it away again.
  const auto bits = [](float x) { return to_bfloat16(x); };
  std::vector<std::uint16_t> a = {bits(0x1p60f), bits(1), bits(-0x1p60f), bits(2)};
  std::vector<std::uint16_t> b = {bits(1), bits(1), bits(1), bits(1)};
  std::vector<float> c = {0.5f};
  model.load(0, bytes(c), 4);
  model.load(1, bytes(a), 8);
  model.load(2, bytes(b), 4);
  model.dot_bf16(0, 1, 2);
  model.store(0, bytes(c), 4);
  EXPECT_EQ(c[0], 3.5f);
}

TEST(TileModel, DenormalsOfBf16CountAsZero) {
  TileModel model = configured({{1, 4}, {1, 4}, {1, 4}});
  std::vector<std::uint16_t> a = {to_bfloat16(0x1p-130f), 0}, b = {to_bfloat16(0x1p100f), 0};
  std::vector<float> c = {0x1p-130f};
  model.load(0, bytes(c), 4);
  model.load(1, bytes(a), 4);
  model.load(2, bytes(b), 4);
  model.dot_bf16(0, 1, 2);
  model.store(0, bytes(c), 4);
  EXPECT_EQ(c[0], 0.0f);
}

TEST(TileModel, LoadsClearWhatTheyDoNotFill) {
  TileModel model = configured({{2, 4}});
  std::vector<std::uint8_t> memory(100, 9);
  model.load(0, bytes(memory), 50);
  model.zero(0);
  model.store(0, bytes(memory), 50);
  EXPECT_EQ(memory[0], 0);
  EXPECT_EQ(memory[4], 9) << "beyond the tile's bytes a row";
  EXPECT_EQ(memory[53], 0);
  EXPECT_EQ(memory[54], 9);
}

TEST(TileModel, MisuseThrows) {
  TileModel unconfigured;
  EXPECT_THROW(unconfigured.zero(0), std::logic_error);

  TileModel model = configured({{16, 64}, {16, 64}, {16, 64}, {8, 64}, {16, 32}});
  model.dot_u8_s8(0, 1, 2);
  EXPECT_THROW(model.dot_u8_s8(0, 1, 1), std::logic_error) << "a tile twice";
  EXPECT_THROW(model.dot_u8_s8(0, 3, 2), std::logic_error) << "8 rows of 16 sums";
  EXPECT_THROW(model.dot_u8_s8(0, 4, 2), std::logic_error) << "depth 32 of 64";
  EXPECT_THROW(model.dot_u8_s8(0, 1, 4), std::logic_error) << "8 columns of 16 sums";
  EXPECT_THROW(model.zero(5), std::logic_error) << "configured as empty";
  EXPECT_THROW(model.zero(8), std::logic_error);
  model.release();
  EXPECT_THROW(model.zero(0), std::logic_error);
}

TEST(TileModel, BadConfigurationsThrow) {
  const auto refuses = [](std::size_t place, std::uint8_t value) {
    std::array<std::uint8_t, 64> bytes = configuration({{16, 64}});
    bytes[place] = value;
    TileModel model;
    EXPECT_THROW(model.load_configuration(bytes.data()), std::logic_error) << place;
  };
  refuses(0, 2);    // palette
  refuses(1, 1);    // start row
  refuses(9, 1);    // reserved
  refuses(48, 17);  // rows
  refuses(16, 65);  // bytes a row
  refuses(17, 1);   // 320 bytes a row
  refuses(49, 3);   // rows without bytes
  refuses(56, 1);   // a ninth tile
}

}  // namespace
}  // namespace octet::kernels::conv_dot
