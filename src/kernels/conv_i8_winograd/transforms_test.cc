// What contract.h states is true, to the integer, and the parts compute it: the matrices, the bounds, each
// instruction set's transforms, and the packed weights.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <span>

#include "base/aligned_buffer.h"
#include "kernels/conv_dot/convolution.h"
#include "kernels/conv_dot/test_convolution.h"
#include "kernels/conv_i8_winograd/packing.h"
#include "kernels/conv_i8_winograd/test_matrices.h"
#include "kernels/conv_i8_winograd/tiles.h"

namespace octet::kernels::conv_i8_winograd {
namespace {

TEST(WinogradMatrices, AreThoseOfTheContract) {
  EXPECT_EQ(matrix_g(), Matrix({{6, 0, 0}, {-4, -4, -4}, {-4, 4, -4}, {1, 2, 4}, {1, -2, 4}, {0, 0, 6}}));
  EXPECT_EQ(matrix_b_transposed(Kind::kFour), Matrix({{4, 0, -5, 0, 1, 0},
                                                      {0, -4, -4, 1, 1, 0},
                                                      {0, 4, -4, -1, 1, 0},
                                                      {0, -2, -1, 2, 1, 0},
                                                      {0, 2, -1, -2, 1, 0},
                                                      {0, 4, 0, -5, 0, 1}}));
  EXPECT_EQ(matrix_b_transposed(Kind::kThree), Matrix({{4, -2, -4, 2, 0},
                                                       {0, -6, -3, 3, 0},
                                                       {0, 2, -3, 1, 0},
                                                       {0, -4, 0, 4, 0},
                                                       {0, 0, 0, 0, 0},
                                                       {0, 2, -1, -2, 1}}));
  EXPECT_EQ(
      matrix_b_transposed(Kind::kTwo),
      Matrix({{4, 0, -4, 0}, {0, -3, -3, 0}, {0, 3, -3, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, -1, 0, 1}}));
}

// Both sides are linear in d and in g, so that they agree everywhere if they agree on all pairs of unit
// vectors. Two dimensions are the same identity twice.
TEST(WinogradMatrices, Give24TimesTheCorrelation) {
  for (Kind kind : kAllKinds) {
    const Matrix a = matrix_a_transposed(kind), b = matrix_b_transposed(kind), g = matrix_g();
    for (std::size_t input = 0; input < b[0].size(); ++input)
      for (std::size_t tap = 0; tap < 3; ++tap)
        for (std::size_t output = 0; output < a.size(); ++output) {
          std::int64_t y = 0;
          for (std::size_t p = 0; p < kSide; ++p) y += a[output][p] * g[p][tap] * b[p][input];
          EXPECT_EQ(y, input == output + tap ? 24 : 0) << outputs_of(kind) << " " << input << " " << tap;
        }
  }
}

struct Sums {
  std::int64_t positive = 0, negative = 0;
};
Sums sums_of(const std::vector<std::int64_t>& row) {
  Sums s;
  for (std::int64_t x : row) (x > 0 ? s.positive : s.negative) += std::abs(x);
  return s;
}

TEST(WinogradMatrices, KeepVAndUWithin16Bits) {
  std::int64_t most = 0;
  for (Kind height : kAllKinds)
    for (Kind width : kAllKinds)
      for (const auto& y : matrix_b_transposed(height))
        for (const auto& x : matrix_b_transposed(width)) {
          const Sums a = sums_of(y), b = sums_of(x);
          most = std::max({most, a.positive * b.positive + a.negative * b.negative,
                           a.positive * b.negative + a.negative * b.positive});
        }
  EXPECT_EQ(255 * most, 22950);
  std::int64_t largest = 0;
  for (const auto& row : matrix_g())
    largest = std::max(largest, sums_of(row).positive + sums_of(row).negative);
  EXPECT_EQ(128 * largest * largest, 18432);
}

TEST(WinogradMatrices, LetTheCentreEnterAtOnePoint) {
  for (Kind kind : kAllKinds)
    for (const auto& row : matrix_a_transposed(kind)) EXPECT_EQ(row[kCentrePoint % kSide], 1);
  EXPECT_EQ(kCentrePoint / kSide, kCentrePoint % kSide);
  EXPECT_EQ(kScale, 24u * 24u);
  EXPECT_EQ(kInverseOf9 * 9u, 1u);
  EXPECT_EQ(9u << kShift, kScale);
}

TEST(WinogradTiles, CoverEverySizeWithoutRest) {
  for (std::int64_t size = 2; size <= 300; ++size) {
    std::int64_t end = 0, smaller = 0;
    for (const Piece& piece : cut(size)) {
      EXPECT_EQ(piece.begin, end);
      end += outputs_of(piece.kind);
      smaller += piece.kind != Kind::kFour ? 1 : 0;
    }
    EXPECT_EQ(end, size);
    EXPECT_LE(smaller, 2);
  }
  EXPECT_EQ(points_of(cut(14), Subdivision(3)), 22);
  EXPECT_EQ(points_of(cut(13), Subdivision(3)), 21);
  EXPECT_EQ(points_of(cut(7), Subdivision(3)), 11);
}

struct Named {
  const char* name;
  Isa isa;
  const Transforms* transforms;
};
std::vector<Named> transforms_here() {
  std::vector<Named> all;
#ifdef OCTET_X86
  all = {{"avx2", Isa::kAvx2, &kAvx2Transforms}, {"avx512", Isa::kAvx512, &kAvx512Transforms}};
#endif
  std::erase_if(all, [](const Named& t) { return !test::machine_has(t.isa); });
  return all;
}

/// Bytes that make one entry of V as large as it can be, or random ones.
std::vector<std::uint8_t> bytes_of_patch(Kind height, Kind width, int point, std::mt19937& engine) {
  const Matrix rows = matrix_b_transposed(height), columns = matrix_b_transposed(width);
  const auto kind = std::uniform_int_distribution<int>(0, 2)(engine);
  std::vector<std::uint8_t> bytes;
  for (std::int64_t a : rows[static_cast<std::size_t>(point / kSide)])
    for (std::int64_t b : columns[static_cast<std::size_t>(point % kSide)]) {
      const auto any = static_cast<std::uint8_t>(std::uniform_int_distribution<int>(0, 255)(engine));
      bytes.push_back(kind == 0 ? any : (a * b > 0) == (kind == 1) ? 255 : 0);
    }
  return bytes;
}

TEST(WinogradTransforms, OfInputsMultiplyByB) {
  std::mt19937 engine(1);
  for (const Named& named : transforms_here())
    for (Kind height : kAllKinds)
      for (Kind width : kAllKinds) {
        constexpr std::int64_t kLines = 3;
        const std::int64_t channels = named.transforms->channels * kLines;
        const int rows = inputs_of(height), columns = inputs_of(width);
        std::vector<std::vector<std::uint8_t>> patches;  // by channel
        for (std::int64_t c = 0; c < channels; ++c)
          patches.push_back(bytes_of_patch(height, width, static_cast<int>(c % kPoints), engine));
        // Pixels lie anywhere, with no alignment.
        std::vector<std::vector<std::byte>> memory(kPoints, std::vector<std::byte>(channels + 1));
        const std::byte* pixels[kPoints] = {};
        for (int y = 0; y < rows; ++y)
          for (int x = 0; x < columns; ++x) {
            const int place = y * kSide + x, patch_place = y * columns + x;
            std::byte* pixel = memory[static_cast<std::size_t>(place)].data() + 1;
            for (std::int64_t c = 0; c < channels; ++c)
              pixel[c] =
                  std::byte{patches[static_cast<std::size_t>(c)][static_cast<std::size_t>(patch_place)]};
            pixels[place] = pixel;
          }
        const std::int64_t step = channels * 2 + 64;
        base::AlignedBuffer v(static_cast<std::size_t>(kPoints * step));
        const std::byte poison{0xa5};
        std::fill_n(v.data(), v.size(), poison);
        named.transforms->input[static_cast<int>(height)][static_cast<int>(width)](
            {pixels, kLines, v.data(), step});
        for (std::int64_t c = 0; c < channels; ++c) {
          Matrix d(static_cast<std::size_t>(rows));
          for (std::size_t i = 0; i < patches[static_cast<std::size_t>(c)].size(); ++i)
            d[i / static_cast<std::size_t>(columns)].push_back(patches[static_cast<std::size_t>(c)][i]);
          const Matrix expected =
              multiply(multiply(matrix_b_transposed(height), d), transposed(matrix_b_transposed(width)));
          for (int p = 0; p < kPoints; ++p) {
            std::int16_t got;
            std::memcpy(&got, v.data() + p * step + c * 2, sizeof got);
            if (has_point(height, p / kSide) && has_point(width, p % kSide)) {
              ASSERT_EQ(got,
                        expected[static_cast<std::size_t>(p / kSide)][static_cast<std::size_t>(p % kSide)])
                  << named.name << " " << rows << "x" << columns << " channel " << c << " point " << p;
            } else {
              ASSERT_EQ(static_cast<std::uint16_t>(got), 0xa5a5) << named.name << ": not the kind's point";
            }
          }
        }
      }
}

TEST(WinogradTransforms, OfOutputsGiveTheSumsThatWrappedOnesStandFor) {
  std::mt19937 engine(2);
  const auto any32 = [&] { return static_cast<std::uint32_t>(engine()); };
  conv_dot::Epilogue epilogue{};
  epilogue.output = conv_dot::Output::kF32;
  epilogue.residual_scale = 1;
  for (const Named& named : transforms_here())
    for (Kind height : kAllKinds)
      for (Kind width : kAllKinds) {
        const std::int64_t step = 192;
        base::AlignedBuffer m(static_cast<std::size_t>(kPoints * step));
        for (std::size_t i = 0; i < m.size(); i += 4) {
          const std::uint32_t value = any32();
          std::memcpy(m.data() + i, &value, 4);
        }
        std::array<std::int32_t, 16> bias;
        std::array<float, 16> multipliers;
        for (std::int32_t& b : bias) b = static_cast<std::int32_t>(any32());
        multipliers.fill(1);
        alignas(64) float output[4][5][16] = {};
        OutputTile tile{};
        tile.m = m.data();
        tile.point_step = step;
        tile.bias = bias.data();
        tile.multipliers = multipliers.data();
        tile.epilogue = &epilogue;
        tile.output = reinterpret_cast<std::byte*>(output);
        tile.row_step = sizeof output[0];
        tile.pixel_step = sizeof output[0][0];
        named.transforms->output[static_cast<int>(height)][static_cast<int>(width)](tile);
        for (std::int64_t lane = 0; lane < 16; ++lane) {
          Matrix values(kSide, std::vector<std::int64_t>(kSide));
          for (int p = 0; p < kPoints; ++p) {
            std::int32_t value;
            std::memcpy(&value, m.data() + p * step + lane * 4, 4);
            if (has_point(height, p / kSide) && has_point(width, p % kSide))
              values[static_cast<std::size_t>(p / kSide)][static_cast<std::size_t>(p % kSide)] = value;
          }
          const Matrix scaled =
              multiply(multiply(matrix_a_transposed(height), values), transposed(matrix_a_transposed(width)));
          for (std::size_t y = 0; y < 4; ++y)
            for (std::size_t x = 0; x < 5; ++x) {
              const bool inside = y < scaled.size() && x < scaled[0].size();
              float expected = 0;
              if (inside) {
                const std::uint32_t times64 = static_cast<std::uint32_t>(scaled[y][x]) * kInverseOf9;
                const std::int32_t sum = static_cast<std::int32_t>(times64) >> kShift;
                expected = static_cast<float>(static_cast<std::int32_t>(
                    static_cast<std::uint32_t>(sum) +
                    static_cast<std::uint32_t>(bias[static_cast<std::size_t>(lane)])));
              }
              ASSERT_EQ(output[y][x][lane], expected)
                  << named.name << " " << outputs_of(height) << "x" << outputs_of(width) << " lane " << lane;
            }
        }
      }
}

TEST(WinogradCondition, IsRightAtItsVeryBound) {
  // 255 * 263172 = 2^26 - 4.
  std::vector<std::int8_t> weights(2400, 0);
  std::fill_n(weights.begin(), 1036, std::int8_t{127});
  std::fill_n(weights.begin() + 1036, 1028, std::int8_t{-128});
  weights[2064] = 16;
  const Reach reach = reach_of(weights);
  EXPECT_EQ(reach.high, 255 * (1036 * 127 + 16));
  EXPECT_EQ(reach.low, -255 * 1028 * 128);
  EXPECT_EQ(reach.high - reach.low, (1 << 26) - 4);
  EXPECT_TRUE(fits(weights, 1));
  weights[2065] = -1;
  EXPECT_FALSE(fits(weights, 1));
  std::vector<std::int8_t> two(2400, 1);
  two.insert(two.end(), weights.begin(), weights.end());
  EXPECT_FALSE(fits(two, 2));  // one channel is enough
}

// Every weight's U, or W, where the products read it, zeros elsewhere, whatever was there before.
void check_packing(Stored stored) {
  struct Shape {
    std::int64_t in, out, groups;
  };
  for (const Shape& shape : {Shape{16, 16, 1}, Shape{35, 50, 1}, Shape{64, 96, 2}})
    for (int lanes : {16, 32}) {
      const ConvDesc desc =
          conv_dot::Case{shape.in, 4, 4, shape.out, conv_dot::square(3, 1, 1), shape.groups}.desc();
      const conv_dot::Problem problem(desc, 1, 1, conv_dot::Values::kLargest);
      const PackedWeights packed(desc, lanes, stored);
      base::AlignedBuffer buffer(packed.bytes());
      std::fill_n(buffer.data(), buffer.size(), std::byte{0xff});
      packed.pack(problem.integer_weights(), {buffer.data(), packed.bytes()});
      const std::int64_t in = shape.in / shape.groups, group_outputs = shape.out / shape.groups;
      for (const conv_dot::Panel& panel : packed.panels())
        for (std::int64_t lane = 0; lane < panel.lanes; ++lane)
          for (std::int64_t c = 0; c < 2 * packed.pairs(); ++c) {
            const std::int64_t k = panel.channel + lane;
            Matrix filter(3, std::vector<std::int64_t>(3));
            if (c < in && k < (panel.group + 1) * group_outputs) {
              for (std::int64_t tap = 0; tap < 9; ++tap)
                filter[static_cast<std::size_t>(tap / 3)][static_cast<std::size_t>(tap % 3)] =
                    std::int64_t{problem.weights[static_cast<std::size_t>((k * in + c) * 9 + tap)]};
            }
            const Matrix w = multiply(matrix_g(), filter);
            const Matrix expected = stored == Stored::kW ? w : multiply(w, transposed(matrix_g()));
            const int parts = packed.planes_of_row(0);
            for (int p = 0; p < kSide * parts; ++p) {
              std::int16_t got;
              std::memcpy(&got,
                          buffer.data() + panel.weights + p * packed.plane_bytes(panel.lanes) +
                              (c / 2 * panel.lanes + lane) * 4 + c % 2 * 2,
                          sizeof got);
              ASSERT_EQ(got,
                        expected[static_cast<std::size_t>(p / parts)][static_cast<std::size_t>(p % parts)])
                  << "output " << k << " input " << c << " part " << p << " lanes " << lanes;
            }
          }
    }
}
TEST(WinogradPacking, HoldsGTimesWeightsTimesG) { check_packing(Stored::kU); }
TEST(WinogradPacking, HoldsGTimesWeights) { check_packing(Stored::kW); }

}  // namespace
}  // namespace octet::kernels::conv_i8_winograd
