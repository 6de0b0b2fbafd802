// Channel affine maps against plain loops, on every instruction set of the machine.
#include <gtest/gtest.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"

namespace octet::kernels {
namespace {

using test::LaidOut;

std::vector<test::Variant> affine_variants() {
  return test::usable({
      {Isa::kGeneric, channel_affine_f32_generic_cost, channel_affine_f32_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, channel_affine_f32_avx2_cost, channel_affine_f32_avx2},
      {Isa::kAvx512, channel_affine_f32_avx512_cost, channel_affine_f32_avx512},
#endif
  });
}

void expect_equal_to_plain_loops(const ChannelAffineDesc& d, const std::vector<std::vector<float>>& weights,
                                 int images, int workers, std::uint32_t seed) {
  const std::int64_t pixels = d.map.pixels();
  const auto x = test::random_floats(static_cast<std::size_t>(images * d.map.channels * pixels), seed);
  std::vector<float> expected;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i / static_cast<std::size_t>(pixels) % static_cast<std::size_t>(d.map.channels);
    const double scale = weights.size() > 0 && !weights[0].empty() ? double{weights[0][c]} : 1.0;
    const double shift = weights.size() > 1 && !weights[1].empty() ? double{weights[1][c]} : 0.0;
    double y = double{x[i]} * scale + shift;
    if (d.relu && y < 0) y *= double{d.relu->slope};
    if (d.relu) y = std::min(y, double{d.relu->limit});
    expected.push_back(static_cast<float>(y));
  }
  for (const test::Variant& variant : affine_variants()) {
    SCOPED_TRACE(testing::Message() << to_string(variant.isa) << " seed " << seed << " channels "
                                    << d.map.channels << " workers " << workers);
    ASSERT_GT(variant.cost(d, images), 0);
    LaidOut input = test::lay_out(d.map, images, x, 16), output(d.map, images, d.map.elements() + 32);
    test::KernelRunner runner(variant.create(d), weights);
    runner.run({&input}, output, images, workers);
    const auto difference = test::compare(output.to_nchw(), expected);
    EXPECT_LE(difference.max_error, 1e-6) << difference.text;
    EXPECT_TRUE(output.padding_is_zero());
    EXPECT_TRUE(test::gaps_untouched(output, images));
    ASSERT_TRUE(runner.kernel().in_place(0));
    runner.run({&input}, input, images, workers);
    EXPECT_EQ(input.to_nchw(), output.to_nchw()) << "in place";
    EXPECT_TRUE(input.padding_is_zero());
  }
}

TEST(ChannelAffineF32, EqualsPlainLoopsForAllChannelTailsAndWorkers) {
  std::uint32_t seed = 1;
  for (std::int64_t channels : {1, 3, 15, 16, 17, 40})
    for (int workers : {1, 2, 3, 50}) {
      ChannelAffineDesc d;
      d.map = {channels, 5, 3};
      const auto count = static_cast<std::size_t>(channels);
      expect_equal_to_plain_loops(
          d, {test::random_floats(count, seed + 500), test::random_floats(count, seed + 900)}, 3, workers,
          seed);
      ++seed;
    }
}

TEST(ChannelAffineF32, TakesScaleOrShiftOrNeitherAndAnyRelu) {
  const auto some = test::random_floats(17, 3);
  std::uint32_t seed = 100;
  for (std::optional<ReluDesc> relu :
       {std::optional<ReluDesc>(), std::optional(ReluDesc{0}), std::optional(ReluDesc{0.1f}),
        std::optional(ReluDesc{0, 0.7f}), std::optional(ReluDesc{0.1f, 0.7f})}) {
    ChannelAffineDesc d;
    d.map = {17, 4, 4};
    d.relu = relu;
    expect_equal_to_plain_loops(d, {}, 2, 1, seed++);
    expect_equal_to_plain_loops(d, {some, {}}, 2, 1, seed++);
    expect_equal_to_plain_loops(d, {{}, some}, 2, 1, seed++);
    expect_equal_to_plain_loops(d, {some}, 2, 1, seed++);
  }
}

TEST(ChannelAffineF32, RefusesWhatItCannotCompute) {
  ChannelAffineDesc nchw;
  nchw.map.layout = Layout::kNchw;
  for (const test::Variant& variant : affine_variants()) {
    EXPECT_LT(variant.cost(nchw, 1), 0);
    EXPECT_LT(variant.cost(SoftmaxDesc{}, 1), 0);
  }
}

}  // namespace
}  // namespace octet::kernels
