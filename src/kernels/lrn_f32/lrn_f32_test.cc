// Local response normalisation against plain loops in double, on every instruction set of the machine.
#include <gtest/gtest.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"

namespace octet::kernels {
namespace {

using test::LaidOut;

std::vector<test::Variant> variants() {
  return test::usable({
      {Isa::kGeneric, lrn_f32_generic_cost, lrn_f32_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, lrn_f32_avx2_cost, lrn_f32_avx2},
      {Isa::kAvx512, lrn_f32_avx512_cost, lrn_f32_avx512},
#endif
  });
}

std::vector<float> plain_lrn(const LrnDesc& d, int images, const std::vector<float>& x) {
  const std::int64_t channels = d.map.channels, height = d.map.height, width = d.map.width;
  const std::int64_t half = (d.size - 1) / 2;
  const auto at = [&](int n, std::int64_t c, std::int64_t y, std::int64_t z) -> double {
    if (c < 0 || c >= channels || y < 0 || y >= height || z < 0 || z >= width) return 0;
    return x[static_cast<std::size_t>(((n * channels + c) * height + y) * width + z)];
  };
  std::vector<float> result;
  for (int n = 0; n < images; ++n)
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t y = 0; y < height; ++y)
        for (std::int64_t z = 0; z < width; ++z) {
          double sum = 0, count = static_cast<double>(d.size), k = d.k;
          if (d.across_channels) {
            for (std::int64_t i = c - half; i <= c + half; ++i) sum += at(n, i, y, z) * at(n, i, y, z);
          } else {
            for (std::int64_t i = y - half; i <= y + half; ++i)
              for (std::int64_t j = z - half; j <= z + half; ++j) sum += at(n, c, i, j) * at(n, c, i, j);
            count *= count, k = 1;
          }
          result.push_back(
              static_cast<float>(at(n, c, y, z) * std::pow(k + d.alpha / count * sum, -double{d.beta})));
        }
  return result;
}

/// Relative to each value, not to the range: small outputs must be right, too.
double largest_relative_error(const std::vector<float>& got, const std::vector<float>& expected) {
  double largest = got.size() == expected.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(double{got[i]} - double{expected[i]});
    largest = std::max(largest,
                       std::isnan(error) ? INFINITY : error / std::max(1e-30, std::abs(double{expected[i]})));
  }
  return largest;
}

void expect_equal_to_plain_loops(const LrnDesc& d, int images, int workers, std::uint32_t seed,
                                 float range = 60) {
  const auto x = test::random_floats(static_cast<std::size_t>(images * d.map.channels * d.map.pixels()), seed,
                                     -range, range);
  const auto expected = plain_lrn(d, images, x);
  for (const test::Variant& variant : variants()) {
    SCOPED_TRACE(testing::Message() << to_string(variant.isa) << " seed " << seed << " across "
                                    << d.across_channels << " channels " << d.map.channels << " map "
                                    << d.map.height << "x" << d.map.width << " size " << d.size << " beta "
                                    << d.beta << " workers " << workers);
    ASSERT_GT(variant.cost(d, images), 0);
    LaidOut input = test::lay_out(d.map, images, x, 16), output(d.map, images, d.map.elements() + 48);
    test::KernelRunner runner(variant.create(d));
    runner.run({&input}, output, images, workers);
    EXPECT_LE(largest_relative_error(output.to_nchw(), expected), 1e-6);
    EXPECT_TRUE(output.padding_is_zero());
    EXPECT_TRUE(test::gaps_untouched(output, images));
    if (runner.kernel().in_place(0)) {
      runner.run({&input}, input, images, workers);
      EXPECT_EQ(input.to_nchw(), output.to_nchw()) << "in place";
    }
  }
}

LrnDesc describe(std::int64_t channels, std::int64_t height, std::int64_t width, bool across = true) {
  LrnDesc d;
  d.map = {channels, height, width};
  d.across_channels = across;
  d.alpha = 1e-2f;
  return d;
}

TEST(LrnF32, EqualsPlainLoopsAcrossChannels) {
  std::uint32_t seed = 1;
  for (std::int64_t channels : {1, 3, 15, 16, 17, 40, 96, 256})
    for (int workers : {1, 2, 3}) expect_equal_to_plain_loops(describe(channels, 13, 7), 2, workers, seed++);
}

TEST(LrnF32, EqualsPlainLoopsForAllSizes) {
  std::uint32_t seed = 100;
  for (bool across : {true, false})
    for (std::int64_t size : {1, 3, 7, 9, 31, 33, 35, 71, 101}) {
      LrnDesc d = describe(35, 9, 6, across);
      d.size = size;
      expect_equal_to_plain_loops(d, 2, 2, seed++);
    }
}

TEST(LrnF32, NeedsNoMoreMemoryForAWindowFarWiderThanTheMap) {
  for (bool across : {true, false}) {
    LrnDesc d = describe(35, 9, 6, across);
    d.size = (std::int64_t{1} << 24) + 1;
    for (const test::Variant& variant : variants())
      EXPECT_LE(variant.create(d)->scratch_bytes(1), 64u * 1024) << to_string(variant.isa);
  }
}

TEST(LrnF32, EqualsPlainLoopsWithinAChannel) {
  std::uint32_t seed = 200;
  for (std::int64_t channels : {1, 16, 17})
    for (std::int64_t width : {1, 2, 13})
      for (int workers : {1, 3})
        expect_equal_to_plain_loops(describe(channels, 11, width, false), 3, workers, seed++);
}

TEST(LrnF32, ComputesAnyExponentToAMillionth) {
  std::uint32_t seed = 300;
  for (float beta : {0.0f, 0.1f, 0.5f, 0.7499f, 1.0f, 1.5f, 2.0f, 3.7f, -0.5f})
    for (float range : {0.01f, 1.0f, 100.0f, 1e6f}) {
      LrnDesc d = describe(17, 8, 8);
      d.beta = beta;
      d.k = range < 1 ? 1e-6f : 2.0f;
      expect_equal_to_plain_loops(d, 1, 1, seed++, range);
    }
}

TEST(LrnF32, IsTheSameToTheBitOnAllInstructionSetsAndSplits) {
  for (bool across : {true, false})
    for (float beta : {0.75f, 0.6f}) {
      LrnDesc d = describe(96, 27, 27, across);
      d.beta = beta;
      const auto x =
          test::random_floats(static_cast<std::size_t>(2 * d.map.channels * d.map.pixels()), 9, -80, 80);
      std::vector<float> first;
      for (const test::Variant& variant : variants())
        for (int workers : {1, 7}) {
          LaidOut input(d.map, 2, x), output(d.map, 2);
          test::KernelRunner(variant.create(d)).run({&input}, output, 2, workers);
          if (first.empty()) first = output.to_nchw();
          EXPECT_EQ(output.to_nchw(), first)
              << to_string(variant.isa) << " beta " << beta << ", " << workers << " workers";
        }
    }
}

TEST(LrnF32, RefusesWhatHasNoPower) {
  for (const test::Variant& variant : variants()) {
    LrnDesc even = describe(16, 4, 4), negative = even, zero = even, nchw = even;
    even.size = 4;
    negative.alpha = -1;
    zero.k = 0;
    nchw.map.layout = Layout::kNchw;
    for (const LrnDesc& d : {even, negative, zero, nchw}) EXPECT_LT(variant.cost(d, 1), 0);
    EXPECT_LT(variant.cost(SoftmaxDesc{}, 1), 0);
  }
}

}  // namespace
}  // namespace octet::kernels
