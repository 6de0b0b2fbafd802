// Fully connected layers on every instruction set of this machine, against plain loops in double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"

namespace octet::kernels {
namespace {

using test::KernelRunner;
using test::LaidOut;
using test::lay_out;
using test::random_floats;
using test::Variant;

std::vector<Variant> variants() {
  return {
      {Isa::kGeneric, fully_connected_f32_generic_cost, fully_connected_f32_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, fully_connected_f32_avx2_cost, fully_connected_f32_avx2},
      {Isa::kAvx512, fully_connected_f32_avx512_cost, fully_connected_f32_avx512},
#endif
  };
}

FullyConnectedDesc describe(const FeatureMap& input, std::int64_t outputs, bool bias = true) {
  FullyConnectedDesc desc;
  desc.input = input;
  desc.output = {outputs, 1, 1};
  desc.has_bias = bias;
  return desc;
}

/// A layer with random values and its outputs as double loops over NCHW features find them.
struct Case {
  Case(const FullyConnectedDesc& d, int image_count, std::uint32_t seed) : desc(d), images(image_count) {
    const auto features = static_cast<std::size_t>(desc.input.channels * desc.input.pixels());
    const auto outputs = static_cast<std::size_t>(desc.output.channels);
    input = random_floats(features * static_cast<std::size_t>(images), seed);
    weights.push_back(random_floats(features * outputs, seed + 1));
    if (desc.has_bias) weights.push_back(random_floats(outputs, seed + 2));
    for (std::size_t n = 0; n < static_cast<std::size_t>(images); ++n)
      for (std::size_t k = 0; k < outputs; ++k) {
        double sum = desc.has_bias ? double{weights[1][k]} : 0.0;
        for (std::size_t i = 0; i < features; ++i)
          sum += double{weights[0][k * features + i]} * double{input[n * features + i]};
        if (desc.relu) {
          sum = std::max(sum, 0.0) + double{desc.relu->slope} * std::min(sum, 0.0);
          sum = std::min(sum, double{desc.relu->limit});
        }
        expected.push_back(static_cast<float>(sum));
      }
  }

