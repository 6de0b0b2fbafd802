// Softmax against plain loops with the C library's exponential in double.
#include <gtest/gtest.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"

namespace octet::kernels {
namespace {

using test::LaidOut;

std::vector<float> plain_softmax(const FeatureMap& map, int images, const std::vector<float>& x) {
  const auto channels = static_cast<std::size_t>(map.channels),
             pixels = static_cast<std::size_t>(map.pixels());
  std::vector<float> y(x.size());
  for (std::size_t n = 0; n < static_cast<std::size_t>(images); ++n)
    for (std::size_t p = 0; p < pixels; ++p) {
      const auto at = [&](std::size_t c) { return (n * channels + c) * pixels + p; };
      double largest = -INFINITY, sum = 0;
      for (std::size_t c = 0; c < channels; ++c) largest = std::max(largest, double{x[at(c)]});
      for (std::size_t c = 0; c < channels; ++c) sum += std::exp(double{x[at(c)]} - largest);
      for (std::size_t c = 0; c < channels; ++c)
        y[at(c)] = static_cast<float>(std::exp(double{x[at(c)]} - largest) / sum);
    }
  return y;
}

void expect_equal_to_plain_loops(const FeatureMap& map, int images, int workers, std::uint32_t seed,
                                 float range) {
  SCOPED_TRACE(testing::Message() << "seed " << seed << " channels " << map.channels << " pixels "
                                  << map.pixels() << " workers " << workers << " range " << range);
  const auto x = test::random_floats(static_cast<std::size_t>(images * map.channels * map.pixels()), seed,
                                     -range, range);
  const auto expected = plain_softmax(map, images, x);
  LaidOut input = test::lay_out(map, images, x, 16), output(map, images, map.elements() + 32);
  test::KernelRunner runner(softmax_f32_generic(SoftmaxDesc{map}));
  runner.run({&input}, output, images, workers);
  const auto got = output.to_nchw();
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i)  // relative to each value; tiny ones may vanish
    ASSERT_NEAR(got[i], expected[i], 3e-7 * double{expected[i]} + 1.2e-38) << "at " << i;
  EXPECT_TRUE(output.padding_is_zero());
  EXPECT_TRUE(test::gaps_untouched(output, images));
  ASSERT_TRUE(runner.kernel().in_place(0));
  runner.run({&input}, input, images, workers);
  EXPECT_EQ(input.to_nchw(), got) << "in place";
}

TEST(SoftmaxF32, EqualsPlainLoopsForVectors) {
  std::uint32_t seed = 1;
  for (std::int64_t channels : {1, 3, 15, 16, 17, 40, 1000})
    for (float range : {0.01f, 5.0f, 50.0f, 1000.0f, 1e30f})
      for (int workers : {1, 2}) expect_equal_to_plain_loops({channels, 1, 1}, 3, workers, seed++, range);
}

TEST(SoftmaxF32, EqualsPlainLoopsForEachPixelOfAMap) {
  std::uint32_t seed = 100;
  for (std::int64_t channels : {1, 3, 15, 16, 17, 40})
    for (int workers : {1, 2, 3, 100})
      expect_equal_to_plain_loops({channels, 5, 7}, 2, workers, seed++, 10.0f);
}

TEST(SoftmaxF32, GivesExactlyOneToASingleFarLargestValue) {
  const FeatureMap map = {17, 1, 1};
  std::vector<float> x(17, -INFINITY);
  x[16] = 3;
  LaidOut input(map, 1, x), output(map, 1);
  test::KernelRunner(softmax_f32_generic(SoftmaxDesc{map})).run({&input}, output, 1);
  std::vector<float> expected(17, 0.0f);
  expected[16] = 1;
  EXPECT_EQ(output.to_nchw(), expected);
}

TEST(SoftmaxF32, ItsLogarithmEqualsPlainLoops) {
  std::uint32_t seed = 200;
  for (std::int64_t channels : {1, 3, 16, 17, 1000})
    for (float range : {0.01f, 5.0f, 300.0f}) {
      const FeatureMap map = {channels, 3, 5};
      const auto x = test::random_floats(static_cast<std::size_t>(2 * channels * 15), seed++, -range, range);
      LaidOut input = test::lay_out(map, 2, x, 16), output(map, 2, map.elements() + 32);
      test::KernelRunner runner(softmax_f32_generic(SoftmaxDesc{map, true}));
      runner.run({&input}, output, 2, 3);
      for (int n = 0; n < 2; ++n)
        for (std::int64_t p = 0; p < 15; ++p) {
          double largest = -INFINITY, sum = 0;
          for (std::int64_t c = 0; c < channels; ++c) largest = std::max(largest, double{input.at(n, c, p)});
          for (std::int64_t c = 0; c < channels; ++c) sum += std::exp(double{input.at(n, c, p)} - largest);
          for (std::int64_t c = 0; c < channels; ++c) {
            const double expected = double{input.at(n, c, p)} - largest - std::log(sum);
            ASSERT_NEAR(double{output.at(n, c, p)}, expected, 1e-7 * std::abs(expected) + 1e-9) << c;
          }
        }
      EXPECT_TRUE(output.padding_is_zero());
      runner.run({&input}, input, 2, 3);
      EXPECT_EQ(input.to_nchw(), output.to_nchw()) << "in place";
    }
}

TEST(SoftmaxF32, PassesNaNOn) {
  const FeatureMap map = {5, 1, 1};
  LaidOut input(map, 1, {1, 2, std::nanf(""), 3, 4}), output(map, 1);
  test::KernelRunner(softmax_f32_generic(SoftmaxDesc{map})).run({&input}, output, 1);
  for (float y : output.to_nchw()) EXPECT_TRUE(std::isnan(y));
  EXPECT_TRUE(output.padding_is_zero());
  test::KernelRunner(softmax_f32_generic(SoftmaxDesc{map, true})).run({&input}, output, 1);
  for (float y : output.to_nchw()) EXPECT_TRUE(std::isnan(y));
}

TEST(SoftmaxF32, RefusesWhatItCannotCompute) {
  SoftmaxDesc nchw;
  nchw.map.layout = Layout::kNchw;
  EXPECT_GT(softmax_f32_generic_cost(SoftmaxDesc{}, 1), 0);
  EXPECT_LT(softmax_f32_generic_cost(nchw, 1), 0);
  EXPECT_LT(softmax_f32_generic_cost(PoolDesc{}, 1), 0);
}

}  // namespace
}  // namespace octet::kernels
