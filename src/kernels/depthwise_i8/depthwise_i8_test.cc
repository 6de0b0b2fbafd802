// Depthwise convolution of bytes against plain loops in 64-bit integers, to the byte, on every instruction
// set of the machine.
#include <gtest/gtest.h>

#include <limits>

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
      {Isa::kGeneric, depthwise_i8_generic_cost, depthwise_i8_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, depthwise_i8_avx2_cost, depthwise_i8_avx2},
      {Isa::kAvx512, depthwise_i8_avx512_cost, depthwise_i8_avx512},
      {Isa::kAvx512Vnni, depthwise_i8_avx512vnni_cost, depthwise_i8_avx512vnni},
#endif
  });
}

struct Weights {
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> bias, bias_map;
  std::vector<float> multipliers;
  IntegerWeights view() const { return {weights, bias, multipliers, bias_map}; }
};

/// A quarter of the weights at the ends of their range, -128 among them.
Weights random_weights(const ConvDesc& d, std::uint32_t seed, float largest_multiplier = 4e-3f) {
  std::mt19937 engine(seed);
  std::uniform_int_distribution<int> weight(-128, 127), kind(0, 7), bias(-20000, 20000);
  std::uniform_real_distribution<float> multiplier(largest_multiplier / 40, largest_multiplier);
  Weights w;
  for (std::int64_t i = 0; i < d.groups * d.window.kernel_h * d.window.kernel_w; ++i) {
    const int k = kind(engine);
    w.weights.push_back(static_cast<std::int8_t>(k == 0 ? -128 : k == 1 ? 127 : weight(engine)));
  }
  for (std::int64_t i = 0; i < d.groups; ++i) w.multipliers.push_back(multiplier(engine));
  std::vector<std::int32_t>& biases = d.bias_map ? w.bias_map : w.bias;
  for (std::int64_t i = 0; i < d.groups * (d.bias_map ? d.output.pixels() : 1); ++i)
    biases.push_back(bias(engine));
  return w;
}

float accumulator(const ConvDesc& d, const Weights& w, const NhwcTensor& x, int n, std::int64_t c,
                  std::int64_t p) {
  const WindowDesc& window = d.window;
  std::int64_t sum = d.bias_map ? w.bias_map[static_cast<std::size_t>(c * d.output.pixels() + p)]
                                : w.bias[static_cast<std::size_t>(c)];
  for (std::int64_t ky = 0; ky < window.kernel_h; ++ky)
    for (std::int64_t kx = 0; kx < window.kernel_w; ++kx) {
      const std::int64_t y = p / d.output.width * window.stride_h - window.pad_top + ky * window.dilation_h;
      const std::int64_t z = p % d.output.width * window.stride_w - window.pad_left + kx * window.dilation_w;
      const bool inside = y >= 0 && y < d.input.height && z >= 0 && z < d.input.width;
      const std::int32_t q = inside           ? x.at(n, c, y * d.input.width + z)
                             : d.halo.empty() ? d.input.quantization.zero_point
                                              : d.halo[static_cast<std::size_t>(c)];
      sum += q * w.weights[static_cast<std::size_t>((c * window.kernel_h + ky) * window.kernel_w + kx)];
    }
  return static_cast<float>(sum);
}

ConvDesc describe(std::int64_t channels, std::int64_t height, std::int64_t width, std::int64_t kernel,
                  std::int64_t stride, std::int64_t pad) {
  ConvDesc d;
  d.groups = channels;
  d.input = {channels, height, width, Layout::kNhwc, DataType::kUInt8, {0.02f, 7}};
  d.window = {kernel, kernel, stride, stride, pad, pad, pad, pad};
  d.output = d.input;
  d.output.height = (height + 2 * pad - kernel) / stride + 1;
  d.output.width = (width + 2 * pad - kernel) / stride + 1;
  d.output.quantization = {0.03f, 99};
  return d;
}
ConvDesc with_residual(ConvDesc d) {
  d.residual = true;
  d.residual_map = d.output;
  if (d.output.type == DataType::kUInt8) d.residual_map.quantization = {0.05f, 31};
  return d;
}

std::string text_of(const ConvDesc& d, std::uint32_t seed, int workers) {
  std::ostringstream text;
  text << "seed " << seed << " channels " << d.groups << " in " << d.input.height << "x" << d.input.width
       << " kernel " << d.window.kernel_h << "x" << d.window.kernel_w << " stride " << d.window.stride_h
       << "x" << d.window.stride_w << " dilation " << d.window.dilation_h << " workers " << workers;
  return text.str();
}

