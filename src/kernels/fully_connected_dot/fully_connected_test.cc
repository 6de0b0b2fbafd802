// Fully connected layers of integers and BF16 on every instruction set of this machine, against plain loops
// over NCHW features written here: integers to the byte, BF16 within the bound of conv_dot/contract.h.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <random>

#include "kernels/bfloat16.h"
#ifdef OCTET_X86
#include "kernels/conv_dot/test_amx_emulator.h"
#endif
#include "kernels/families.h"
#include "kernels/fully_connected_dot/test_entries.h"
#include "kernels/integer/arithmetic.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/nhwc_tensor.h"

namespace octet::kernels {
namespace {

/// A layer as people say it.
struct Case {
  std::int64_t channels = 16, height = 1, width = 1, outputs = 16;
  std::optional<float> slope = std::nullopt;
  float limit = std::numeric_limits<float>::infinity();  // of a ReLU
  bool real_output = false;
  bool bias = true;  // of BF16
  std::int32_t zero_in = 0, zero_out = 0;
  std::int64_t input_part = 0, output_part = 0;  // channels beside the map's own
  std::int64_t picture = 0;                      // pixel stride of a picture
  int images = 1, workers = 1;
  std::int64_t gap = 0;  // elements between images, a multiple of 16
  int largest_weight = 127;

  FullyConnectedDesc desc(DataType type) const {
    const auto map = [](std::int64_t c, std::int64_t h, std::int64_t w, DataType t, Quantization q,
                        std::int64_t part) {
      FeatureMap m{.channels = c, .height = h, .width = w, .layout = Layout::kNhwc, .type = t};
      if (t == DataType::kFloat32) m.layout = Layout::kNchw16c;
      if (t == DataType::kInt16) q.zero_point = 0;
      if (t == DataType::kUInt8 || t == DataType::kInt16) m.quantization = q;
      if (part > 0) m.pixel_stride = m.padded_channels() + part;
      return m;
    };
    FullyConnectedDesc d;
    d.input = map(channels, height, width, type, {0.02f, zero_in, 900}, input_part);
    if (picture > 0) d.input.pixel_stride = picture;
    d.output =
        map(outputs, 1, 1, real_output ? DataType::kFloat32 : type, {0.05f, zero_out, 1200}, output_part);
    d.has_bias = bias;
    if (slope) d.relu = ReluDesc{*slope, limit};
    return d;
  }
};

/// The operands of a case, all from one seed.
struct Problem {
  Problem(const FullyConnectedDesc& d, const Case& c, std::uint32_t seed)
      : desc(d),
        images(c.images),
        features(static_cast<std::size_t>(d.input.channels * d.input.pixels())),
        input(d.input, c.images, c.gap) {
    std::mt19937 engine(seed);
    const auto pick = [&](int low, int high) {
      return std::uniform_int_distribution<int>(low, high)(engine);
    };
    input.fill_random(seed);
    const auto outputs = static_cast<std::size_t>(d.output.channels);
    for (std::size_t i = 0; i < outputs * features; ++i) {
      const int w = pick(0, 4) == 0 ? c.largest_weight : pick(-c.largest_weight, c.largest_weight);
      weights.push_back(static_cast<std::int8_t>(pick(0, 1) ? w : -w));
    }
    const float spread = 0.9f / (std::sqrt(static_cast<float>(features)) * 127);
    for (std::size_t k = 0; k < outputs; ++k) {
      bias.push_back(pick(-20'000, 20'000));
      multipliers.push_back(spread * static_cast<float>(pick(10, 1000)) * 1e-3f *
                            (c.real_output ? 0.05f : 1.0f));
    }
    real_weights = test::random_floats(outputs * features, seed + 1);
    for (float& w : real_weights) w = from_bfloat16(to_bfloat16(w));
    real_bias = test::random_floats(outputs, seed + 2);
    values = input.to_nchw();
  }

