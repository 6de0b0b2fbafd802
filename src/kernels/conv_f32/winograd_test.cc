// Winograd's F(4x4, 3x3) against plain loops in double precision, on every instruction set of this machine.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <ostream>
#include <string>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"

namespace octet::kernels {
namespace {

using test::KernelRunner;
using test::LaidOut;
using test::lay_out;
using test::random_floats;

// The promise: 1e-5 of the output's range for a layer of the study's depth (measured: 3.1e-6).
constexpr double kErrorBound = 1e-5;

struct Shape {
  std::int64_t channels, outputs, height, width;
  int images = 1;
  std::int64_t pad_top = 1, pad_left = 1, pad_bottom = 1, pad_right = 1;
};
std::ostream& operator<<(std::ostream& out, const Shape& s) {
  return out << s.channels << "->" << s.outputs << " " << s.height << "x" << s.width << " images " << s.images
             << " pads " << s.pad_top << s.pad_left << s.pad_bottom << s.pad_right;
}

ConvDesc describe(const Shape& s) {
  ConvDesc desc;
  desc.input = {s.channels, s.height, s.width};
  desc.output = {s.outputs, s.height + s.pad_top + s.pad_bottom - 2, s.width + s.pad_left + s.pad_right - 2};
  desc.window = {3, 3, 1, 1, s.pad_top, s.pad_left, s.pad_bottom, s.pad_right, 1, 1};
  return desc;
}

/// A layer with random values and its outputs as double loops find them.
struct Case {
  Case(const Shape& shape, const ConvDesc& conv, std::uint32_t seed)
      : images(shape.images),
        desc(conv),
        input(random(images * conv.input.channels * conv.input.pixels(), seed)) {
    const std::int64_t outputs = desc.output.channels;
    weights.push_back(random(outputs * desc.input.channels * 9, seed + 1));
    if (desc.has_bias) weights.push_back(random(outputs, seed + 2));
    if (desc.residual) residual = random(images * outputs * desc.output.pixels(), seed + 3);
  }

  std::vector<float> expected() const {
    const FeatureMap &in = desc.input, &out = desc.output;
    std::vector<float> result;
    for (std::int64_t n = 0; n < images; ++n)
      for (std::int64_t k = 0; k < out.channels; ++k)
        for (std::int64_t y = 0; y < out.height; ++y)
          for (std::int64_t x = 0; x < out.width; ++x) {
            double sum = desc.has_bias ? weights[1][index(k)] : 0;
            for (std::int64_t c = 0; c < in.channels; ++c)
              for (std::int64_t i = 0; i < 3; ++i)
                for (std::int64_t j = 0; j < 3; ++j) {
                  const std::int64_t row = y + i - desc.window.pad_top, column = x + j - desc.window.pad_left;
                  if (row < 0 || row >= in.height || column < 0 || column >= in.width) continue;
                  const std::int64_t at = ((n * in.channels + c) * in.height + row) * in.width + column;
                  sum +=
                      double{weights[0][index(((k * in.channels + c) * 3 + i) * 3 + j)]} * input[index(at)];
                }
            if (desc.residual) sum += residual[result.size()];
            if (desc.relu) sum = std::max(sum, 0.0) + double{desc.relu->slope} * std::min(sum, 0.0);
            result.push_back(static_cast<float>(sum));
          }
    return result;
  }

  int images;
  ConvDesc desc;
  std::vector<float> input, residual;
  std::vector<std::vector<float>> weights;

 private:
  static std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }
  static std::vector<float> random(std::int64_t count, std::uint32_t seed) {
    return random_floats(index(count), seed);
  }
};

class Winograd : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!test::machine_has(GetParam())) GTEST_SKIP() << "this CPU lacks " << to_string(GetParam());
  }
  std::unique_ptr<Kernel> create(const ConvDesc& desc) const {
    return GetParam() == Isa::kAvx2 ? conv_f32_winograd_avx2(desc) : conv_f32_winograd_avx512(desc);
  }
  double cost(const OpDesc& desc, int images) const {
    return GetParam() == Isa::kAvx2 ? conv_f32_winograd_avx2_cost(desc, images)
                                    : conv_f32_winograd_avx512_cost(desc, images);
  }

  /// The outputs with `workers` workers; checks what lies around them too.
  std::vector<float> run(const Case& c, int workers, std::int64_t gap = 0) const {
    KernelRunner runner(create(c.desc), c.weights);
    LaidOut input = lay_out(c.desc.input, c.images, c.input, gap);
    LaidOut output(c.desc.output, c.images, c.desc.output.elements() + gap);
    if (c.desc.residual) {
      LaidOut residual = lay_out(c.desc.output, c.images, c.residual, 2 * gap);
      runner.run({&input, &residual}, output, c.images, workers);
    } else {
      runner.run({&input}, output, c.images, workers);
    }
    EXPECT_TRUE(output.padding_is_zero());
    EXPECT_TRUE(test::gaps_untouched(output, c.images));
    return output.to_nchw();
  }
  void expect_right(const Case& c, int workers, std::int64_t gap = 0) const {
    const test::Difference difference = test::compare(run(c, workers, gap), c.expected());
    EXPECT_LE(difference.max_error, kErrorBound) << difference.text;
  }
};