void expect_equal_to_plain_loops(const ConvDesc& d, int images, int workers, std::uint32_t seed,
                                 float largest_multiplier = 4e-3f) {
  SCOPED_TRACE(text_of(d, seed, workers));
  const Weights weights = random_weights(d, seed, largest_multiplier);
  NhwcTensor input(d.input, images, 16), residual(d.residual ? d.residual_map : d.output, images, 48);
  NhwcTensor expected(d.output, images, 32);
  input.fill_random(seed + 1);
  residual.fill_random(seed + 2);
  const bool leaky = d.relu && d.relu->slope != 0;
  const auto zero = static_cast<float>(d.output.quantization.zero_point);
  const integer::Rescale r = integer::rescale(d.residual_map.quantization, d.output.quantization);
  expected.fill([&](int n, std::int64_t c, std::int64_t p) {
    const float addend =
        d.residual ? std::fmaf(static_cast<float>(residual.at(n, c, p)), r.scale, r.offset) : zero;
    float t = std::fmaf(accumulator(d, weights, input, n, c, p),
                        weights.multipliers[static_cast<std::size_t>(c)], addend);
    if (leaky) t = integer::leaky(t, zero, d.relu->slope);
    return integer::to_integer(t, integer::range_of(d.output, d.relu));
  });
  for (const test::Variant& variant : variants()) {
    SCOPED_TRACE(to_string(variant.isa));
    ASSERT_GT(variant.cost(d, images), 0);
    NhwcTensor output(d.output, images, 32);
    std::vector<Operand> operands = {input.operand()};
    if (d.residual) operands.push_back(residual.operand());
    test::KernelRunner runner(variant.create(d), weights.view());
    runner.run(operands, output.operand(), images, workers);
    EXPECT_EQ(output.to_nchw(), expected.to_nchw());
    EXPECT_EQ(output.memory(), expected.memory()) << "something outside the channels";
    if (!d.residual || !runner.kernel().in_place(1)) continue;
    NhwcTensor both(d.residual_map, images, 48);
    both.fill_random(seed + 2);
    operands[1] = both.operand();
    runner.run(operands, both.operand(), images, workers);
    EXPECT_EQ(both.to_nchw(), expected.to_nchw()) << "in place of the residual";
  }
}

TEST(DepthwiseI8, EqualsPlainLoopsForAllWindows) {
  std::uint32_t seed = 1;
  for (std::int64_t kernel : {1, 2, 3, 5, 7})
    for (std::int64_t stride : {1, 2, 3})
      for (std::int64_t pad : {0, 1, 3})
        expect_equal_to_plain_loops(describe(35, 13, 9, kernel, stride, pad), 2, 1, seed++);
}

TEST(DepthwiseI8, EqualsPlainLoopsForAllChannelTailsAndWorkers) {
  std::uint32_t seed = 100;
  for (std::int64_t channels : {2, 15, 16, 17, 32, 33, 48, 64, 70, 112})
    for (int workers : {1, 2, 50})
      expect_equal_to_plain_loops(describe(channels, 8, 11, 3, 1, 1), 3, workers, seed++);
}

TEST(DepthwiseI8, EqualsPlainLoopsForRowsOfSeveralStretches) {
  std::uint32_t seed = 150;
  for (std::int64_t kernel : {3, 5})
    for (std::int64_t stride : {1, 2})
      for (std::int64_t width : {57, 131, 200})
        expect_equal_to_plain_loops(describe(80, 7, width, kernel, stride, kernel / 2), 1, 2, seed++);
}

TEST(DepthwiseI8, EqualsPlainLoopsForAllEpilogues) {
  std::uint32_t seed = 200;
  for (std::optional<ReluDesc> relu :
       {std::optional<ReluDesc>(), std::optional(ReluDesc{0}), std::optional(ReluDesc{0.1f}),
        std::optional(ReluDesc{0, 1.5f}), std::optional(ReluDesc{0.1f, 1.5f})})
    for (bool residual : {false, true})
      for (bool bias_map : {false, true}) {
        ConvDesc d = describe(40, 7, 9, 3, 1, 1);
        d.relu = relu;
        d.bias_map = bias_map;
        if (residual) d = with_residual(d);
        expect_equal_to_plain_loops(d, 2, 2, seed++);
      }
}

TEST(DepthwiseI8, ClampsOutputsFarBeyondTheIntegers) {
  std::uint32_t seed = 250;
  for (float limit : {1.5f, std::numeric_limits<float>::infinity()})
    for (float largest : {2.0f, 1e4f, 1e9f}) {  // 2^31 is between the first and the last
      ConvDesc d = describe(112, 9, 10, 3, 1, 1);
      d.relu = ReluDesc{0, limit};
      expect_equal_to_plain_loops(d, 1, 1, seed++, largest);
    }
}

TEST(DepthwiseI8, TakesHalosByChannelAndPartsOfConcatenations) {
  ConvDesc d = with_residual(describe(37, 6, 7, 3, 1, 1));
  for (std::int64_t c = 0; c < 37; ++c) d.halo.push_back(static_cast<std::uint8_t>(c * 6));
  expect_equal_to_plain_loops(d, 2, 1, 300);
  d.input.pixel_stride = 80;
  expect_equal_to_plain_loops(d, 2, 1, 301);
  d.output.pixel_stride = 64;
  expect_equal_to_plain_loops(d, 2, 1, 302);
  d.residual_map.pixel_stride = 96;
  expect_equal_to_plain_loops(d, 2, 1, 303);
}