  FullyConnectedDesc desc;
  int images;
  std::size_t features;
  test::NhwcTensor input;
  std::vector<std::int32_t> values;  // of the input, [image][feature]
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> bias;
  std::vector<float> multipliers, real_weights, real_bias;
};

/// The output of image n, as integers, or bits of FP32.
std::int32_t expected_integer(const Problem& p, int n, std::size_t k) {
  const std::int32_t* x = p.values.data() + static_cast<std::size_t>(n) * p.features;
  std::int64_t sum = p.bias[k];
  for (std::size_t i = 0; i < p.features; ++i) sum += std::int64_t{p.weights[k * p.features + i]} * x[i];
  const auto acc = static_cast<float>(sum);
  if (p.desc.output.type == DataType::kFloat32) {
    float t = acc * p.multipliers[k];
    if (p.desc.relu && t < 0) t *= p.desc.relu->slope;
    if (p.desc.relu) t = std::min(t, p.desc.relu->limit);
    return std::bit_cast<std::int32_t>(t == 0 ? 0.0f : t);
  }
  const auto zero = static_cast<float>(p.desc.output.quantization.zero_point);
  float t = std::fmaf(acc, p.multipliers[k], zero);
  if (p.desc.relu && p.desc.relu->slope != 0) t = integer::leaky(t, zero, p.desc.relu->slope);
  return integer::to_integer(t, integer::range_of(p.desc.output, p.desc.relu));
}

/// Of BF16: the exact output and how far from it one may be.
std::pair<double, double> expected_real(const Problem& p, int n, std::size_t k) {
  double sum = p.desc.has_bias ? static_cast<double>(p.real_bias[k]) : 0, size = std::abs(sum);
  const std::int32_t* x = p.values.data() + static_cast<std::size_t>(n) * p.features;
  for (std::size_t i = 0; i < p.features; ++i) {
    const double product = static_cast<double>(from_bfloat16(static_cast<std::uint16_t>(x[i]))) *
                           static_cast<double>(p.real_weights[k * p.features + i]);
    sum += product, size += std::abs(product);
  }
  if (p.desc.relu && sum < 0) sum *= static_cast<double>(p.desc.relu->slope);
  if (p.desc.relu) sum = std::min(sum, static_cast<double>(p.desc.relu->limit));
  double bound = static_cast<double>(p.features + 2) * std::ldexp(size, -23);
  if (p.desc.output.type == DataType::kBFloat16) bound += std::ldexp(std::abs(sum) + bound, -8);
  return {sum, bound};
}

/// AMX also where it is emulated.
bool executes(Isa isa) {
#ifdef OCTET_X86
  if (isa == Isa::kAmx) return !conv_dot::tile_instructions().empty();
#endif
  return test::machine_has(isa);
}

class FullyConnectedDot : public testing::TestWithParam<Named> {
 protected:
  void SetUp() override {
    if (!executes(variant().isa)) GTEST_SKIP() << "this CPU lacks " << to_string(variant().isa);
  }
  const test::Variant& variant() const { return GetParam().variant; }
  DataType type() const { return GetParam().type; }

  test::KernelRunner runner(const Problem& p) const {
    if (type() == DataType::kBFloat16) {
      std::vector<std::vector<float>> weights = {p.real_weights};
      if (p.desc.has_bias) weights.push_back(p.real_bias);
      return test::KernelRunner(variant().create(p.desc), weights);
    }
    return test::KernelRunner(variant().create(p.desc), IntegerWeights{p.weights, p.bias, p.multipliers, {}});
  }

  void expect_right(const Case& c, std::uint32_t seed = 1) const {
    Problem p(c.desc(type()), c, seed);
    SCOPED_TRACE(testing::Message() << c.channels << "x" << c.height << "x" << c.width << " -> " << c.outputs
                                    << ", " << c.images << " images, " << c.workers << " workers, seed "
                                    << seed);
    ASSERT_GT(variant().cost(p.desc, c.images), 0);
    test::KernelRunner run = runner(p);
    const Operand inputs[] = {p.input.operand()};
    if (c.real_output) {
      test::LaidOut output(p.desc.output, c.images, p.desc.output.elements() + c.gap);
      run.run(inputs, {output.data(), output.stride()}, c.images, c.workers);
      check(p, [&](int n, std::size_t k) {
        return std::bit_cast<std::int32_t>(output.at(n, static_cast<std::int64_t>(k), 0));
      });
      EXPECT_TRUE(output.padding_is_zero());
      EXPECT_TRUE(test::gaps_untouched(output, c.images));
      return;
    }
    test::NhwcTensor output(p.desc.output, c.images, c.gap);
    const std::vector<std::uint8_t> before = output.memory();
    run.run(inputs, output.operand(), c.images, c.workers);
    check(p, [&](int n, std::size_t k) { return output.at(n, static_cast<std::int64_t>(k), 0); });
    EXPECT_TRUE(output.padding_is_zero_point());
    expect_rest_untouched(p, c, before, output.memory());
  }