std::string isa_name(const testing::TestParamInfo<Isa>& info) { return to_string(info.param); }
INSTANTIATE_TEST_SUITE_P(Isas, Winograd, testing::Values(Isa::kAvx2, Isa::kAvx512), isa_name);

TEST_P(Winograd, IsRightForEveryHeightAndWidthWithoutPadding) {
  for (std::int64_t height = 3; height <= 22; ++height)
    for (std::int64_t width = 3 + height % 4; width <= 22; width += 3) {
      const Shape shape = {16, 16, height, width, 1, 0, 0, 0, 0};
      SCOPED_TRACE(testing::Message() << shape);
      expect_right(Case(shape, describe(shape), static_cast<std::uint32_t>(height * 100 + width)), 1);
    }
}

TEST_P(Winograd, IsRightForEverySmallOutputAndPadding) {
  std::uint32_t seed = 1;
  for (std::int64_t height = 1; height <= 9; ++height)
    for (std::int64_t pad = 0; pad < 81; pad += 2) {
      const Shape shape = {16,          32,          height,  1 + (height * 5 + pad) % 9, 1, pad % 3,
                           pad / 3 % 3, pad / 9 % 3, pad / 27};
      if (describe(shape).output.height < 1 || describe(shape).output.width < 1) continue;
      SCOPED_TRACE(testing::Message() << shape);
      expect_right(Case(shape, describe(shape), ++seed), 1);
    }
}

TEST_P(Winograd, IsRightWherePaddingIsWiderThanThePatch) {
  const Shape shape = {16, 16, 2, 3, 2, 9, 0, 1, 12};
  expect_right(Case(shape, describe(shape), 5), 2);
}

TEST_P(Winograd, IsRightForChannelsThatFillNoBlock) {
  for (const std::int64_t channels : {16, 17, 24, 40, 67})
    for (const std::int64_t outputs : {1, 15, 16, 17, 31, 32, 33, 48, 50, 96}) {
      const Shape shape = {channels, outputs, 9, 7};
      SCOPED_TRACE(testing::Message() << shape);
      ConvDesc desc = describe(shape);
      desc.has_bias = true;
      expect_right(Case(shape, desc, static_cast<std::uint32_t>(channels * 100 + outputs)), 1);
    }
}

TEST_P(Winograd, FusesBiasResidualAndRelu) {
  const Shape shape = {20, 40, 10, 11, 2};
  for (const bool bias : {false, true})
    for (const bool residual : {false, true})
      for (const float slope : {-1.0f, 0.0f, 0.1f}) {
        SCOPED_TRACE(testing::Message() << "bias " << bias << " residual " << residual << " slope " << slope);
        ConvDesc desc = describe(shape);
        desc.has_bias = bias;
        desc.residual = residual;
        if (slope >= 0) desc.relu = ReluDesc{slope};
        expect_right(Case(shape, desc, 7), 2, 64);
      }
}

TEST_P(Winograd, ResidualMayBeTheOutputItself) {
  const Shape shape = {16, 32, 13, 13, 3};
  ConvDesc desc = describe(shape);
  desc.residual = true;
  desc.relu = ReluDesc{};
  const Case c(shape, desc, 3);
  EXPECT_TRUE(create(desc)->in_place(1));
  EXPECT_FALSE(create(desc)->in_place(0));
  KernelRunner runner(create(desc), c.weights);
  LaidOut input = lay_out(desc.input, c.images, c.input);
  LaidOut output = lay_out(desc.output, c.images, c.residual);
  runner.run({&input, &output}, output, c.images, 2);
  const test::Difference difference = test::compare(output.to_nchw(), c.expected());
  EXPECT_LE(difference.max_error, kErrorBound) << difference.text;
}

