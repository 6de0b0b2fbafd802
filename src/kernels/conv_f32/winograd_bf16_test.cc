// Winograd's convolution of BF16 against conv_dot's reference, on every instruction set of this machine:
// winograd_test.cc tests the method, this what BF16 maps add to it.
#include <gtest/gtest.h>

#include "kernels/bfloat16.h"
#include "kernels/conv_dot/test_convolution.h"
#include "kernels/families.h"

namespace octet::kernels {
namespace {

using conv_dot::Case;
using conv_dot::Outcome;
using conv_dot::Problem;
using conv_dot::square;
using conv_dot::Way;

// FP32's promise of winograd_test.cc, to which the rounding of an output to BF16 comes.
constexpr double kErrorBound = 1e-5;

std::vector<double> reals(Outcome& outcome) {
  std::vector<double> values;
  if (outcome.integers) {
    for (const std::int32_t bits : outcome.integers->to_nchw())
      values.push_back(static_cast<double>(from_bfloat16(static_cast<std::uint16_t>(bits))));
  } else {
    for (const float value : outcome.reals->to_nchw()) values.push_back(static_cast<double>(value));
  }
  return values;
}

class WinogradBf16 : public testing::TestWithParam<test::Variant> {
 protected:
  void SetUp() override {
    if (!test::machine_has(GetParam().isa)) GTEST_SKIP() << "this CPU lacks " << to_string(GetParam().isa);
  }

  void check(Case c, int images = 1, const Way& way = {}, std::uint32_t seed = 1) const {
    c.type = DataType::kBFloat16;
    if (c.output != DataType::kFloat32) c.output = c.type;
    const ConvDesc desc = c.desc();
    SCOPED_TRACE(testing::Message() << conv_dot::describe(desc) << ", images " << images << ", workers "
                                    << way.workers << ", gap " << way.gap
                                    << (way.in_place ? ", in place" : "") << ", seed " << seed);
    ASSERT_GT(GetParam().cost(desc, images), 0);
    Problem problem(desc, images, seed);
    Outcome expected =
        conv_dot::compute(conv_bf16_direct_generic, problem, {.gap = way.gap, .in_place = way.in_place});
    Outcome got = conv_dot::compute(GetParam().create, problem, way);
    const std::vector<double> a = reals(got), b = reals(expected);
    double range = 0;
    for (const double value : b) range = std::max(range, std::abs(value));
    for (std::size_t i = 0; i < a.size(); ++i) {
      double bound = kErrorBound * range;
      if (c.output == DataType::kBFloat16) bound += std::ldexp(std::abs(b[i]) + bound, -7);
      ASSERT_NEAR(a[i], b[i], bound) << "at " << i;
    }
    ASSERT_TRUE(got.integers ? got.integers->padding_is_zero_point() : got.reals->padding_is_zero());
  }
};

std::vector<test::Variant> variants() {
#ifdef OCTET_X86
  return {{Isa::kAvx2, conv_bf16_winograd_avx2_cost, conv_bf16_winograd_avx2},
          {Isa::kAvx512, conv_bf16_winograd_avx512_cost, conv_bf16_winograd_avx512}};
#else
  return {};
#endif
}
INSTANTIATE_TEST_SUITE_P(Isas, WinogradBf16, testing::ValuesIn(variants()),
                         [](const auto& p) { return std::string(to_string(p.param.isa)); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(WinogradBf16);

TEST_P(WinogradBf16, AllMapSizes) {
  for (std::int64_t height = 1; height <= 13; ++height)
    for (std::int64_t width = 1; width <= 13; ++width)
      for (const DataType output : {DataType::kBFloat16, DataType::kFloat32}) {
        Case c{16, height, width, 16, square(3, 1, 1)};
        c.output = output;
        check(c, 2);
      }
}

TEST_P(WinogradBf16, AllChannelTails) {
  for (std::int64_t channels = 16; channels <= 50; ++channels) {
    check({channels, 9, 7, 20, square(3, 1, 1)});
    check({20, 9, 7, channels, square(3, 1, 1)});
  }
}

TEST_P(WinogradBf16, KernelsGroupsAndParts) {
  for (const std::int64_t kernel : {3, 4, 5}) check({24, 13, 14, 40, square(kernel, 1, kernel / 2)}, 2);
  check({96, 9, 9, 64, square(3, 1, 1), 2}, 2, {.workers = 3});
  Case part{40, 9, 7, 72, square(3, 1, 1)};
  part.input_part = 16, part.output_part = 48, part.residual_part = 32, part.residual = true;
  check(part, 3, {.workers = 2, .gap = 16});
}

TEST_P(WinogradBf16, ResidualsReluAndRealOutputs) {
  for (const Case& c : conv_dot::epilogue_cases()) {
    check(c, 3, {.workers = 2, .gap = 16});
    if (c.residual) check(c, 2, {.workers = 3, .in_place = true});
  }
}

TEST_P(WinogradBf16, RandomShapes) {
  const std::uint32_t seed = std::random_device{}();
  std::mt19937 engine(seed);
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(engine); };
  for (int i = 0; i < 60 && !HasFatalFailure(); ++i) {
    Case c{pick(16, 80), pick(5, 30), pick(5, 30), pick(1, 140)};
    c.window = square(pick(3, 5), 1, pick(0, 3));
    if (pick(0, 3) == 0) c.output = DataType::kFloat32;
    c.residual = pick(0, 1) == 1;
    if (pick(0, 1) == 1) c.slope = pick(0, 1) == 1 ? 0.0f : 0.1f;
    c.input_part = 16 * pick(0, 2);
    const Way way{.workers = pick(1, 3), .gap = 16 * pick(0, 2), .in_place = c.residual && pick(0, 1) == 1};
    check(c, pick(1, 3), way, seed + static_cast<std::uint32_t>(i));
  }
}

TEST_P(WinogradBf16, GivesTheSameBytesForAnyNumberOfWorkersAndImages) {
  Case c{64, 14, 13, 80, square(3, 1, 1)};
  c.type = c.output = DataType::kBFloat16, c.residual = true, c.slope = 0.0f;
  Problem problem(c.desc(), 5, 3);
  const std::vector<std::uint8_t> alone = conv_dot::compute(GetParam().create, problem, {}).memory();
  for (const int workers : {2, 3, 7, 64})
    for (const int images : {0, 1, 2}) {
      Outcome got =
          conv_dot::compute(GetParam().create, problem, {.workers = workers, .images_per_call = images});
      EXPECT_EQ(conv_dot::first_difference(got.memory(), alone), "") << workers << " workers, " << images;
    }
}

TEST_P(WinogradBf16, DeclinesWhatItDoesNotCompute) {
  const auto cost = [&](Case c) {
    c.type = DataType::kBFloat16;
    if (c.output == DataType::kUInt8) c.output = c.type;
    return GetParam().cost(c.desc(), 1);
  };
  EXPECT_GT(cost({32, 8, 8, 32, square(3, 1, 1)}), 0);
  EXPECT_LT(cost({32, 8, 8, 32, square(3, 2, 1)}), 0);
  EXPECT_LT(cost({32, 8, 8, 32, square(1)}), 0);
  EXPECT_LT(cost({32, 8, 8, 32, square(3, 1, 1, 2)}), 0);
  EXPECT_LT(cost({8, 8, 8, 32, square(3, 1, 1)}), 0);
  Case bytes{32, 8, 8, 32, square(3, 1, 1)};
  EXPECT_LT(GetParam().cost(bytes.desc(), 1), 0);
  EXPECT_LT(GetParam().cost(PoolDesc{}, 1), 0);
}

}  // namespace
}  // namespace octet::kernels