  template <class Written>
  void check(const Problem& p, Written&& written) const {
    for (int n = 0; n < p.images; ++n)
      for (std::size_t k = 0; k < p.bias.size(); ++k) {
        const std::int32_t bits = written(n, k);
        if (type() != DataType::kBFloat16) {
          ASSERT_EQ(bits, expected_integer(p, n, k)) << "image " << n << " output " << k;
          continue;
        }
        const float value = p.desc.output.type == DataType::kFloat32
                                ? std::bit_cast<float>(bits)
                                : from_bfloat16(static_cast<std::uint16_t>(bits));
        const auto [expected, bound] = expected_real(p, n, k);
        ASSERT_NEAR(static_cast<double>(value), expected, bound) << "image " << n << " output " << k;
      }
  }

  /// Gaps between images, and the other channels of a concatenation.
  static void expect_rest_untouched(const Problem& p, const Case& c, const std::vector<std::uint8_t>& before,
                                    const std::vector<std::uint8_t>& after) {
    const std::size_t element = size_of(p.desc.output.type);
    const auto image = static_cast<std::size_t>(p.desc.output.elements() + c.gap) * element;
    const auto ours = static_cast<std::size_t>(p.desc.output.padded_channels()) * element;
    for (std::size_t i = 0; i < after.size(); ++i) {
      if (i / image < static_cast<std::size_t>(c.images) && i % image < ours) continue;
      ASSERT_EQ(after[i], before[i]) << "byte " << i << " is not the kernel's to write";
    }
  }
};

std::string entry_name(const testing::TestParamInfo<Named>& entry) { return entry.param.name; }
INSTANTIATE_TEST_SUITE_P(Entries, FullyConnectedDot, testing::ValuesIn(fully_connected_dot_entries()),
                         entry_name);

TEST_P(FullyConnectedDot, IsRightForEveryNumberOfOutputs) {
  for (std::int64_t outputs = 1; outputs <= 150; ++outputs)
    expect_right({.channels = 37, .outputs = outputs, .images = 2});
}

TEST_P(FullyConnectedDot, IsRightForEveryNumberOfChannels) {
  for (std::int64_t channels = 1; channels <= 70; ++channels) {
    expect_right({.channels = channels, .outputs = 20});
    expect_right({.channels = channels, .height = 2, .width = 3, .outputs = 20});
  }
}

TEST_P(FullyConnectedDot, IsRightForEveryBatch) {
  for (int images = 1; images <= 45; ++images)
    expect_right({.channels = 20,
                  .height = 3,
                  .width = 2,
                  .outputs = 50,
                  .images = images,
                  .workers = 1 + images % 4,
                  .gap = 32});
}

TEST_P(FullyConnectedDot, IsRightForDepthsOfSeveralChunks) {
  for (const int images : {1, 5, 13, 40}) {
    Case c{.channels = 5000, .outputs = 40, .images = images, .workers = 3};
    c.zero_out = 100;
    expect_right(c);
    c.channels = 130, c.height = 6, c.width = 7, c.slope = 0.25f;
    expect_right(c);
  }
}

TEST_P(FullyConnectedDot, TakesFeaturesInNchwOrder) {
  for (const std::int64_t channels : {1, 3, 16, 21, 130})
    for (const std::int64_t height : {1, 2, 7})
      expect_right({.channels = channels, .height = height, .width = 5, .outputs = 24, .images = 3});
}

TEST_P(FullyConnectedDot, ReadsAndWritesPartsOfConcatenations) {
  for (const std::int64_t size : {1, 3})
    for (const std::int64_t channels : {16, 40}) {
      Case c{.channels = channels, .height = size, .width = size, .outputs = 72, .images = 8, .workers = 2};
      c.input_part = 32, c.output_part = 16;
      expect_right(c);
    }
}

TEST_P(FullyConnectedDot, ReadsPicturesOfFourValuesAPixel) {
  for (const std::int64_t channels : {1, 3, 4}) {
    Case c{.channels = channels, .height = 6, .width = 5, .outputs = 20, .images = 3};
    c.picture = 4;
    expect_right(c);
  }
}

TEST_P(FullyConnectedDot, FusesReluAroundAnyZeroPoint) {
  for (const std::int32_t zero : {0, 128, 255})
    for (const std::optional<float> slope :
         {std::optional<float>(), std::optional(0.0f), std::optional(0.1f)}) {
      Case c{.channels = 64, .height = 2, .width = 2, .outputs = 40, .slope = slope, .images = 7};
      c.zero_in = zero, c.zero_out = 255 - zero;
      expect_right(c);
    }
}

TEST_P(FullyConnectedDot, GivesLogitsInFp32) {
  for (const std::optional<float> slope : {std::optional<float>(), std::optional(0.0f), std::optional(0.1f)})
    for (const std::int64_t outputs : {1, 10, 100})
      for (const int images : {1, 20}) {
        Case c{.channels = 4200,
               .outputs = outputs,
               .slope = slope,
               .real_output = true,
               .images = images,
               .workers = 2,
               .gap = 16};
        expect_right(c);
      }
}

TEST_P(FullyConnectedDot, SmallAndLargeWeightsAreExact) {
  for (const int largest : {1, 64, 65, 127})  // 64: no 16-bit sum of two products can saturate
    for (const int images : {1, 9}) {
      Case c{.channels = 300, .outputs = 130, .images = images};
      c.largest_weight = largest;
      expect_right(c);
    }
}

TEST_P(FullyConnectedDot, DoesWithoutABias) {  // integer layers always have one
  expect_right({.channels = 30, .outputs = 20, .bias = false, .images = 2});
}

TEST_P(FullyConnectedDot, GivesTheSameBitsForAnyNumberOfWorkersAndImages) {
  const Case c{.channels = 150, .height = 6, .width = 6, .outputs = 72, .images = 30};
  Problem p(c.desc(type()), c, 12);
  test::KernelRunner run = runner(p);
  const auto compute = [&](int images_per_call, int workers) {
    test::NhwcTensor output(p.desc.output, c.images);
    const auto element = static_cast<std::int64_t>(size_of(type()));
    for (int n = 0; n < c.images; n += images_per_call) {
      Operand input = p.input.operand(), to = output.operand();
      input.data += n * input.image_stride * element;
      to.data += n * to.image_stride * element;
      run.run({&input, 1}, to, std::min(images_per_call, c.images - n), workers);
    }
    return output.memory();
  };
  const std::vector<std::uint8_t> together = compute(c.images, 1);
  for (const int workers : {2, 3, 5, 64}) EXPECT_EQ(compute(c.images, workers), together) << workers;
  for (const int images : {1, 2, 7}) EXPECT_EQ(compute(images, 2), together) << images << " images a call";
}

TEST_P(FullyConnectedDot, IsRightForRandomLayers) {
  const std::uint32_t seed = std::random_device{}();
  std::mt19937 engine(seed);
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(engine); };
  for (int i = 0; i < 60 && !HasFatalFailure(); ++i) {
    Case c{.channels = pick(1, 90), .height = pick(1, 5), .width = pick(1, 5), .outputs = pick(1, 200)};
    if (pick(0, 1)) c.slope = pick(0, 1) ? 0.0f : 0.1f;
    if (pick(0, 1)) c.limit = 1.5f;
    c.real_output = pick(0, 3) == 0;
    c.zero_in = pick(0, 255), c.zero_out = pick(0, 255);
    c.input_part = 16 * pick(0, 2);
    if (!c.real_output) c.output_part = 16 * pick(0, 2);
    c.images = pick(1, 20), c.workers = pick(1, 4);
    c.gap = 16 * pick(0, 2);
    c.largest_weight = pick(1, 127);
    expect_right(c, seed + static_cast<std::uint32_t>(i));
  }
}

TEST_P(FullyConnectedDot, ScratchForABatchIsEnoughForEverySmallerOne) {
  const auto kernel = variant().create(Case{.channels = 9000, .outputs = 64}.desc(type()));
  for (int images = 1; images < 300; ++images)
    ASSERT_GE(kernel->scratch_bytes(images + 1), kernel->scratch_bytes(images));
}

TEST_P(FullyConnectedDot, DeclinesWhatItDoesNotCompute) {
  const FullyConnectedDesc good = Case{.channels = 32, .height = 2, .width = 2, .outputs = 10}.desc(type());
  EXPECT_GT(variant().cost(good, 1), 0);
  FullyConnectedDesc desc = good;
  desc.output.layout = Layout::kNchw;
  EXPECT_LT(variant().cost(desc, 1), 0);
  desc = good;
  desc.output.height = 2;
  EXPECT_LT(variant().cost(desc, 1), 0);
  desc = good;
  desc.input.type = DataType::kFloat32;
  EXPECT_LT(variant().cost(desc, 1), 0);
  desc = good;
  desc.input.channels = 3;
  desc.input.pixel_stride = 3;  // a caller's picture, which nothing may be read behind
  if (type() == DataType::kUInt8) {
    EXPECT_LT(variant().cost(desc, 1), 0);
  }
  EXPECT_LT(variant().cost(ConvDesc{}, 1), 0);
}

TEST(FullyConnectedDotPairs, TheBiasMapOfTheOnlyPixelIsABias) {
  for (const Named& entry : fully_connected_dot_entries()) {
    if (entry.type == DataType::kBFloat16 || !test::machine_has(entry.variant.isa)) continue;
    const Case c{.channels = 3, .height = 4, .width = 4, .outputs = 20, .picture = 4, .images = 2};
    Problem p(c.desc(entry.type), c, 3);
    const auto compute = [&](const IntegerWeights& weights) {
      test::NhwcTensor output(p.desc.output, c.images);
      const Operand inputs[] = {p.input.operand()};
      test::KernelRunner(entry.variant.create(p.desc), weights).run(inputs, output.operand(), c.images);
      return output.memory();
    };
    EXPECT_EQ(compute({p.weights, {}, p.multipliers, p.bias}),
              compute({p.weights, p.bias, p.multipliers, {}}))
        << entry.name;
  }
}

#ifdef OCTET_X86
// A batch of one takes as long as its weights take from memory, and fills one row in 16 of a tile.
TEST(FullyConnectedDotPairs, TilesAreForBatches) {
  for (const Case& c : {Case{.channels = 256, .height = 6, .width = 6, .outputs = 4096},
                        Case{.channels = 4096, .outputs = 1000}, Case{.channels = 2048, .outputs = 1000}}) {
    const FullyConnectedDesc integers = c.desc(DataType::kUInt8), reals = c.desc(DataType::kBFloat16);
    for (int images : {1, 2, 8, 32, 128}) {
      SCOPED_TRACE(testing::Message() << c.channels << " channels, " << images << " images");
      const bool i8 = fully_connected_i8_amx_cost(integers, images) <
                      fully_connected_i8_avx512vnni_cost(integers, images);
      const bool bf16 =
          fully_connected_bf16_amx_cost(reals, images) < fully_connected_bf16_avx512bf16_cost(reals, images);
      EXPECT_EQ(i8, images >= 32);
      EXPECT_EQ(bf16, images >= 32);
    }
  }
}

TEST(FullyConnectedDotPairs, EmulatedBf16GivesTheSameBitsOnAvx2AndAvx512) {
  if (!test::machine_has(Isa::kAvx512)) GTEST_SKIP() << "this CPU lacks AVX-512";
  const Case c{.channels = 700, .outputs = 100, .images = 9};
  Problem p(c.desc(DataType::kBFloat16), c, 4);
  const Operand inputs[] = {p.input.operand()};
  test::NhwcTensor wide(p.desc.output, c.images), narrow(p.desc.output, c.images);
  const std::vector<std::vector<float>> weights = {p.real_weights, p.real_bias};
  test::KernelRunner(fully_connected_bf16_avx512(p.desc), weights).run(inputs, wide.operand(), c.images);
  test::KernelRunner(fully_connected_bf16_avx2(p.desc), weights).run(inputs, narrow.operand(), c.images);
  EXPECT_EQ(wide.memory(), narrow.memory());
}
#endif

}  // namespace
}  // namespace octet::kernels