TEST_P(Winograd, GivesTheSameBitsForAnyNumberOfWorkersAndImages) {
  for (const Shape& shape : {Shape{16, 80, 14, 14, 5}, Shape{32, 48, 7, 7, 5}, Shape{16, 32, 30, 27, 3}}) {
    SCOPED_TRACE(testing::Message() << shape);
    ConvDesc desc = describe(shape);
    desc.has_bias = true;
    const Case c(shape, desc, 11);
    const std::vector<float> together = run(c, 1);
    for (const int workers : {2, 3, 4, 7, 64}) EXPECT_EQ(run(c, workers), together) << workers << " workers";
    const std::size_t in_floats = c.input.size() / c.images, out_floats = together.size() / c.images;
    for (int n = 0; n < c.images; ++n) {
      Case one = c;
      one.images = 1;
      one.input.assign(c.input.begin() + n * in_floats, c.input.begin() + (n + 1) * in_floats);
      const std::vector<float> alone = run(one, 1 + n % 3);
      EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + n * out_floats)) << "image " << n;
    }
  }
}

TEST_P(Winograd, StaysWithinItsErrorBoundForDeepLayers) {
  for (const Shape& shape : {Shape{512, 32, 14, 14}, Shape{256, 64, 12, 12}, Shape{64, 64, 24, 24}}) {
    SCOPED_TRACE(testing::Message() << shape);
    expect_right(Case(shape, describe(shape), 21), 1);
  }
}

TEST_P(Winograd, ANanSpoilsOnlyTilesWhosePatchHoldsIt) {
  const Shape shape = {16, 16, 20, 20, 2};
  Case c(shape, describe(shape), 9);
  const std::vector<float> clean = run(c, 1);
  const std::int64_t row = 9, column = 14;  // of image 0, channel 5
  c.input[static_cast<std::size_t>((5 * 20 + row) * 20 + column)] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> spoilt = run(c, 1);
  const auto touches = [](std::int64_t tile, std::int64_t at) {
    return at >= tile * 4 - 1 && at <= tile * 4 + 4;
  };
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const auto x = static_cast<std::int64_t>(i % 20), y = static_cast<std::int64_t>(i / 20 % 20);
    const bool near = std::abs(x - column) <= 1 && std::abs(y - row) <= 1;
    if (i / 400 >= 16 || !touches(y / 4, row) || !touches(x / 4, column)) {
      ASSERT_EQ(spoilt[i], clean[i]) << "at " << i;
    } else if (near) {
      ASSERT_TRUE(std::isnan(spoilt[i])) << "at " << i;
    }
  }
}

TEST_P(Winograd, ReluLetsNanThrough) {
  const Shape shape = {16, 16, 4, 4};
  ConvDesc desc = describe(shape);
  desc.relu = ReluDesc{};
  Case c(shape, desc, 2);
  c.input[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(run(c, 1)[5]));
}

TEST_P(Winograd, DeclinesWhatItDoesNotCompute) {
  const ConvDesc good = describe({32, 32, 8, 8});
  EXPECT_GT(cost(good, 1), 0);
  const auto declined = [&](auto change) {
    ConvDesc desc = good;
    change(desc);
    return cost(desc, 1) < 0;
  };
  EXPECT_TRUE(declined([](ConvDesc& d) { d.window.stride_h = 2; }));
  EXPECT_TRUE(declined([](ConvDesc& d) { d.window.stride_w = 2; }));
  EXPECT_TRUE(declined([](ConvDesc& d) { d.window.kernel_h = 5; }));
  EXPECT_TRUE(declined([](ConvDesc& d) { d.window.kernel_w = 1; }));
  EXPECT_TRUE(declined([](ConvDesc& d) { d.window.dilation_w = 2; }));
  EXPECT_TRUE(declined([](ConvDesc& d) { d.groups = 2; }));
  EXPECT_TRUE(declined([](ConvDesc& d) { d.input.layout = Layout::kNchw; }));
  EXPECT_TRUE(declined([](ConvDesc& d) { d.input.channels = 8; }));
  EXPECT_LT(cost(PoolDesc{}, 1), 0);
}

TEST_P(Winograd, CostsMoreThanDirectOnlyWhereTheWeightsAreReadForFewTiles) {
  const double gflops = GetParam() == Isa::kAvx2 ? 100 : 112;
  const auto pays = [&](const Shape& s) {
    const double direct =
        2.0 * 9 * static_cast<double>(s.channels * s.outputs * s.height * s.width) / (gflops * 1e3);
    return cost(describe(s), s.images) < direct;
  };
  EXPECT_TRUE(pays({64, 64, 56, 56}));
  EXPECT_TRUE(pays({512, 512, 28, 28}));
  EXPECT_TRUE(pays({256, 256, 14, 14}));
  EXPECT_TRUE(pays({512, 512, 7, 7, 32}));
  EXPECT_FALSE(pays({512, 512, 7, 7, 1}));
}

}  // namespace
}  // namespace octet::kernels
