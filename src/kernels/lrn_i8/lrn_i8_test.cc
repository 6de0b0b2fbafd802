// Local response normalisation of bytes: the power's error bound, the kernels against plain loops to the byte
// and against the exact formula, on every instruction set of the machine.
#include <gtest/gtest.h>

#include "kernels/families.h"
#include "kernels/integer/arithmetic.h"
#include "kernels/lrn_i8/power.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/nhwc_tensor.h"

namespace octet::kernels {
namespace {

using test::NhwcTensor;

std::vector<test::Variant> variants() {
  return test::usable({
      {Isa::kGeneric, lrn_i8_generic_cost, lrn_i8_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, lrn_i8_avx2_cost, lrn_i8_avx2},
      {Isa::kAvx512, lrn_i8_avx512_cost, lrn_i8_avx512},
#endif
  });
}

double power_error(float power, float t, float beta) {
  const double exact = std::pow(static_cast<double>(t), -static_cast<double>(beta));
  return std::abs(static_cast<double>(power) / exact - 1);
}
double three_quarters_error(std::int32_t bits) {
  const auto t = std::bit_cast<float>(bits);
  const ThreeQuarterFactors power = three_quarter_factors(t, kInverseFourthRoot);
  return power_error(power.guess * power.root, t, 0.75f);
}

TEST(LrnI8Power, OfThreeQuartersIsWithinItsBoundForAllMantissasAndExponents) {
  double largest = 0;
  // Errors repeat with every factor of 2^4; all mantissas in steps, then all exponents.
  for (std::int32_t bits = 0x3f800000; bits < 0x41800000; bits += 37)
    largest = std::max(largest, three_quarters_error(bits));
  for (std::int32_t exponent = 1; exponent < 255; ++exponent)
    for (std::int32_t mantissa = 0; mantissa < 1 << 23; mantissa += 65521)
      largest = std::max(largest, three_quarters_error(exponent << 23 | mantissa));
  EXPECT_LT(largest, 1.2e-5);
}

TEST(LrnI8Power, OfAnyExponentIsWithinItsBound) {
  for (float beta : {0.0f, 0.1f, 0.5f, 0.7499f, 1.0f, 1.5f, 2.0f, 3.7f, 4.0f, -0.5f, -4.0f}) {
    double largest = 0;
    for (std::int32_t exponent = 100; exponent < 150; ++exponent)
      for (std::int32_t mantissa = 0; mantissa < 1 << 23; mantissa += 10007) {
        const auto t = std::bit_cast<float>(exponent << 23 | mantissa);
        largest = std::max(largest, power_error(negative_power(t, beta), t, beta));
      }
    EXPECT_LT(largest, 2e-6) << beta;
  }
}

struct Expected {
  std::int32_t exact;    // by the definition in double
  bool tie;              // so near a tie that the power's error may decide
  std::int32_t defined;  // by the contract's operations
};
Expected plain_value(const LrnDesc& d, const NhwcTensor& x, int n, std::int64_t c, std::int64_t p) {
  const Quantization &in = d.map.quantization, &out = d.output.quantization;
  const std::int64_t half = (d.size - 1) / 2, y0 = p / d.map.width, x0 = p % d.map.width;
  std::int64_t sum = 0;
  const auto add = [&](std::int64_t channel, std::int64_t y, std::int64_t z) {
    if (channel < 0 || channel >= d.map.channels || y < 0 || y >= d.map.height || z < 0 || z >= d.map.width)
      return;
    const std::int64_t q = x.at(n, channel, y * d.map.width + z) - in.zero_point;
    sum += q * q;
  };
  if (d.across_channels) {
    for (std::int64_t i = std::max<std::int64_t>(c - half, 0); i <= std::min(c + half, d.map.channels); ++i)
      add(i, y0, x0);
  } else {
    for (std::int64_t y = std::max<std::int64_t>(y0 - half, 0); y <= std::min(y0 + half, d.map.height); ++y)
      for (std::int64_t z = std::max<std::int64_t>(x0 - half, 0); z <= std::min(x0 + half, d.map.width); ++z)
        add(c, y, z);
  }
  const std::int32_t q = x.at(n, c, p) - in.zero_point;
  const auto size = static_cast<float>(d.size);
  const float count = d.across_channels ? size : size * size;
  LrnI8Arithmetic a{};
  a.a = d.alpha / count * (in.scale * in.scale);
  a.k = d.across_channels ? d.k : 1;
  a.beta = d.beta;
  a.ratio = in.scale / out.scale;
  for (int i = 0; i < kRootTerms; ++i) a.root[i] = kInverseFourthRoot[i] * a.ratio;
  a.zero_out = static_cast<float>(out.zero_point);
  const float t = lrn_value(static_cast<float>(q), std::fmaf(static_cast<float>(sum), a.a, a.k), a);

  const double real = double{in.scale} * q *
                      std::pow(double{a.k} + double{d.alpha} / double{count} * double{in.scale} *
                                                 double{in.scale} * static_cast<double>(sum),
                               -double{d.beta});
  const double scaled = std::clamp(real / double{out.scale} + out.zero_point, 0.0, 255.0);
  Expected expected;
  expected.exact = static_cast<std::int32_t>(std::nearbyint(scaled));
  expected.tie = std::abs(scaled - std::floor(scaled) - 0.5) < 255 * 2.4e-5;
  expected.defined = integer::to_integer(t, {0, 255});
  return expected;
}

LrnDesc describe(std::int64_t channels, std::int64_t height, std::int64_t width, bool across = true) {
  LrnDesc d;
  d.map = {channels, height, width, Layout::kNhwc, DataType::kUInt8, {1.7f, 0}};
  d.output = d.map;
  d.output.quantization = {0.61f, 0};
  d.across_channels = across;
  d.alpha = across ? 1e-4f : 1e-3f;
  return d;
}

void expect_equal_to_plain_loops(const LrnDesc& d, int images, int workers, std::uint32_t seed) {
  SCOPED_TRACE(testing::Message() << "seed " << seed << " across " << d.across_channels << " channels "
                                  << d.map.channels << " map " << d.map.height << "x" << d.map.width
                                  << " size " << d.size << " beta " << d.beta << " workers " << workers);
  NhwcTensor input(d.map, images, 16), expected(d.output, images, 32);
  input.fill_random(seed);
  expected.fill([&](int n, std::int64_t c, std::int64_t p) {
    const Expected value = plain_value(d, input, n, c, p);
    EXPECT_TRUE(value.defined == value.exact || value.tie) << value.defined << " " << value.exact;
    return value.defined;
  });
  for (const test::Variant& variant : variants()) {
    SCOPED_TRACE(to_string(variant.isa));
    ASSERT_GT(variant.cost(d, images), 0);
    NhwcTensor output(d.output, images, 32);
    const Operand in = input.operand();
    test::KernelRunner runner(variant.create(d));
    runner.run(std::span(&in, 1), output.operand(), images, workers);
    EXPECT_EQ(output.to_nchw(), expected.to_nchw());
    EXPECT_EQ(output.memory(), expected.memory()) << "something outside the channels";
    if (!runner.kernel().in_place(0)) continue;
    NhwcTensor both(d.map, images, 16);
    both.fill_random(seed);
    const Operand same = both.operand();
    runner.run(std::span(&same, 1), same, images, workers);
    EXPECT_EQ(both.to_nchw(), expected.to_nchw()) << "in place";
  }
}

TEST(LrnI8, EqualsPlainLoopsAcrossChannels) {
  std::uint32_t seed = 1;
  for (std::int64_t channels : {1, 3, 15, 16, 17, 32, 40, 48, 96, 256})
    for (int workers : {1, 2, 3}) expect_equal_to_plain_loops(describe(channels, 9, 7), 2, workers, seed++);
}

TEST(LrnI8, EqualsPlainLoopsForAllSizes) {
  std::uint32_t seed = 100;
  for (bool across : {true, false})
    for (std::int64_t size : {1, 3, 7, 9, 31, 33, 35, 71, 101}) {
      LrnDesc d = describe(35, 9, 6, across);
      d.size = size;
      expect_equal_to_plain_loops(d, 2, 2, seed++);
    }
}

TEST(LrnI8, EqualsPlainLoopsWithinAChannel) {
  std::uint32_t seed = 200;
  for (std::int64_t channels : {1, 16, 17, 40})
    for (std::int64_t width : {1, 2, 13})
      for (int workers : {1, 3})
        expect_equal_to_plain_loops(describe(channels, 11, width, false), 3, workers, seed++);
}

TEST(LrnI8, EqualsPlainLoopsForAnyZeroPointAndPartsOfConcatenations) {
  std::uint32_t seed = 300;
  for (bool across : {true, false})
    for (std::int32_t zero : {0, 1, 128, 255}) {
      LrnDesc d = describe(40, 5, 5, across);
      d.map.quantization = {0.3f, zero};
      d.output.quantization = {0.25f, 255 - zero};
      d.alpha = 0.5f;
      expect_equal_to_plain_loops(d, 2, 2, seed++);
      d.map.pixel_stride = 112;
      expect_equal_to_plain_loops(d, 2, 2, seed++);
      d.output.pixel_stride = 64;
      expect_equal_to_plain_loops(d, 2, 2, seed++);
    }
}

TEST(LrnI8, EqualsPlainLoopsForAnyExponent) {
  std::uint32_t seed = 400;
  for (bool across : {true, false})
    for (float beta : {0.0f, 0.1f, 0.5f, 0.7499f, 1.0f, 2.0f, 3.7f, -0.5f})
      for (float k : {1e-6f, 2.0f}) {
        LrnDesc d = describe(17, 8, 8, across);
        d.beta = beta;
        d.k = k;
        expect_equal_to_plain_loops(d, 1, 1, seed++);
      }
}

TEST(LrnI8, SaturatesResultsFarBeyondBytes) {
  for (bool across : {true, false})
    for (float scale : {1e-1f, 1e-3f, 1e-20f})
      for (std::int32_t zero : {0, 100}) {
        LrnDesc d = describe(40, 5, 5, across);
        d.map.quantization.zero_point = zero;
        d.output.quantization = {scale, 77};
        expect_equal_to_plain_loops(d, 1, 1, 500);
      }
}

TEST(LrnI8, NeedsNoMoreMemoryForAWindowFarWiderThanTheMap) {
  for (bool across : {true, false}) {
    LrnDesc d = describe(35, 9, 6, across);
    d.size = (std::int64_t{1} << 24) + 1;
    for (const test::Variant& variant : variants())
      EXPECT_LE(variant.create(d)->scratch_bytes(1), 64u * 1024) << to_string(variant.isa);
  }
}

TEST(LrnI8, RefusesWhatHasNoPowerOrNoExactSum) {
  LrnDesc even = describe(16, 4, 4), negative = even, zero = even, blocked = even, real = even,
          denormal = even;
  LrnDesc wide = describe(16, 300, 300, false), steep = even, large = even;
  even.size = 4;
  negative.alpha = -1;
  zero.k = 0;
  denormal.k = 1e-39f;
  blocked.map.layout = Layout::kNchw16c;
  real.output.type = DataType::kFloat32;
  wide.size = 299;
  steep.beta = 5;
  large.map.quantization.scale = 1e30f;
  for (const test::Variant& variant : variants()) {
    for (const LrnDesc& d : {even, negative, zero, denormal, blocked, real, wide, steep, large})
      EXPECT_LT(variant.cost(d, 1), 0);
    EXPECT_LT(variant.cost(SoftmaxDesc{}, 1), 0);
  }
}

}  // namespace
}  // namespace octet::kernels
