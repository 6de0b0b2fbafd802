// The reference convolution of integers and BF16 against sums in 64 bits and the functions of
// kernels/integer/arithmetic.h, written once more from the definition.
#include <gtest/gtest.h>

#include "kernels/bfloat16.h"
#include "kernels/conv_dot/test_convolution.h"
#include "kernels/families.h"
#include "kernels/integer/arithmetic.h"

namespace octet::kernels {
namespace {

using conv_dot::Case;
using conv_dot::Problem;
using conv_dot::square;
using conv_dot::Values;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// The sum of weight * input over the window of output k, in the type of `zero`.
template <class Sum, class Weight, class Input>
Sum window_sum(const ConvDesc& d, std::int64_t k, std::int64_t y, std::int64_t x, Sum sum,
               const Weight& weight, const Input& input) {
  const WindowDesc& w = d.window;
  const std::int64_t in = d.input.channels / d.groups, first = k / (d.output.channels / d.groups) * in;
  std::int64_t at = k * in * w.kernel_h * w.kernel_w;
  for (std::int64_t c = 0; c < in; ++c)
    for (std::int64_t i = 0; i < w.kernel_h; ++i)
      for (std::int64_t j = 0; j < w.kernel_w; ++j, ++at)
        sum += weight(at) * input(first + c, y * w.stride_h - w.pad_top + i * w.dilation_h,
                                  x * w.stride_w - w.pad_left + j * w.dilation_w);
  return sum;
}

bool inside(const FeatureMap& m, std::int64_t y, std::int64_t x) {
  return y >= 0 && y < m.height && x >= 0 && x < m.width;
}

struct Place {
  int n;
  std::int64_t k, y, x, pixel;
};

std::int64_t accumulator(const Problem& p, const Place& at) {
  const ConvDesc& d = p.desc;
  const std::int64_t bias =
      d.bias_map ? p.bias_map[index(at.k * d.output.pixels() + at.pixel)] : p.bias[index(at.k)];
  return window_sum(
      d, at.k, at.y, at.x, bias, [&](std::int64_t i) { return std::int64_t{p.weights[index(i)]}; },
      [&](std::int64_t c, std::int64_t y, std::int64_t x) -> std::int64_t {
        if (inside(d.input, y, x)) return p.input.at(at.n, c, y * d.input.width + x);
        if (d.input.type == DataType::kInt16) return 0;
        return d.halo.empty() ? d.input.quantization.zero_point : std::int64_t{d.halo[index(c)]};
      });
}

float rectified(const ConvDesc& d, float t) {
  return d.relu ? std::min(std::max(t, 0.0f) + d.relu->slope * std::min(t, 0.0f), d.relu->limit) : t;
}

std::int32_t expected_integer(const Problem& p, const Place& at) {
  const ConvDesc& d = p.desc;
  const auto zero = static_cast<float>(d.output.quantization.zero_point);
  float addend = zero;
  if (d.residual) {
    const integer::Rescale r = integer::rescale(d.residual_map.quantization, d.output.quantization);
    addend = std::fmaf(static_cast<float>(p.residual->at(at.n, at.k, at.pixel)), r.scale, r.offset);
  }
  float t = std::fmaf(static_cast<float>(accumulator(p, at)), p.multipliers[index(at.k)], addend);
  if (d.relu && d.relu->slope != 0) t = integer::leaky(t, zero, d.relu->slope);
  return integer::to_integer(t, integer::range_of(d.output, d.relu));
}

float expected_real(const Problem& p, const Place& at) {
  const ConvDesc& d = p.desc;
  const float r =
      d.residual ? p.real_residual[index((at.n * d.output.channels + at.k) * d.output.pixels() + at.pixel)]
                 : 0.0f;
  const auto acc = static_cast<float>(accumulator(p, at));
  return rectified(d, std::fmaf(acc, p.multipliers[index(at.k)], r));
}

template <class Check>
void at_every_output(const Problem& p, const Check& check) {
  const FeatureMap& o = p.desc.output;
  for (int n = 0; n < p.images; ++n)
    for (std::int64_t k = 0; k < o.channels; ++k)
      for (std::int64_t pixel = 0; pixel < o.pixels(); ++pixel) {
        check(Place{n, k, pixel / o.width, pixel % o.width, pixel});
        if (testing::Test::HasFatalFailure()) return;
      }
}

void check(const Case& c, int images = 2, Values values = Values::kRandom, std::uint32_t seed = 1) {
  Problem p(c.desc(), images, seed, values);
  SCOPED_TRACE(testing::Message() << conv_dot::describe(p.desc) << ", seed " << seed);
  const conv_dot::Create create =
      c.type == DataType::kUInt8 ? conv_i8_direct_generic : conv_i16_direct_generic;
  conv_dot::Outcome out = conv_dot::compute(create, p, {.workers = 2, .gap = 16});
  at_every_output(p, [&](const Place& at) {
    ASSERT_LE(std::abs(accumulator(p, at)), 2147483647) << "the test's own operands overflow";
    if (c.output == DataType::kFloat32) {
      ASSERT_EQ(out.reals->at(at.n, at.k, at.pixel), expected_real(p, at)) << at.k << " " << at.pixel;
    } else {
      ASSERT_EQ(out.integers->at(at.n, at.k, at.pixel), expected_integer(p, at)) << at.k << " " << at.pixel;
    }
  });
  if (c.output == DataType::kFloat32) {
    ASSERT_TRUE(out.reals->padding_is_zero());
  } else {
    ASSERT_TRUE(out.integers->padding_is_zero_point());
  }
  conv_dot::Outcome alone = conv_dot::compute(create, p, {.gap = 16, .images_per_call = 1});
  ASSERT_EQ(conv_dot::first_difference(alone.memory(), out.memory()), "");
}

TEST(ReferenceConvolution, WindowsOfAllKinds) {
  for (DataType type : {DataType::kUInt8, DataType::kInt16})
    for (const WindowDesc& w : {square(1), square(3, 1, 1), square(3, 2, 1, 2), square(2, 3),
                                WindowDesc{1, 5, 2, 1, 0, 2, 1, 3}, square(1, 1, 2), square(7, 1, 4)}) {
      Case c{5, 6, 7, 18, w, 1, type, type};
      c.zero_in = 77, c.zero_out = 30;
      check(c);
    }
}

TEST(ReferenceConvolution, GroupsOfAnySize) {
  check({6, 5, 5, 6, square(3, 1, 1), 6});
  check({9, 5, 5, 12, square(3, 1, 1), 3});
  check({32, 4, 4, 32, square(1), 2});
}

TEST(ReferenceConvolution, PicturesHalosAndBiasMaps) {
  for (std::int64_t step : {3, 4})
    for (bool map : {false, true})
      for (bool halo : {false, true}) {
        Case c{3, 9, 8, 20, square(3, 2, 1)};
        c.picture = step, c.bias_map = map, c.halo_by_channel = halo, c.slope = 0;
        check(c);
      }
}

TEST(ReferenceConvolution, ResidualsReluAndZeroPoints) {
  for (DataType type : {DataType::kUInt8, DataType::kInt16})
    for (DataType output : {type, DataType::kFloat32})
      for (bool residual : {false, true})
        for (std::optional<float> slope :
             {std::optional<float>(), std::optional<float>(0), std::optional<float>(0.1f)}) {
          Case c{12, 5, 6, 20, square(3, 1, 1), 1, type, output};
          c.residual = residual, c.slope = slope;
          c.zero_in = 128, c.zero_out = 100, c.zero_residual = 7;
          if (output != DataType::kFloat32) c.output_part = 16, c.residual_part = 32;
          check(c);
        }
}

TEST(ReferenceConvolution, ExtremeValues) {
  for (Values values : {Values::kZeros, Values::kLargest, Values::kTies})
    for (std::int32_t zero : {0, 128, 255}) {
      Case c{40, 4, 4, 20, square(3, 1, 1)};
      c.zero_in = c.zero_out = zero;
      check(c, 1, values);
    }
}

TEST(ReferenceConvolution, TiesRoundToEven) {
  Case c{1, 1, 4, 1, square(1)};
  Problem p(c.desc(), 1, 1);
  p.input.fill([](int, std::int64_t, std::int64_t pixel) { return 2 * pixel + 1; });
  p.weights = {1};
  p.bias = {0};
  p.multipliers = {0.5f};
  const conv_dot::Outcome out = conv_dot::compute(conv_i8_direct_generic, p, {});
  EXPECT_EQ(out.integers->to_nchw(), std::vector<std::int32_t>({0, 2, 2, 4}));
}

TEST(ReferenceConvolution, RealNumbersInBf16) {
  for (DataType output : {DataType::kBFloat16, DataType::kFloat32})
    for (bool residual : {false, true})
      for (std::optional<float> slope :
           {std::optional<float>(), std::optional<float>(0), std::optional<float>(0.1f)}) {
        Case c{10, 6, 5, 20, square(3, 2, 1), 1, DataType::kBFloat16, output};
        c.residual = residual, c.slope = slope;
        Problem p(c.desc(), 2, 3);
        SCOPED_TRACE(conv_dot::describe(p.desc));
        conv_dot::Outcome out = conv_dot::compute(conv_bf16_direct_generic, p, {});
        at_every_output(p, [&](const Place& at) {
          double size = 0;  // of the terms
          const auto weight = [&](std::int64_t i) {
            return static_cast<double>(from_bfloat16(to_bfloat16(p.real_weights[index(i)])));
          };
          const auto input = [&](std::int64_t ch, std::int64_t y, std::int64_t x) {
            if (!inside(p.desc.input, y, x)) return 0.0;
            const std::int32_t bits = p.input.at(at.n, ch, y * p.desc.input.width + x);
            const auto value = static_cast<double>(from_bfloat16(static_cast<std::uint16_t>(bits)));
            size += std::abs(value);
            return value;
          };
          double t = window_sum(p.desc, at.k, at.y, at.x, static_cast<double>(p.real_bias[index(at.k)]),
                                weight, input);
          if (residual && output == DataType::kFloat32) {
            t += static_cast<double>(
                p.real_residual[index((at.n * 20 + at.k) * p.desc.output.pixels() + at.pixel)]);
          } else if (residual) {
            const std::int32_t bits = p.residual->at(at.n, at.k, at.pixel);
            t += static_cast<double>(from_bfloat16(static_cast<std::uint16_t>(bits)));
          }
          if (slope && t < 0) t *= static_cast<double>(*slope);
          float got;
          if (output == DataType::kFloat32) {
            got = out.reals->at(at.n, at.k, at.pixel);
          } else {
            got = from_bfloat16(static_cast<std::uint16_t>(out.integers->at(at.n, at.k, at.pixel)));
          }
          const double rounding = output == DataType::kFloat32 ? 1.0 / (1 << 24) : 1.0 / (1 << 8);
          ASSERT_NEAR(static_cast<double>(got), t, std::abs(t) * rounding * 1.001 + size * 1e-13);
        });
      }
}

TEST(ReferenceConvolution, TakesWhatItSays) {
  const ConvDesc bytes = Case{3, 8, 8, 20, square(3)}.desc();
  const ConvDesc words = Case{16, 8, 8, 16, square(1), 1, DataType::kInt16, DataType::kFloat32}.desc();
  const ConvDesc mixed = Case{16, 8, 8, 16, square(1), 1, DataType::kUInt8, DataType::kInt16}.desc();
  Case residual{16, 8, 8, 16, square(1)};
  residual.residual = true;
  ConvDesc other_size = residual.desc(), no_meaning = residual.desc(), short_halo = bytes, real;
  other_size.residual_map.width = 7;
  no_meaning.input.quantization.scale = 0;
  short_halo.halo = {1, 2};
  EXPECT_GT(conv_i8_direct_generic_cost(residual.desc(), 1), 0);
  EXPECT_LT(conv_i8_direct_generic_cost(other_size, 1), 0);
  EXPECT_LT(conv_i8_direct_generic_cost(no_meaning, 1), 0);
  EXPECT_LT(conv_i8_direct_generic_cost(short_halo, 1), 0);
  EXPECT_GT(conv_i8_direct_generic_cost(bytes, 1), 0);
  EXPECT_LT(conv_i16_direct_generic_cost(bytes, 1), 0);
  EXPECT_GT(conv_i16_direct_generic_cost(words, 1), 0);
  EXPECT_LT(conv_bf16_direct_generic_cost(words, 1), 0);
  EXPECT_LT(conv_i8_direct_generic_cost(mixed, 1), 0);
  EXPECT_LT(conv_i8_direct_generic_cost(real, 1), 0);
  EXPECT_LT(conv_i8_direct_generic_cost(PoolDesc{}, 1), 0);
}

}  // namespace
}  // namespace octet::kernels
