// Pooling against plain loops over NCHW, on every instruction set of the machine.
#include <gtest/gtest.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"

namespace octet::kernels {
namespace {

using test::LaidOut;

std::vector<test::Variant> variants() {
  return test::usable({
      {Isa::kGeneric, pool_f32_generic_cost, pool_f32_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, pool_f32_avx2_cost, pool_f32_avx2},
      {Isa::kAvx512, pool_f32_avx512_cost, pool_f32_avx512},
#endif
  });
}

std::vector<float> plain_pool(const PoolDesc& d, int images, const std::vector<float>& x) {
  const WindowDesc& w = d.window;
  const std::int64_t in_h = d.input.height, in_w = d.input.width;
  std::vector<float> y;
  for (std::int64_t plane = 0; plane < images * d.input.channels; ++plane)
    for (std::int64_t oy = 0; oy < d.output.height; ++oy)
      for (std::int64_t ox = 0; ox < d.output.width; ++ox) {
        double best = -INFINITY, sum = 0;
        std::int64_t valid = 0, padded = 0;
        for (std::int64_t ky = 0; ky < w.kernel_h; ++ky)
          for (std::int64_t kx = 0; kx < w.kernel_w; ++kx) {
            const std::int64_t iy = oy * w.stride_h - w.pad_top + ky, ix = ox * w.stride_w - w.pad_left + kx;
            if (iy < in_h + w.pad_bottom && ix < in_w + w.pad_right) ++padded;
            if (iy < 0 || iy >= in_h || ix < 0 || ix >= in_w) continue;
            const double v = x[static_cast<std::size_t>((plane * in_h + iy) * in_w + ix)];
            best = std::max(best, v), sum += v, ++valid;
          }
        const std::int64_t divisor = d.divisor == AverageDivisor::kPaddedWindow ? padded : valid;
        const double value = d.kind == PoolKind::kMax ? best : sum / static_cast<double>(divisor);
        y.push_back(static_cast<float>(valid == 0 ? 0.0 : value));
      }
  return y;
}

struct Case {
  std::int64_t height, width, kernel_h, kernel_w, stride, pad;
  bool ceil = true;
};

std::int64_t out_size(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                      bool ceil) {
  std::int64_t out = (in + 2 * pad - kernel + (ceil ? stride - 1 : 0)) / stride + 1;
  if (pad > 0 && (out - 1) * stride >= in + pad) --out;  // Caffe: the last window starts inside
  return out;
}

PoolDesc describe(const Case& c, std::int64_t channels, PoolKind kind, AverageDivisor divisor) {
  PoolDesc d;
  d.input = {channels, c.height, c.width};
  d.output = {channels, out_size(c.height, c.kernel_h, c.stride, c.pad, c.ceil),
              out_size(c.width, c.kernel_w, c.stride, c.pad, c.ceil)};
  d.window = {c.kernel_h, c.kernel_w, c.stride, c.stride, c.pad, c.pad, c.pad, c.pad};
  d.kind = kind;
  d.divisor = divisor;
  return d;
}

void expect_equal_to_plain_loops(const PoolDesc& d, int images, int workers, std::uint32_t seed) {
  const auto x = test::random_floats(static_cast<std::size_t>(images * d.input.channels * d.input.pixels()),
                                     seed, -2, 1);
  const auto expected = plain_pool(d, images, x);
  std::vector<float> first;
  for (const test::Variant& variant : variants()) {
    SCOPED_TRACE(testing::Message() << to_string(variant.isa) << " seed " << seed << " channels "
                                    << d.input.channels << " in " << d.input.height << "x" << d.input.width
                                    << " kernel " << d.window.kernel_h << "x" << d.window.kernel_w
                                    << " stride " << d.window.stride_h << " pad " << d.window.pad_top
                                    << " workers " << workers << " kind " << static_cast<int>(d.kind));
    ASSERT_GE(variant.cost(d, images), 0);
    LaidOut input = test::lay_out(d.input, images, x, 32), output(d.output, images, d.output.elements() + 16);
    test::KernelRunner runner(variant.create(d));
    runner.run({&input}, output, images, workers);
    const auto difference = test::compare(output.to_nchw(), expected);
    EXPECT_LE(difference.max_error, d.kind == PoolKind::kMax ? 0 : 1e-6) << difference.text;
    EXPECT_TRUE(output.padding_is_zero());
    EXPECT_TRUE(test::gaps_untouched(output, images));
    if (first.empty()) first = output.to_nchw();
    EXPECT_EQ(output.to_nchw(), first) << "other sums than the first instruction set's";
  }
}

const Case kCases[] = {
    {55, 55, 3, 3, 2, 0},   {13, 14, 3, 3, 2, 0},       {14, 14, 3, 3, 1, 1},        {9, 7, 3, 3, 2, 1},
    {8, 8, 2, 2, 2, 0},     {9, 5, 2, 2, 2, 0},         {7, 6, 2, 2, 1, 0},          {7, 7, 7, 7, 1, 0},
    {14, 15, 5, 5, 3, 0},   {1, 1, 1, 1, 1, 0},         {1, 1, 3, 3, 1, 1},          {2, 1, 3, 3, 2, 1},
    {10, 9, 1, 3, 1, 0},    {10, 9, 3, 1, 2, 0},        {6, 6, 3, 2, 2, 1},          {11, 4, 4, 4, 4, 3},
    {15, 15, 13, 13, 1, 6}, {5, 17, 2, 2, 5, 1, false}, {12, 12, 3, 3, 2, 1, false}, {3, 40, 3, 3, 2, 0},
};

TEST(PoolF32, EqualsPlainLoopsForAllWindows) {
  std::uint32_t seed = 1;
  for (const Case& c : kCases)
    for (PoolKind kind : {PoolKind::kMax, PoolKind::kAverage})
      for (AverageDivisor divisor : {AverageDivisor::kPaddedWindow, AverageDivisor::kValidOnly})
        expect_equal_to_plain_loops(describe(c, 17, kind, divisor), 2, 1, seed++);
}

TEST(PoolF32, EqualsPlainLoopsForAllChannelTailsAndWorkers) {
  std::uint32_t seed = 1000;
  for (std::int64_t channels : {1, 3, 15, 16, 17, 40})
    for (int workers : {1, 2, 3, 64})
      for (PoolKind kind : {PoolKind::kMax, PoolKind::kAverage})
        expect_equal_to_plain_loops(
            describe({13, 9, 3, 3, 2, 1}, channels, kind, AverageDivisor::kPaddedWindow), 3, workers, seed++);
}

TEST(PoolF32, EqualsPlainLoopsForRandomWindows) {
  const std::uint32_t seed = std::random_device{}();
  std::mt19937 engine(seed);
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine);
  };
  for (int i = 0; i < 60; ++i) {
    PoolDesc d;
    WindowDesc& w = d.window;
    w = {pick(1, 5), pick(1, 5), pick(1, 4), pick(1, 4)};
    w.pad_top = pick(0, w.kernel_h - 1), w.pad_bottom = pick(0, w.kernel_h - 1);
    w.pad_left = pick(0, w.kernel_w - 1), w.pad_right = pick(0, w.kernel_w - 1);
    d.input = {pick(1, 33), pick(w.kernel_h, 20), pick(w.kernel_w, 20)};
    d.output = d.input;
    d.output.height = (d.input.height + w.pad_top + w.pad_bottom - w.kernel_h) / w.stride_h + 1;
    d.output.width = (d.input.width + w.pad_left + w.pad_right - w.kernel_w) / w.stride_w + 1;
    d.kind = pick(0, 1) ? PoolKind::kMax : PoolKind::kAverage;
    d.divisor = pick(0, 1) ? AverageDivisor::kPaddedWindow : AverageDivisor::kValidOnly;
    expect_equal_to_plain_loops(d, 2, static_cast<int>(pick(1, 3)), seed + static_cast<std::uint32_t>(i));
  }
}