TEST(DepthwiseI8, EqualsPlainLoopsForRandomWindows) {
  const std::uint32_t seed = std::random_device{}();
  std::mt19937 engine(seed);
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine);
  };
  for (int i = 0; i < 60; ++i) {
    ConvDesc d = describe(pick(2, 100), pick(1, 20), pick(1, 20), 1, 1, 0);
    WindowDesc& w = d.window;
    w = {pick(1, 5), pick(1, 5), pick(1, 3), pick(1, 3)};
    w.pad_top = pick(0, 4), w.pad_bottom = pick(0, 4), w.pad_left = pick(0, 4), w.pad_right = pick(0, 4);
    w.dilation_h = pick(1, 3), w.dilation_w = pick(1, 3);
    const auto out = [](std::int64_t in, std::int64_t pad, std::int64_t kernel, std::int64_t dilation,
                        std::int64_t stride) {
      return std::max<std::int64_t>(in + pad - (kernel - 1) * dilation - 1, 0) / stride + 1;
    };
    d.output.height = out(d.input.height, w.pad_top + w.pad_bottom, w.kernel_h, w.dilation_h, w.stride_h);
    d.output.width = out(d.input.width, w.pad_left + w.pad_right, w.kernel_w, w.dilation_w, w.stride_w);
    if (pick(0, 1)) d.relu = ReluDesc{};
    if (pick(0, 1)) d = with_residual(d);
    expect_equal_to_plain_loops(d, 2, static_cast<int>(pick(1, 3)), seed + static_cast<std::uint32_t>(i));
  }
}

TEST(DepthwiseI8, GivesUnquantisedFloats) {
  std::uint32_t seed = 400;
  for (std::int64_t channels : {16, 17, 32, 48, 70})
    for (std::optional<ReluDesc> relu :
         {std::optional<ReluDesc>(), std::optional(ReluDesc{0}), std::optional(ReluDesc{0.1f}),
          std::optional(ReluDesc{0, 1.5f}), std::optional(ReluDesc{0.1f, 1.5f})})
      for (bool residual : {false, true}) {
        ConvDesc d = describe(channels, 7, 6, 3, 1, 1);
        d.output = {channels, 7, 6};
        d.relu = relu;
        if (residual) d = with_residual(d);
        const Weights weights = random_weights(d, ++seed);
        NhwcTensor input(d.input, 2, 16);
        input.fill_random(seed);
        const auto r = test::random_floats(static_cast<std::size_t>(2 * channels * 42), seed, -50, 50);
        LaidOut added = test::lay_out(d.output, 2, r, 16);
        for (const test::Variant& variant : variants()) {
          SCOPED_TRACE(testing::Message() << to_string(variant.isa) << " " << text_of(d, seed, 2));
          ASSERT_GT(variant.cost(d, 2), 0);
          LaidOut output(d.output, 2, d.output.elements() + 32);
          std::vector<Operand> operands = {input.operand()};
          if (residual) operands.push_back({added.data(), added.stride()});
          test::KernelRunner(variant.create(d), weights.view())
              .run(operands, {output.data(), output.stride()}, 2, 2);
          for (int n = 0; n < 2; ++n)
            for (std::int64_t c = 0; c < channels; ++c)
              for (std::int64_t p = 0; p < 42; ++p) {
                const float m = weights.multipliers[static_cast<std::size_t>(c)];
                float t = std::fmaf(accumulator(d, weights, input, n, c, p), m,
                                    residual ? added.at(n, c, p) : 0.0f);
                if (relu) t = std::min(std::max(t, 0.0f) + relu->slope * std::min(t, 0.0f), relu->limit);
                ASSERT_EQ(output.at(n, c, p), t) << n << " " << c << " " << p;
              }
          EXPECT_TRUE(output.padding_is_zero());
          EXPECT_TRUE(test::gaps_untouched(output, 2));
        }
      }
}

TEST(DepthwiseI8, RefusesWhatItCannotCompute) {
  const ConvDesc d = describe(16, 8, 8, 3, 1, 1);
  ConvDesc grouped = d, real = d, halo = d, residual = with_residual(d), wide = d, planar = d;
  grouped.groups = 8;
  real.input.type = DataType::kFloat32;
  halo.halo = {1, 2, 3};
  residual.residual_map.type = DataType::kFloat32;
  wide.input.type = wide.output.type = DataType::kInt16;
  planar.output = {16, 8, 8, Layout::kNchw};
  for (const test::Variant& variant : variants()) {
    EXPECT_GT(variant.cost(d, 1), 0);
    for (const ConvDesc& bad : {grouped, real, halo, residual, wide, planar})
      EXPECT_LT(variant.cost(bad, 1), 0);
    EXPECT_LT(variant.cost(SoftmaxDesc{}, 1), 0);
  }
}

}  // namespace
}  // namespace octet::kernels
