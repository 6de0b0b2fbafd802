// Pooling of narrow maps against plain loops over NCHW, to the byte, on every instruction set of the machine.
#include <gtest/gtest.h>

#include <optional>

#include "kernels/bfloat16.h"
#include "kernels/families.h"
#include "kernels/integer/arithmetic.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/nhwc_tensor.h"

namespace octet::kernels {
namespace {

using test::LaidOut;
using test::NhwcTensor;

std::vector<test::Variant> variants() {
  return test::usable({
      {Isa::kGeneric, pool_i8_generic_cost, pool_i8_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, pool_i8_avx2_cost, pool_i8_avx2},
      {Isa::kAvx512, pool_i8_avx512_cost, pool_i8_avx512},
#endif
  });
}

/// The input positions under one window, and what an average divides by.
struct Window {
  std::vector<std::int64_t> pixels;
  std::int64_t divisor = 0;
};
Window window_of(const PoolDesc& d, std::int64_t oy, std::int64_t ox) {
  const WindowDesc& w = d.window;
  Window window;
  std::int64_t padded = 0;
  for (std::int64_t ky = 0; ky < w.kernel_h; ++ky)
    for (std::int64_t kx = 0; kx < w.kernel_w; ++kx) {
      const std::int64_t y = oy * w.stride_h - w.pad_top + ky, x = ox * w.stride_w - w.pad_left + kx;
      if (y < d.input.height + w.pad_bottom && x < d.input.width + w.pad_right) ++padded;
      if (y >= 0 && y < d.input.height && x >= 0 && x < d.input.width)
        window.pixels.push_back(y * d.input.width + x);
    }
  const auto valid = static_cast<std::int64_t>(window.pixels.size());
  window.divisor = std::max<std::int64_t>(d.divisor == AverageDivisor::kPaddedWindow ? padded : valid, 1);
  return window;
}

float real_of(std::int32_t bits) { return from_bfloat16(static_cast<std::uint16_t>(bits)); }

std::int32_t plain_value(const PoolDesc& d, const NhwcTensor& x, int n, std::int64_t c,
                         const Window& window) {
  const bool bf16 = d.input.type == DataType::kBFloat16;
  if (d.kind == PoolKind::kMax) {
    std::optional<std::int32_t> best;
    for (std::int64_t p : window.pixels) {
      const std::int32_t q = x.at(n, c, p);
      if (!best || (bf16 ? real_of(q) > real_of(*best) : q > *best)) best = q;
    }
    return best.value_or(x.zero());
  }
  if (bf16) {
    float sum = 0;
    for (std::int64_t p : window.pixels) sum += real_of(x.at(n, c, p));
    return to_bfloat16(sum * (1.0f / static_cast<float>(window.divisor)));
  }
  std::int64_t sum = 0;
  for (std::int64_t p : window.pixels) sum += x.at(n, c, p) - x.zero();
  const float factor =
      d.input.quantization.scale / d.output.quantization.scale / static_cast<float>(window.divisor);
  const float t =
      std::fmaf(static_cast<float>(sum), factor, static_cast<float>(d.output.quantization.zero_point));
  return integer::to_integer(t, integer::range_of(d.output));
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

PoolDesc describe(const Case& c, std::int64_t channels, DataType type, PoolKind kind,
                  AverageDivisor divisor = AverageDivisor::kPaddedWindow) {
  PoolDesc d;
  d.input = {channels, c.height, c.width, Layout::kNhwc, type};
  if (type == DataType::kUInt8) d.input.quantization = {0.02f, 37};
  if (type == DataType::kInt16) d.input.quantization = {0.0003f, 0, 30000};
  d.output = d.input;
  d.output.height = out_size(c.height, c.kernel_h, c.stride, c.pad, c.ceil);
  d.output.width = out_size(c.width, c.kernel_w, c.stride, c.pad, c.ceil);
  d.window = {c.kernel_h, c.kernel_w, c.stride, c.stride, c.pad, c.pad, c.pad, c.pad};
  d.kind = kind;
  d.divisor = divisor;
  if (kind == PoolKind::kAverage && type == DataType::kUInt8) d.output.quantization = {0.0137f, 5};
  if (kind == PoolKind::kAverage && type == DataType::kInt16) d.output.quantization.scale = 0.00021f;
  return d;
}

void expect_equal_to_plain_loops(const PoolDesc& d, int images, int workers, std::uint32_t seed) {
  SCOPED_TRACE(testing::Message() << to_string(d.input.type) << " seed " << seed << " channels "
                                  << d.input.channels << " in " << d.input.height << "x" << d.input.width
                                  << " kernel " << d.window.kernel_h << "x" << d.window.kernel_w << " stride "
                                  << d.window.stride_h << " pad " << d.window.pad_top << " workers "
                                  << workers << " kind " << static_cast<int>(d.kind));
  NhwcTensor input(d.input, images, 16), expected(d.output, images, 32);
  input.fill_random(seed);
  for (std::int64_t y = 0; y < d.output.height; ++y)
    for (std::int64_t x = 0; x < d.output.width; ++x) {
      const Window window = window_of(d, y, x);
      for (int n = 0; n < images; ++n)
        for (std::int64_t c = 0; c < d.output.padded_channels(); ++c)
          expected.set(n, c, y * d.output.width + x,
                       c < d.output.channels ? plain_value(d, input, n, c, window) : expected.zero());
    }
  for (const test::Variant& variant : variants()) {
    SCOPED_TRACE(to_string(variant.isa));
    ASSERT_GE(variant.cost(d, images), 0);
    NhwcTensor output(d.output, images, 32);
    const Operand in = input.operand();
    test::KernelRunner(variant.create(d)).run(std::span(&in, 1), output.operand(), images, workers);
    EXPECT_EQ(output.to_nchw(), expected.to_nchw());
    EXPECT_EQ(output.memory(), expected.memory()) << "something outside the channels";
  }
}

constexpr DataType kTypes[] = {DataType::kUInt8, DataType::kInt16, DataType::kBFloat16};
const Case kCases[] = {
    {27, 29, 3, 3, 2, 0},   {13, 14, 3, 3, 2, 0},       {14, 14, 3, 3, 1, 1},        {9, 7, 3, 3, 2, 1},
    {8, 8, 2, 2, 2, 0},     {9, 5, 2, 2, 2, 0},         {7, 6, 2, 2, 1, 0},          {7, 7, 7, 7, 1, 0},
    {14, 15, 5, 5, 3, 0},   {1, 1, 1, 1, 1, 0},         {1, 1, 3, 3, 1, 1},          {2, 1, 3, 3, 2, 1},
    {10, 9, 1, 3, 1, 0},    {10, 9, 3, 1, 2, 0},        {6, 6, 3, 2, 2, 1},          {11, 4, 4, 4, 4, 3},
    {15, 15, 13, 13, 1, 6}, {5, 17, 2, 2, 5, 1, false}, {12, 12, 3, 3, 2, 1, false}, {3, 40, 3, 3, 2, 0},
};

TEST(PoolI8, EqualsPlainLoopsForAllWindows) {
  std::uint32_t seed = 1;
  for (const Case& c : kCases)
    for (DataType type : kTypes) {
      expect_equal_to_plain_loops(describe(c, 17, type, PoolKind::kMax), 2, 1, seed++);
      for (AverageDivisor divisor : {AverageDivisor::kPaddedWindow, AverageDivisor::kValidOnly})
        expect_equal_to_plain_loops(describe(c, 17, type, PoolKind::kAverage, divisor), 2, 1, seed++);
    }
}

TEST(PoolI8, EqualsPlainLoopsForAllChannelTailsAndWorkers) {
  std::uint32_t seed = 1000;
  for (std::int64_t channels : {1, 15, 16, 33, 64, 79, 112, 128, 250})
    for (int workers : {1, 3, 50})
      for (DataType type : kTypes)
        for (PoolKind kind : {PoolKind::kMax, PoolKind::kAverage})
          expect_equal_to_plain_loops(describe({9, 7, 3, 3, 2, 1}, channels, type, kind), 3, workers, seed++);
}

TEST(PoolI8, EqualsPlainLoopsForPartsOfConcatenations) {
  std::uint32_t seed = 2000;
  for (DataType type : kTypes)
    for (PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
      PoolDesc d = describe({8, 9, 3, 3, 1, 1}, 30, type, kind);
      d.input.pixel_stride = 80;
      d.output.pixel_stride = 48;
      expect_equal_to_plain_loops(d, 2, 2, seed++);
    }
}

TEST(PoolI8, EqualsPlainLoopsForRandomWindows) {
  const std::uint32_t seed = std::random_device{}();
  std::mt19937 engine(seed);
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine);
  };
  for (int i = 0; i < 100; ++i) {
    PoolDesc d = describe({1, 1, 1, 1, 1, 0}, pick(1, 70), kTypes[pick(0, 2)],
                          pick(0, 1) ? PoolKind::kMax : PoolKind::kAverage,
                          pick(0, 1) ? AverageDivisor::kPaddedWindow : AverageDivisor::kValidOnly);
    WindowDesc& w = d.window;
    w = {pick(1, 5), pick(1, 5), pick(1, 4), pick(1, 4)};
    w.pad_top = pick(0, w.kernel_h - 1), w.pad_bottom = pick(0, w.kernel_h - 1);
    w.pad_left = pick(0, w.kernel_w - 1), w.pad_right = pick(0, w.kernel_w - 1);
    d.input.height = pick(w.kernel_h, 20), d.input.width = pick(w.kernel_w, 20);
    d.output.height = (d.input.height + w.pad_top + w.pad_bottom - w.kernel_h) / w.stride_h + 1;
    d.output.width = (d.input.width + w.pad_left + w.pad_right - w.kernel_w) / w.stride_w + 1;
    expect_equal_to_plain_loops(d, 2, static_cast<int>(pick(1, 3)), seed + static_cast<std::uint32_t>(i));
  }
}

TEST(PoolI8, AveragesBytesToUnquantisedFloats) {
  std::uint32_t seed = 3000;
  for (const Case& c : {Case{7, 7, 7, 7, 1, 0}, Case{9, 8, 3, 3, 2, 1}, Case{20, 20, 20, 20, 1, 0}})
    for (std::int64_t channels : {3, 16, 70}) {
      PoolDesc d = describe(c, channels, DataType::kUInt8, PoolKind::kAverage);
      d.output.type = DataType::kFloat32;
      d.output.layout = Layout::kNchw16c;
      NhwcTensor input(d.input, 2, 16);
      input.fill_random(seed++);
      for (const test::Variant& variant : variants()) {
        SCOPED_TRACE(testing::Message()
                     << to_string(variant.isa) << " seed " << seed << " channels " << channels);
        ASSERT_GT(variant.cost(d, 2), 0);
        LaidOut output(d.output, 2, d.output.elements() + 16);
        const Operand in = input.operand();
        test::KernelRunner(variant.create(d)).run(std::span(&in, 1), {output.data(), output.stride()}, 2, 2);
        for (std::int64_t p = 0; p < d.output.pixels(); ++p) {
          const Window window = window_of(d, p / d.output.width, p % d.output.width);
          for (int n = 0; n < 2; ++n)
            for (std::int64_t ch = 0; ch < channels; ++ch) {
              std::int64_t sum = 0;
              for (std::int64_t q : window.pixels) sum += input.at(n, ch, q) - input.zero();
              const float factor = d.input.quantization.scale / static_cast<float>(window.divisor);
              ASSERT_EQ(output.at(n, ch, p), static_cast<float>(sum) * factor);
            }
        }
        EXPECT_TRUE(output.padding_is_zero());
        EXPECT_TRUE(test::gaps_untouched(output, 2));
      }
    }
}

TEST(PoolI8, SumsTheLargestWindowsExactly) {
  // 255 in every pixel but the first few, so that the channels' sums differ by little.
  PoolDesc d = describe({300, 300, 300, 300, 1, 0}, 16, DataType::kUInt8, PoolKind::kAverage);
  d.input.quantization = {1, 0};
  d.output.type = DataType::kFloat32;
  d.output.layout = Layout::kNchw16c;
  for (const test::Variant& variant : variants()) {
    NhwcTensor input(d.input, 1);
    input.fill([](int, std::int64_t c, std::int64_t p) { return p < c ? 0 : 255; });
    LaidOut output(d.output, 1);
    const Operand in = input.operand();
    test::KernelRunner(variant.create(d)).run(std::span(&in, 1), {output.data(), output.stride()}, 1);
    for (std::int64_t c = 0; c < 16; ++c)
      EXPECT_EQ(output.at(0, c, 0), static_cast<float>(255 * (90000 - c)) * (1.0f / 90000.0f)) << c;
  }
}

TEST(PoolI8, WritesTheZeroPointWhereAWindowMissesTheInput) {
  for (DataType type : kTypes)
    for (PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
      PoolDesc d = describe({2, 2, 1, 1, 1, 2}, 5, type, kind);
      d.output.height = d.output.width = 6;
      expect_equal_to_plain_loops(d, 1, 1, 5);
    }
}

TEST(PoolI8, RefusesWhatItCannotCompute) {
  const PoolDesc d = describe({8, 8, 3, 3, 2, 0}, 16, DataType::kUInt8, PoolKind::kMax);
  PoolDesc dilated = d, nchw = d, requantised = d, mixed = d, huge = d, real = d;
  dilated.window.dilation_w = 2;
  nchw.input.layout = Layout::kNchw;
  requantised.output.quantization.scale *= 2;
  mixed.output.type = DataType::kInt16;
  real.output.type = DataType::kFloat32;
  real.output.layout = Layout::kNchw16c;
  huge = describe({3000, 3000, 3000, 3000, 1, 0}, 16, DataType::kUInt8, PoolKind::kAverage);
  for (const test::Variant& variant : variants()) {
    EXPECT_GT(variant.cost(d, 1), 0);
    for (const PoolDesc& bad : {dilated, nchw, requantised, mixed, huge, real})
      EXPECT_LT(variant.cost(bad, 1), 0);
    EXPECT_LT(variant.cost(SoftmaxDesc{}, 1), 0);
  }
}

}  // namespace
}  // namespace octet::kernels