TEST(PoolF32, WritesZeroWhereAWindowMissesTheInput) {
  PoolDesc d = describe({2, 2, 1, 1, 1, 2}, 5, PoolKind::kMax, AverageDivisor::kPaddedWindow);
  d.output.height = d.output.width = 6;
  for (PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
    d.kind = kind;
    expect_equal_to_plain_loops(d, 1, 1, 5);
  }
}

TEST(PoolF32, IsTheSameForEverySplitOverWorkers) {
  const PoolDesc d = describe({14, 14, 3, 3, 1, 1}, 40, PoolKind::kAverage, AverageDivisor::kPaddedWindow);
  const auto x = test::random_floats(static_cast<std::size_t>(3 * d.input.channels * d.input.pixels()), 7);
  for (const test::Variant& variant : variants()) {
    LaidOut input(d.input, 3, x), one(d.output, 3), many(d.output, 3);
    test::KernelRunner runner(variant.create(d));
    runner.run({&input}, one, 3, 1);
    runner.run({&input}, many, 3, 5);
    EXPECT_EQ(one.to_nchw(), many.to_nchw()) << to_string(variant.isa);
  }
}

TEST(PoolF32, RefusesWhatItCannotCompute) {
  PoolDesc d = describe({8, 8, 3, 3, 2, 0}, 16, PoolKind::kMax, AverageDivisor::kPaddedWindow);
  for (const test::Variant& variant : variants()) {
    EXPECT_GT(variant.cost(d, 1), 0);
    EXPECT_LT(variant.cost(SoftmaxDesc{}, 1), 0);
    PoolDesc dilated = d, nchw = d;
    dilated.window.dilation_w = 2;
    nchw.input.layout = Layout::kNchw;
    EXPECT_LT(variant.cost(dilated, 1), 0);
    EXPECT_LT(variant.cost(nchw, 1), 0);
  }
}

TEST(PoolF32, CostsMostOnTheGenericInstructionSet) {
  const OpDesc d = describe({8, 8, 3, 3, 2, 0}, 16, PoolKind::kMax, AverageDivisor::kPaddedWindow);
  for (const test::Variant& variant : variants()) {
    if (variant.isa == Isa::kGeneric) continue;
    EXPECT_LT(variant.cost(d, 1), pool_f32_generic_cost(d, 1)) << to_string(variant.isa);
  }
}

}  // namespace
}  // namespace octet::kernels