  FullyConnectedDesc desc;
  int images;
  std::vector<float> input, expected;
  std::vector<std::vector<float>> weights;
};

class FullyConnected : public testing::TestWithParam<Variant> {
 protected:
  void SetUp() override {
    if (!test::machine_has(GetParam().isa)) GTEST_SKIP() << "this CPU lacks " << to_string(GetParam().isa);
  }
  std::vector<float> run(const Case& c, int workers, std::int64_t input_gap = 0,
                         std::int64_t output_gap = 0) const {
    KernelRunner runner(GetParam().create(c.desc), c.weights);
    LaidOut input = lay_out(c.desc.input, c.images, c.input, input_gap);
    LaidOut output(c.desc.output, c.images, c.desc.output.elements() + output_gap);
    runner.run({&input}, output, c.images, workers);
    EXPECT_TRUE(output.padding_is_zero());
    EXPECT_TRUE(test::gaps_untouched(output, c.images));
    return output.to_nchw();
  }
  void expect_right(const Case& c, int workers = 1, std::int64_t input_gap = 0,
                    std::int64_t output_gap = 0) const {
    const test::Difference difference = test::compare(run(c, workers, input_gap, output_gap), c.expected);
    EXPECT_LE(difference.max_error, 1e-5) << difference.text;
  }
};

std::string isa_name(const testing::TestParamInfo<Variant>& variant) { return to_string(variant.param.isa); }
INSTANTIATE_TEST_SUITE_P(Isas, FullyConnected, testing::ValuesIn(variants()), isa_name);

TEST_P(FullyConnected, IsRightForEveryNumberOfOutputs) {
  for (std::int64_t outputs = 1; outputs <= 70; ++outputs) {
    SCOPED_TRACE(outputs);
    for (const int images : {1, 3})
      expect_right(Case(describe({37, 1, 1}, outputs), images, static_cast<std::uint32_t>(outputs)), 1);
  }
}

TEST_P(FullyConnected, IsRightForEveryBatch) {
  for (int images = 1; images <= 45; ++images) {
    SCOPED_TRACE(images);
    expect_right(Case(describe({20, 3, 2}, 50), images, static_cast<std::uint32_t>(images)), 1 + images % 3,
                 16, 32);
  }
}

TEST_P(FullyConnected, IsRightForBatchesThatPassOverTheWeightsMoreThanOnce) {
  for (const int images : {256, 257, 600}) {
    SCOPED_TRACE(images);
    expect_right(Case(describe({40, 1, 1}, 33), images, 4), 2);
  }
}

TEST_P(FullyConnected, IsRightForDepthsOfSeveralChunks) {
  for (const int images : {1, 2, 13, 40, 130}) {
    SCOPED_TRACE(images);
    FullyConnectedDesc desc = describe({130, 4, 5}, 40);
    desc.relu = ReluDesc{0.25f};
    expect_right(Case(desc, images, 8), 3);
  }
}

TEST_P(FullyConnected, TakesFeaturesInNchwOrderFromEitherLayout) {
  for (const Layout layout : {Layout::kNchw, Layout::kNchw16c})
    for (const std::int64_t channels : {1, 3, 16, 21, 130})
      for (const std::int64_t height : {1, 2, 7}) {
        SCOPED_TRACE(testing::Message() << to_string(layout) << " " << channels << "x" << height << "x5");
        expect_right(Case(describe({channels, height, 5, layout}, 24), 2, 17));
      }
}

TEST_P(FullyConnected, ReadsUnalignedNchwImages) {
  expect_right(Case(describe({3, 5, 5, Layout::kNchw}, 24), 1, 2), 1, 1);
  expect_right(Case(describe({3, 5, 5, Layout::kNchw}, 24), 5, 2), 1, 3);
}

TEST_P(FullyConnected, FusesBiasAndRelu) {
  for (const bool bias : {false, true})
    for (const float slope : {-1.0f, 0.0f, 0.1f}) {
      SCOPED_TRACE(testing::Message() << "bias " << bias << " slope " << slope);
      FullyConnectedDesc desc = describe({64, 2, 2}, 40, bias);
      if (slope >= 0) desc.relu = ReluDesc{slope, bias ? 0.5f : std::numeric_limits<float>::infinity()};
      expect_right(Case(desc, 1, 5), 2);
      expect_right(Case(desc, 20, 6), 2);
    }
}

TEST_P(FullyConnected, GivesTheSameBitsForAnyNumberOfWorkersAndImages) {
  const FullyConnectedDesc desc = describe({150, 6, 6}, 72);
  const Case c(desc, 30, 12);
  const std::vector<float> together = run(c, 1);
  for (const int workers : {2, 3, 5, 64}) EXPECT_EQ(run(c, workers), together) << workers << " workers";
  const std::size_t features = c.input.size() / 30, outputs = together.size() / 30;
  for (std::size_t n = 0; n < 30; n += 7) {
    Case one = c;
    one.images = 1;
    one.input.assign(c.input.begin() + static_cast<std::ptrdiff_t>(n * features),
                     c.input.begin() + static_cast<std::ptrdiff_t>((n + 1) * features));
    const std::vector<float> alone = run(one, 2);
    EXPECT_TRUE(
        std::equal(alone.begin(), alone.end(), together.begin() + static_cast<std::ptrdiff_t>(n * outputs)))
        << "image " << n;
  }
}

TEST_P(FullyConnected, ScratchForABatchIsEnoughForEverySmallerOne) {
  const auto kernel = GetParam().create(describe({4096, 1, 1}, 64));
  for (int images = 1; images < 300; ++images)
    ASSERT_GE(kernel->scratch_bytes(images + 1), kernel->scratch_bytes(images));
}

TEST_P(FullyConnected, ANanSpoilsItsOwnImageOnly) {
  Case c(describe({48, 1, 1}, 40), 3, 3);
  c.desc.relu = ReluDesc{};
  const std::vector<float> clean = run(c, 1);
  c.input[48 + 7] = std::numeric_limits<float>::quiet_NaN();
  KernelRunner runner(GetParam().create(c.desc), c.weights);
  LaidOut input = lay_out(c.desc.input, 3, c.input), output(c.desc.output, 3);
  runner.run({&input}, output, 3);
  const std::vector<float> spoilt = output.to_nchw();
  for (std::size_t i = 0; i < spoilt.size(); ++i) {
    if (i / 40 == 1) {
      ASSERT_TRUE(std::isnan(spoilt[i])) << "at " << i;
    } else {
      ASSERT_EQ(spoilt[i], clean[i]) << "at " << i;
    }
  }
}

TEST_P(FullyConnected, DeclinesWhatItDoesNotCompute) {
  const FullyConnectedDesc good = describe({32, 2, 2}, 10);
  EXPECT_GT(GetParam().cost(good, 1), 0);
  FullyConnectedDesc desc = good;
  desc.output.layout = Layout::kNchw;
  EXPECT_LT(GetParam().cost(desc, 1), 0);
  desc = good;
  desc.input.type = DataType::kUInt8;
  EXPECT_LT(GetParam().cost(desc, 1), 0);
  EXPECT_LT(GetParam().cost(ConvDesc{}, 1), 0);
}

}  // namespace
}  // namespace octet::kernels
