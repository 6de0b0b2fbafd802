// Activations against the standard library's functions in double, on every instruction set of the machine.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/families.h"
#include "tests/support/activation_values.h"
#include "tests/support/kernel_runner.h"

namespace octet::kernels {
namespace {

using test::LaidOut;

std::vector<test::Variant> variants() {
  return test::usable({
      {Isa::kGeneric, activation_f32_generic_cost, activation_f32_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, activation_f32_avx2_cost, activation_f32_avx2},
      {Isa::kAvx512, activation_f32_avx512_cost, activation_f32_avx512},
#endif
  });
}

std::vector<ActivationDesc> functions(const FeatureMap& map) {
  ActivationDesc d;
  d.map = d.output = map;
  std::vector<ActivationDesc> all(6, d);
  all[0].function = ActivationFunction::kSigmoid;
  all[1].function = ActivationFunction::kTanh;
  all[2].function = ActivationFunction::kHardSigmoid, all[2].a = 0.2f, all[2].b = 0.5f;
  all[3].function = ActivationFunction::kHardSwish;
  all[4].function = ActivationFunction::kClip, all[4].a = -1.5f, all[4].b = 2.25f;
  all[5].function = ActivationFunction::kRounding, all[5].a = 0.375f, all[5].b = 91;
  return all;
}

/// Values of all sizes and both signs, the ends and the neighbourhoods where the code changes its way.
std::vector<float> all_sizes() {
  std::vector<float> values = {0, 0.1f, 0.625f, 3, 87, 88, 90, 104, 1e4f, 1e30f};
  for (float x = 1e-30f; x < 200; x *= 1.01f) values.push_back(x);
  const std::size_t positive = values.size();
  for (std::size_t i = 0; i < positive; ++i) values.push_back(-values[i]);
  return values;
}

TEST(ActivationF32, IsWithinAMillionthOfTheFunctionWhateverTheSize) {
  std::vector<float> x = all_sizes();
  const auto count = static_cast<std::int64_t>(x.size());
  for (const ActivationDesc& d : functions({1, 1, count}))
    for (const test::Variant& variant : variants()) {
      SCOPED_TRACE(testing::Message()
                   << "function " << static_cast<int>(d.function) << " " << to_string(variant.isa));
      ASSERT_GT(variant.cost(d, 1), 0);
      LaidOut input = test::lay_out(d.map, 1, x), output(d.map, 1);
      test::KernelRunner(variant.create(d)).run({&input}, output, 1);
      const std::vector<float> y = output.to_nchw();
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double expected = test::activation_value(d, double{x[i]});
        // The absolute part: of sums near zero, and of what is no normal float.
        const bool cancels =
            d.function == ActivationFunction::kHardSigmoid || d.function == ActivationFunction::kHardSwish;
        const double absolute = cancels ? 1e-6 * std::min(1.0, std::abs(double{x[i]})) : 2e-38;
        ASSERT_NEAR(double{y[i]}, expected, 1e-6 * std::abs(expected) + absolute) << "f(" << x[i] << ")";
      }
    }
}

TEST(ActivationF32, LetsNanPassAndTakesInfinities) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const ActivationDesc& d : functions({1, 1, 3}))
    for (const test::Variant& variant : variants()) {
      SCOPED_TRACE(testing::Message()
                   << "function " << static_cast<int>(d.function) << " " << to_string(variant.isa));
      LaidOut input =
          test::lay_out(d.map, 1, {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity});
      LaidOut output(d.map, 1);
      test::KernelRunner(variant.create(d)).run({&input}, output, 1);
      const std::vector<float> y = output.to_nchw();
      EXPECT_TRUE(std::isnan(y[0]));
      if (d.function == ActivationFunction::kHardSwish) continue;  // infinity times zero at one end
      EXPECT_NEAR(double{y[1]}, test::activation_value(d, double{kInfinity}), 1e-6);
      EXPECT_NEAR(double{y[2]}, test::activation_value(d, -double{kInfinity}), 1e-6);
    }
}

TEST(ActivationF32, RoundingKnowsOneZero) {
  ActivationDesc d = functions({1, 1, 4}).back();
  for (const test::Variant& variant : variants()) {
    SCOPED_TRACE(to_string(variant.isa));
    LaidOut input = test::lay_out(d.map, 1, {-0.1f, 0.1f, -0.0f, 0}), output(d.map, 1);
    test::KernelRunner(variant.create(d)).run({&input}, output, 1);
    for (const float y : output.to_nchw()) EXPECT_TRUE(y == 0 && !std::signbit(y));
  }
}

TEST(ActivationF32, TakesAllChannelTailsAndWorkersAndKeepsZerosInPadding) {
  std::uint32_t seed = 1;
  for (std::int64_t channels : {1, 3, 15, 16, 17, 40})
    for (int workers : {1, 2, 3, 50})
      for (const ActivationDesc& d : functions({channels, 5, 3})) {
        const auto x = test::random_floats(static_cast<std::size_t>(3 * channels * 15), seed++, -5, 5);
        std::vector<float> expected;
        for (const float value : x)
          expected.push_back(static_cast<float>(test::activation_value(d, double{value})));
        for (const test::Variant& variant : variants()) {
          SCOPED_TRACE(testing::Message()
                       << "function " << static_cast<int>(d.function) << " " << to_string(variant.isa)
                       << " channels " << channels << " workers " << workers);
          LaidOut input = test::lay_out(d.map, 3, x, 16), output(d.map, 3, d.map.elements() + 32);
          test::KernelRunner runner(variant.create(d));
          runner.run({&input}, output, 3, workers);
          const auto difference = test::compare(output.to_nchw(), expected);
          EXPECT_LE(difference.max_error, 1e-6) << difference.text;
          EXPECT_TRUE(output.padding_is_zero());
          EXPECT_TRUE(test::gaps_untouched(output, 3));
          ASSERT_TRUE(runner.kernel().in_place(0));
          runner.run({&input}, input, 3, workers);
          EXPECT_EQ(input.to_nchw(), output.to_nchw()) << "in place";
        }
      }
}

TEST(ActivationF32, IsTheSameToTheBitOnAllInstructionSets) {
  std::vector<float> x = all_sizes();
  for (const ActivationDesc& d : functions({1, 1, static_cast<std::int64_t>(x.size())})) {
    std::vector<float> first;
    for (const test::Variant& variant : variants()) {
      LaidOut input = test::lay_out(d.map, 1, x), output(d.map, 1);
      test::KernelRunner(variant.create(d)).run({&input}, output, 1);
      if (first.empty()) first = output.to_nchw();
      EXPECT_EQ(output.to_nchw(), first) << to_string(variant.isa);
    }
  }
}

TEST(ActivationF32, RefusesWhatItCannotCompute) {
  ActivationDesc nchw, bytes;
  nchw.map.layout = Layout::kNchw;
  bytes.map.type = DataType::kUInt8;
  for (const test::Variant& variant : variants()) {
    for (const ActivationDesc& bad : {nchw, bytes}) EXPECT_LT(variant.cost(bad, 1), 0);
    EXPECT_LT(variant.cost(SoftmaxDesc{}, 1), 0);
  }
}

}  // namespace
}  // namespace octet::kernels
