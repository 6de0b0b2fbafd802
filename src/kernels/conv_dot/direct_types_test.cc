// Direct convolution of s16 and BF16 over the driver that direct_test.cc tests with bytes: s16 gives the
// reference's very bytes, BF16 stays within the bound of contract.h.
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
using conv_dot::Values;
using conv_dot::Way;

struct Named {
  const char* name;
  DataType type;
  test::Variant variant;
  conv_dot::Create reference;
};

std::vector<Named> entries() {
  std::vector<Named> all;
#ifdef OCTET_X86
  const auto s16 = [&](const char* name, test::Variant v) {
    all.push_back({name, DataType::kInt16, v, conv_i16_direct_generic});
  };
  const auto bf16 = [&](const char* name, test::Variant v) {
    all.push_back({name, DataType::kBFloat16, v, conv_bf16_direct_generic});
  };
  s16("i16_avx2", {Isa::kAvx2, conv_i16_direct_avx2_cost, conv_i16_direct_avx2});
  s16("i16_avx512", {Isa::kAvx512, conv_i16_direct_avx512_cost, conv_i16_direct_avx512});
  s16("i16_avx512vnni", {Isa::kAvx512Vnni, conv_i16_direct_avx512vnni_cost, conv_i16_direct_avx512vnni});
  bf16("bf16_avx2", {Isa::kAvx2, conv_bf16_direct_avx2_cost, conv_bf16_direct_avx2});
  bf16("bf16_avx512", {Isa::kAvx512, conv_bf16_direct_avx512_cost, conv_bf16_direct_avx512});
  bf16("bf16_avx512bf16", {Isa::kAvx512Bf16, conv_bf16_direct_avx512bf16_cost, conv_bf16_direct_avx512bf16});
#endif
  return all;
}

/// Dense NCHW values of a BF16 or FP32 outcome.
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

/// |bias| + |residual| + sum of |weight * input|, a little enlarged for having been rounded. Takes the signs
/// from the problem's values.
std::vector<double> sizes(Problem& p, conv_dot::Create reference) {
  const auto remove_signs = [](test::NhwcTensor& tensor) {
    const std::vector<std::int32_t> values = tensor.to_nchw();
    const FeatureMap& map = tensor.map();
    tensor.fill([&](int n, std::int64_t c, std::int64_t pixel) {
      return values[static_cast<std::size_t>((n * map.channels + c) * map.pixels() + pixel)] & 0x7fff;
    });
  };
  remove_signs(p.input);
  if (p.residual) remove_signs(*p.residual);
  for (auto* values : {&p.real_weights, &p.real_bias, &p.real_residual})
    for (float& v : *values) v = std::abs(v);
  p.desc.relu.reset();
  Outcome outcome = conv_dot::compute(reference, p, {});
  std::vector<double> found = reals(outcome);
  for (double& size : found) size *= 1.01;
  return found;
}

class DirectTypes : public testing::TestWithParam<Named> {
 protected:
  void SetUp() override {
    const Isa isa = GetParam().variant.isa;
    if (!test::machine_has(isa)) GTEST_SKIP() << "this CPU lacks " << to_string(isa);
  }

  void check(Case c, int images = 1, const Way& way = {}, Values values = Values::kRandom,
             std::uint32_t seed = 1) const {
    const auto& [name, type, variant, reference] = GetParam();
    c.type = type;
    if (c.output != DataType::kFloat32) c.output = type;
    const ConvDesc desc = c.desc();
    Problem problem(desc, images, seed, values);
    SCOPED_TRACE(testing::Message() << conv_dot::describe(desc) << ", images " << images << ", workers "
                                    << way.workers << ", gap " << way.gap
                                    << (way.in_place ? ", in place" : "") << ", seed " << seed);
    ASSERT_GT(variant.cost(desc, images), 0);
    Outcome expected = conv_dot::compute(reference, problem, {.gap = way.gap, .in_place = way.in_place});
    Outcome got = conv_dot::compute(variant.create, problem, way);
    if (type == DataType::kInt16) {
      ASSERT_EQ(conv_dot::first_difference(got.memory(), expected.memory()), "");
      return;
    }
    const std::vector<double> a = reals(got), b = reals(expected), size = sizes(problem, reference);
    const std::int64_t products = c.in / c.groups * desc.window.kernel_h * desc.window.kernel_w;
    for (std::size_t i = 0; i < a.size(); ++i) {
      double bound = static_cast<double>(products + 2) * std::ldexp(size[i], -23);
      if (c.output == DataType::kBFloat16) bound += 2 * std::ldexp(std::abs(b[i]) + bound, -8);
      ASSERT_NEAR(a[i], b[i], bound) << "at " << i;
    }
    ASSERT_TRUE(got.integers ? got.integers->padding_is_zero_point() : got.reals->padding_is_zero());
  }
};

