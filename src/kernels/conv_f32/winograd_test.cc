// Winograd's convolution against plain loops in double precision, on every instruction set of this machine.
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

// The promise: 1e-5 of the output's range for a layer of the study's depth (measured: 3.3e-6).
constexpr double kErrorBound = 1e-5;

struct Shape {
  std::int64_t channels, outputs, height, width;
  int images = 1;
  std::int64_t pad_top = 1, pad_left = 1, pad_bottom = 1, pad_right = 1;
  std::int64_t kernel = 3, stride = 1, groups = 1;
  Layout layout = Layout::kNchw16c;
};
std::ostream& operator<<(std::ostream& out, const Shape& s) {
  return out << s.channels << "->" << s.outputs << " " << s.height << "x" << s.width << " images " << s.images
             << " pads " << s.pad_top << s.pad_left << s.pad_bottom << s.pad_right << " kernel " << s.kernel
             << " stride " << s.stride << " groups " << s.groups;
}

ConvDesc describe(const Shape& s) {
  const auto outputs = [&](std::int64_t inputs, std::int64_t pads) {
    return (inputs + pads - s.kernel) / s.stride + 1;
  };
  ConvDesc desc;
  desc.input = {s.channels, s.height, s.width, s.layout};
  desc.output = {s.outputs, outputs(s.height, s.pad_top + s.pad_bottom),
                 outputs(s.width, s.pad_left + s.pad_right)};
  desc.window = {s.kernel,   s.kernel,     s.stride,    s.stride, s.pad_top,
                 s.pad_left, s.pad_bottom, s.pad_right, 1,        1};
  desc.groups = s.groups;
  return desc;
}

/// A layer with random values and its outputs as double loops find them.
struct Case {
  Case(const Shape& shape, const ConvDesc& conv, std::uint32_t seed)
      : images(shape.images),
        desc(conv),
        input(random(images * conv.input.channels * conv.input.pixels(), seed)) {
    const std::int64_t outputs = desc.output.channels;
    weights.push_back(random(outputs * depth(), seed + 1));
    if (desc.has_bias) weights.push_back(random(outputs, seed + 2));
    if (desc.residual) residual = random(images * outputs * desc.output.pixels(), seed + 3);
  }

  std::vector<float> expected() const {
    const FeatureMap& out = desc.output;
    std::vector<float> result;
    for (std::int64_t n = 0; n < images; ++n)
      for (std::int64_t k = 0; k < out.channels; ++k)
        for (std::int64_t y = 0; y < out.height; ++y)
          for (std::int64_t x = 0; x < out.width; ++x) {
            double sum = convolve(n, k, y, x) + (desc.has_bias ? weights[1][index(k)] : 0);
            if (desc.residual) sum += residual[result.size()];
            if (desc.relu) {
              sum = std::max(sum, 0.0) + double{desc.relu->slope} * std::min(sum, 0.0);
              sum = std::min(sum, double{desc.relu->limit});
            }
            result.push_back(static_cast<float>(sum));
          }
    return result;
  }

  int images;
  ConvDesc desc;
  std::vector<float> input, residual;
  std::vector<std::vector<float>> weights;

 private:
  /// Weights of one output channel.
  std::int64_t depth() const {
    return desc.input.channels / desc.groups * desc.window.kernel_h * desc.window.kernel_w;
  }
  double convolve(std::int64_t n, std::int64_t k, std::int64_t y, std::int64_t x) const {
    const FeatureMap& in = desc.input;
    const WindowDesc& w = desc.window;
    const std::int64_t channels = in.channels / desc.groups;
    const std::int64_t first = k / (desc.output.channels / desc.groups) * channels;
    double sum = 0;
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t i = 0; i < w.kernel_h; ++i)
        for (std::int64_t j = 0; j < w.kernel_w; ++j) {
          const std::int64_t row = y * w.stride_h + i - w.pad_top, column = x * w.stride_w + j - w.pad_left;
          if (row < 0 || row >= in.height || column < 0 || column >= in.width) continue;
          const std::int64_t at = ((n * in.channels + first + c) * in.height + row) * in.width + column;
          sum += double{weights[0][index(k * depth() + (c * w.kernel_h + i) * w.kernel_w + j)]} *
                 input[index(at)];
        }
    return sum;
  }
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

/// Every output of 1 to 16 pixels a side, so every mixture of whole and short tiles, for a kernel of `size`.
std::vector<Shape> all_map_sizes(std::int64_t size) {
  std::vector<Shape> shapes;
  for (std::int64_t height = 1; height <= 16; ++height)
    for (std::int64_t width = 1; width <= 16; ++width)
      shapes.push_back({.channels = 16,
                        .outputs = 16,
                        .height = height + size - 2,
                        .width = width + size - 2,
                        .images = static_cast<int>(1 + width % 3),
                        .pad_top = height % 2,
                        .pad_left = 1,
                        .pad_bottom = 1 - height % 2,
                        .pad_right = 0,
                        .kernel = size});
  return shapes;
}

TEST_P(Winograd, IsRightForEveryKernelAndMapSize) {
  for (const std::int64_t kernel : {3, 4, 5})
    for (const Shape& shape : all_map_sizes(kernel)) {
      SCOPED_TRACE(testing::Message() << shape);
      ConvDesc desc = describe(shape);
      desc.residual = shape.width % 2 == 0;
      const auto seed = static_cast<std::uint32_t>(kernel * 1000 + shape.height * 20 + shape.width);
      expect_right(Case(shape, desc, seed), 1 + static_cast<int>(shape.width % 4), 16);
    }
}