INSTANTIATE_TEST_SUITE_P(Entries, DirectTypes, testing::ValuesIn(entries()),
                         [](const auto& p) { return std::string(p.param.name); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DirectTypes);

TEST_P(DirectTypes, AllChannelTails) {
  for (std::int64_t channels = 1; channels <= 40; ++channels) {
    check({channels, 4, 5, 20, square(3, 1, 1)});
    check({20, 3, 4, 4 * channels - 1, square(1)});
  }
}

TEST_P(DirectTypes, AllNumbersOfPixels) {
  for (std::int64_t pixels = 1; pixels <= 30; ++pixels)
    for (std::int64_t out : {16, 32, 48, 64}) check({12, 1, pixels, out, {1, 3, 1, 1, 0, 1, 0, 1}});
}

TEST_P(DirectTypes, ExtremeValues) {
  for (Values values : {Values::kZeros, Values::kLargest, Values::kTies, Values::kSmall})
    for (std::int64_t channels : {3, 16, 70}) {
      Case c{channels, 6, 7, 80, square(3, 1, 1)};
      check(c, 2, {.workers = 2}, values);
      c.residual = true;
      check(c, 2, {.workers = 2}, values);
    }
}

TEST_P(DirectTypes, KernelsStridesDilationsAndPads) {
  for (std::int64_t kernel : {1, 3, 5})
    for (std::int64_t stride : {1, 2})
      for (std::int64_t dilation : {1, 2})
        check({24, 13, 14, 32, square(kernel, stride, (kernel - 1) * dilation / 2, dilation)}, 2,
              {.workers = 2, .gap = 32});
}

TEST_P(DirectTypes, PicturesGroupsPartsAndBiasMaps) {
  Case picture{3, 29, 35, 24, square(7, 2, 3)};
  picture.picture = 4;
  picture.slope = 0;
  check(picture, 2);
  check({64, 9, 9, 96, square(3, 2, 1), 2}, 2, {.workers = 3});
  for (std::int64_t groups : {3, 6}) check({8 * groups, 9, 9, 24 * groups, square(3, 1, 1), groups}, 2);
  Case part{40, 9, 7, 72, square(3, 1, 1)};
  part.input_part = 16, part.output_part = 48, part.residual_part = 32, part.residual = true;
  check(part, 3, {.workers = 2});
  if (GetParam().type == DataType::kInt16) {
    Case map{20, 9, 8, 40, square(3, 1, 1)};
    map.bias_map = true;
    check(map, 3, {.workers = 2});
  }
}

TEST_P(DirectTypes, ResidualsReluAndRealOutputs) {
  for (const Case& c : conv_dot::epilogue_cases()) {
    check(c, 3, {.workers = 2, .gap = 16});
    if (c.residual) check(c, 2, {.workers = 3, .in_place = true});
  }
}

TEST_P(DirectTypes, RandomShapes) {
  const std::uint32_t seed = std::random_device{}();
  std::mt19937 engine(seed);
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(engine); };
  for (int i = 0; i < 60 && !HasFatalFailure(); ++i) {
    Case c{pick(1, 50), pick(7, 20), pick(7, 20), pick(1, 140)};
    c.window = square(pick(1, 4), pick(1, 3), pick(0, 2), pick(1, 2));
    if (pick(0, 3) == 0) c.output = DataType::kFloat32;
    c.residual = pick(0, 1) == 1;
    if (pick(0, 1)) c.slope = pick(0, 1) ? 0.0f : 0.1f;
    c.input_part = 16 * pick(0, 2);
    const Way way{.workers = pick(1, 3), .gap = 16 * pick(0, 2), .in_place = c.residual && pick(0, 1) == 1};
    check(c, pick(1, 3), way, Values::kRandom, seed + static_cast<std::uint32_t>(i));
  }
}

}  // namespace
}  // namespace octet::kernels