TEST_P(Winograd, IsRightForGroups) {
  for (const std::int64_t kernel : {3, 5})
    for (const std::int64_t groups : {2, 3})
      for (const std::int64_t inputs : {16, 48})
        for (const std::int64_t outputs : {16, 48, 64})
          for (const int workers : {1, 2, 5}) {
            const Shape shape = {.channels = inputs * groups,
                                 .outputs = outputs * groups,
                                 .height = 9,
                                 .width = 13,
                                 .images = 2,
                                 .kernel = kernel,
                                 .groups = groups};
            SCOPED_TRACE(testing::Message() << shape);
            ConvDesc desc = describe(shape);
            desc.has_bias = true;
            desc.residual = groups == 2;
            desc.relu = ReluDesc{};
            const auto seed = static_cast<std::uint32_t>(kernel * groups + inputs + outputs);
            expect_right(Case(shape, desc, seed), workers);
          }
}

TEST_P(Winograd, IsRightForStridedPlanarInputs) {
  struct Window {
    std::int64_t kernel, stride, pad;
  };
  for (const Window& w :
       {Window{11, 4, 0}, Window{11, 4, 2}, Window{7, 2, 3}, Window{7, 2, 0}, Window{8, 2, 1},
        Window{9, 2, 4}, Window{5, 2, 2}, Window{3, 1, 1}, Window{5, 1, 2}, Window{20, 8, 3}})
    for (const std::int64_t channels : {1, 3, 6})
      for (std::int64_t size = 34; size <= 49; size += 3) {
        const Shape shape = {.channels = channels,
                             .outputs = 40,
                             .height = size,
                             .width = size + 5,
                             .images = 2,
                             .pad_top = w.pad,
                             .pad_left = w.pad,
                             .pad_bottom = w.pad,
                             .pad_right = w.pad / 2,
                             .kernel = w.kernel,
                             .stride = w.stride,
                             .layout = Layout::kNchw};
        SCOPED_TRACE(testing::Message() << shape);
        ConvDesc desc = describe(shape);
        desc.has_bias = true;
        expect_right(Case(shape, desc, static_cast<std::uint32_t>(size)), 1 + static_cast<int>(size % 3), 16);
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
        if (!desc.relu) continue;
        desc.relu->limit = 8;
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
  Shape grouped = {64, 96, 13, 13, 5}, wide = {16, 48, 27, 27, 3, 2, 2, 2, 2, 5};
  grouped.groups = 2;
  const Shape planar = {.channels = 3,
                        .outputs = 96,
                        .height = 67,
                        .width = 59,
                        .images = 3,
                        .pad_top = 0,
                        .pad_left = 0,
                        .pad_bottom = 0,
                        .pad_right = 0,
                        .kernel = 11,
                        .stride = 4,
                        .layout = Layout::kNchw};
  for (const Shape& shape :
       {Shape{16, 80, 14, 14, 5}, Shape{32, 48, 7, 7, 5}, Shape{16, 32, 30, 27, 3}, grouped, wide, planar}) {
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
  Shape grouped = {384, 32, 13, 13}, conv2 = {96, 32, 27, 27, 1, 2, 2, 2, 2, 5}, deep = {192, 32, 28, 28};
  grouped.groups = conv2.groups = 2, deep.kernel = 4;
  for (const Shape& shape :
       {Shape{512, 32, 14, 14}, Shape{256, 64, 12, 12}, Shape{64, 64, 24, 24}, grouped, conv2, deep}) {
    SCOPED_TRACE(testing::Message() << shape);
    expect_right(Case(shape, describe(shape), 21), 1);
  }
}

TEST_P(Winograd, ANanSpoilsOnlyTilesWhosePatchHoldsIt) {
  const Shape shape = {16, 16, 20, 20, 2};  // tiles of 4
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
  EXPECT_TRUE(declined([](ConvDesc& d) { d.window.stride_h = d.window.stride_w = 2; }));
  EXPECT_TRUE(declined([](ConvDesc& d) { d.window.kernel_h = 5; }));
  EXPECT_TRUE(declined([](ConvDesc& d) { d.window.kernel_w = 1; }));
  EXPECT_TRUE(declined([](ConvDesc& d) { d.window.kernel_h = d.window.kernel_w = 2; }));
  EXPECT_TRUE(declined([](ConvDesc& d) { d.window.kernel_h = d.window.kernel_w = 6; }));
  EXPECT_TRUE(declined([](ConvDesc& d) { d.window.dilation_w = 2; }));
  EXPECT_TRUE(declined([](ConvDesc& d) { d.groups = 4; }));
  EXPECT_TRUE(declined([](ConvDesc& d) { d.input.channels = 8; }));
  const auto planar = [&](auto change) {
    return declined([&](ConvDesc& d) {
      d.input.channels = 3;
      d.input.layout = Layout::kNchw;
      d.window.kernel_h = d.window.kernel_w = 12;
      d.window.stride_h = d.window.stride_w = 4;
      change(d.window);
    });
  };
  EXPECT_FALSE(planar([](WindowDesc&) {}));
  EXPECT_TRUE(planar([](WindowDesc& w) { w.stride_w = 2; }));
  EXPECT_TRUE(planar([](WindowDesc& w) { w.stride_h = w.stride_w = 3; }));
  EXPECT_TRUE(planar([](WindowDesc& w) { w.kernel_h = w.kernel_w = 21; }));
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
