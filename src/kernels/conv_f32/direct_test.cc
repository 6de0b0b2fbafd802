// Direct convolution on every instruction set of this machine against plain sums in double: the outputs,
// their padding lanes, and that neither workers nor the grouping of images change a bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <random>

#include "kernels/conv_f32/convolution.h"
#include "kernels/families.h"
#include "tests/support/tensors.h"
#include "tests/support/windows.h"

namespace octet::kernels {
namespace {

struct Implementation {
  const char* name;
  bool usable;
  double (*cost)(const OpDesc&, int);
  std::unique_ptr<Kernel> (*create)(const OpDesc&);
};

std::vector<Implementation> implementations() {
  std::vector<Implementation> all = {
      {"generic", true, conv_f32_direct_generic_cost, conv_f32_direct_generic}};
#ifdef OCTET_X86
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  all.push_back({"avx2", avx2, conv_f32_direct_avx2_cost, conv_f32_direct_avx2});
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
  all.push_back({"avx512", avx512, conv_f32_direct_avx512_cost, conv_f32_direct_avx512});
#endif
  return all;
}

/// A convolution in the order in which people say it; the output's size follows from the rest.
struct Case {
  std::int64_t in, height, width, out;
  WindowDesc window = {};
  std::int64_t groups = 1;
  Layout layout = Layout::kNchw16c;
  bool bias = true, residual = false;
  std::optional<float> slope = std::nullopt;
  float limit = std::numeric_limits<float>::infinity();  // of a ReLU

  ConvDesc desc() const {
    const auto size = [](std::int64_t n, std::int64_t pads, std::int64_t kernel, std::int64_t dilation,
                         std::int64_t stride) {
      return (n + pads - (kernel - 1) * dilation - 1) / stride + 1;
    };
    ConvDesc d;
    const WindowDesc& w = window;
    d.input = {in, height, width, layout};
    d.output = {out, size(height, w.pad_top + w.pad_bottom, w.kernel_h, w.dilation_h, w.stride_h),
                size(width, w.pad_left + w.pad_right, w.kernel_w, w.dilation_w, w.stride_w)};
    d.window = window;
    d.groups = groups;
    d.has_bias = bias;
    d.residual = residual;
    if (slope) d.relu = ReluDesc{*slope, limit};
    return d;
  }
};

WindowDesc square(std::int64_t kernel, std::int64_t stride = 1, std::int64_t pad = 0,
                  std::int64_t dilation = 1) {
  return {kernel, kernel, stride, stride, pad, pad, pad, pad, dilation, dilation};
}

std::string describe(const ConvDesc& d) {
  std::ostringstream s;
  const WindowDesc& w = d.window;
  s << (d.input.layout == Layout::kNchw ? "nchw " : "nchw16c ") << d.input.channels << "x" << d.input.height
    << "x" << d.input.width << " -> " << d.output.channels << "x" << d.output.height << "x" << d.output.width
    << ", kernel " << w.kernel_h << "x" << w.kernel_w << " stride " << w.stride_h << "x" << w.stride_w
    << " pad " << w.pad_top << "," << w.pad_left << "," << w.pad_bottom << "," << w.pad_right << " dilation "
    << w.dilation_h << "x" << w.dilation_w << " groups " << d.groups << (d.has_bias ? " bias" : "")
    << (d.residual ? " residual" : "");
  if (d.relu) s << " relu " << d.relu->slope << " limit " << d.relu->limit;
  return s.str();
}

/// Operands of one case, with values from a seed.
struct Problem {
  ConvDesc desc;
  int images;
  std::vector<float> input, weights, bias, shortcut;

  Problem(const ConvDesc& d, int batch, std::uint32_t seed) : desc(d), images(batch) {
    const auto count = [](std::int64_t n) { return static_cast<std::size_t>(n); };
    input = test::random_floats(count(batch * d.input.channels * d.input.pixels()), seed);
    weights = test::random_floats(
        count(d.output.channels * (d.input.channels / d.groups) * d.window.kernel_h * d.window.kernel_w),
        seed + 1);
    if (d.has_bias) bias = test::random_floats(count(d.output.channels), seed + 2);
    if (d.residual)
      shortcut = test::random_floats(count(batch * d.output.channels * d.output.pixels()), seed + 3);
  }

  float at(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const {
    const FeatureMap& m = desc.input;
    if (y < 0 || y >= m.height || x < 0 || x >= m.width) return 0;
    return input[static_cast<std::size_t>(((n * m.channels + c) * m.height + y) * m.width + x)];
  }

  std::vector<float> expected() const {
    const ConvDesc& d = desc;
    const WindowDesc& w = d.window;
    const std::int64_t in = d.input.channels / d.groups, out = d.output.channels / d.groups;
    std::vector<float> result;
    for (std::int64_t n = 0; n < images; ++n)
      for (std::int64_t k = 0; k < d.output.channels; ++k)
        for (std::int64_t y = 0; y < d.output.height; ++y)
          for (std::int64_t x = 0; x < d.output.width; ++x) {
            double sum = bias.empty() ? 0 : static_cast<double>(bias[static_cast<std::size_t>(k)]);
            for (std::int64_t c = 0; c < in; ++c)
              for (std::int64_t i = 0; i < w.kernel_h; ++i)
                for (std::int64_t j = 0; j < w.kernel_w; ++j)
                  sum += static_cast<double>(at(n, k / out * in + c,
                                                y * w.stride_h - w.pad_top + i * w.dilation_h,
                                                x * w.stride_w - w.pad_left + j * w.dilation_w)) *
                         static_cast<double>(weights[static_cast<std::size_t>(
                             ((k * in + c) * w.kernel_h + i) * w.kernel_w + j)]);
            if (d.residual) sum += static_cast<double>(shortcut[result.size()]);
            if (d.relu && sum < 0) sum *= static_cast<double>(d.relu->slope);
            if (d.relu) sum = std::min(sum, static_cast<double>(d.relu->limit));
            result.push_back(static_cast<float>(sum));
          }
    return result;
  }
};

struct Way {
  int workers = 1;
  std::int64_t extra_stride = 0;  // elements between images, as in a part of a concatenation
  bool in_place = false;          // the residual is the output's own memory
  int images_per_call = 0;        // 0: all
};

test::LaidOut compute(const Implementation& isa, const Problem& p, const Way& way) {
  const auto kernel = isa.create(p.desc);
  base::AlignedBuffer packed(kernel->packed_bytes());
  std::fill_n(packed.floats(), packed.size() / sizeof(float), std::nanf(""));
  const std::vector<std::span<const float>> weights = {p.weights, p.bias};
  kernel->pack(weights, {packed.data(), packed.size()});

  test::LaidOut input(p.desc.input, p.images, p.input);
  test::LaidOut output(p.desc.output, p.images, p.desc.output.elements() + way.extra_stride);
  test::LaidOut shortcut = p.desc.residual ? test::LaidOut(p.desc.output, p.images, p.shortcut)
                                           : test::LaidOut(p.desc.output, p.images);
  if (way.in_place) {
    for (int n = 0; n < p.images; ++n)
      std::copy_n(shortcut.floats() + n * shortcut.stride(), p.desc.output.elements(),
                  output.floats() + n * output.stride());
  }
  const int step = way.images_per_call > 0 ? way.images_per_call : p.images;
  for (int n = 0; n < p.images; n += step) {
    for (int worker = 0; worker < way.workers; ++worker) {
      Call call;
      call.images = std::min(step, p.images - n);
      base::AlignedBuffer scratch(std::max<std::size_t>(kernel->scratch_bytes(call.images), 64));
      std::fill_n(scratch.floats(), scratch.size() / sizeof(float), std::nanf(""));
      const auto operand = [&](test::LaidOut& t) {
        return Operand{reinterpret_cast<std::byte*>(t.floats() + n * t.stride()), t.stride()};
      };
      const Operand inputs[] = {operand(input), operand(way.in_place ? output : shortcut)};
      call.inputs = {inputs, p.desc.residual ? std::size_t{2} : std::size_t{1}};
      call.output = operand(output);
      call.weights = packed.data();
      call.scratch = scratch.data();
      call.worker = worker;
      call.workers = way.workers;
      kernel->run(call);
    }
  }
  return output;
}

void check(const ConvDesc& desc, int images, const std::vector<Way>& ways, std::uint32_t seed = 1) {
  const Problem problem(desc, images, seed);
  const std::vector<float> expected = problem.expected();
  for (const Implementation& isa : implementations()) {
    if (!isa.usable || isa.cost(desc, images) < 0) continue;
    std::vector<float> first;
    for (const Way& way : ways) {
      SCOPED_TRACE(testing::Message() << isa.name << ": " << describe(desc) << ", images " << images
                                      << ", workers " << way.workers << ", per call " << way.images_per_call
                                      << (way.in_place ? ", in place" : "") << ", seed " << seed);
      test::LaidOut output = compute(isa, problem, way);
      const std::vector<float> got = output.to_nchw();
      const test::Difference difference = test::compare(got, expected);
      ASSERT_LT(difference.max_error, 1e-5) << difference.text;
      ASSERT_TRUE(output.padding_is_zero());
      if (first.empty()) first = got;
      ASSERT_EQ(got, first) << "depends on the way of calling";
    }
  }
}

const std::vector<Way> kOne = {{.workers = 1}};
const std::vector<Way> kAllWays = {
    {.workers = 1}, {.workers = 2}, {.workers = 3, .extra_stride = 48}, {.workers = 2, .images_per_call = 1}};

TEST(DirectConvolution, PointwiseReadsInPlace) {
  for (std::int64_t size : {1, 2, 5, 7, 14, 15})
    for (std::int64_t channels : {16, 40, 272})
      check(Case{channels, size, size, 48, square(1)}.desc(), 3, kAllWays);
}

TEST(DirectConvolution, AllWidthsOfARow) {
  for (std::int64_t width = 1; width <= 30; ++width)
    check(Case{16, 3, width, 32, square(3, 1, 1)}.desc(), 1, kOne);
}

TEST(DirectConvolution, AllChannelTailsOfInputAndOutput) {
  for (std::int64_t channels = 1; channels <= 35; ++channels) {
    check(Case{channels, 5, 6, 20, square(3, 1, 1)}.desc(), 1, kOne);
    check(Case{20, 5, 6, channels, square(3, 1, 1)}.desc(), 1, kOne);
  }
}

TEST(DirectConvolution, PlanarInputOfFirstLayers) {
  for (std::int64_t channels = 1; channels <= 4; ++channels) {
    for (const WindowDesc& w :
         {square(11, 4), square(7, 2, 3), square(3, 1, 1), square(3, 2), square(1), square(5, 3, 2)}) {
      Case c{channels, 29, 35, 24, w};
      c.layout = Layout::kNchw;
      c.slope = 0;
      check(c.desc(), 2, kAllWays);
    }
  }
}

TEST(DirectConvolution, PlanarInputOfManyChannels) {
  Case c{70, 9, 10, 40, square(5, 1, 2)};
  c.layout = Layout::kNchw;
  check(c.desc(), 2, kAllWays);
}

TEST(DirectConvolution, KernelsStridesDilationsAndPads) {
  for (std::int64_t kernel : {1, 2, 3, 5, 7})
    for (std::int64_t stride : {1, 2, 3, 7})
      for (std::int64_t dilation : {1, 2, 3}) {
        const std::int64_t pad = (kernel - 1) * dilation / 2;
        check(Case{24, 19, 22, 32, square(kernel, stride, pad, dilation)}.desc(), 2,
              {{.workers = 1}, {.workers = 2}});
      }
}

TEST(DirectConvolution, RandomShapes) {
  const std::uint32_t seed = std::random_device{}();
  std::mt19937 engine(seed);
  const auto pick = [&](int low, int high) {
    return static_cast<std::int64_t>(std::uniform_int_distribution<int>(low, high)(engine));
  };
  for (int i = 0; i < 200; ++i) {
    Case c{pick(1, 70), pick(1, 24), pick(1, 40), pick(1, 100)};
    c.window = {pick(1, 5), pick(1, 5), pick(1, 4), pick(1, 4), pick(0, 4),
                pick(0, 4), pick(0, 4), pick(0, 4), pick(1, 3), pick(1, 3)};
    test::pad_to_fit(c.window, c.height, c.width);
    c.layout = pick(0, 3) == 0 ? Layout::kNchw : Layout::kNchw16c;
    c.bias = pick(0, 1) == 1;
    c.residual = pick(0, 1) == 1;
    if (pick(0, 1) == 1) c.slope = pick(0, 1) == 1 ? 0.0f : 0.1f;
    if (pick(0, 1) == 1) c.limit = 8;
    const Way way{.workers = static_cast<int>(pick(1, 3)),
                  .extra_stride = 16 * pick(0, 3),
                  .in_place = c.residual && pick(0, 1) == 1,
                  .images_per_call = static_cast<int>(pick(0, 2))};
    check(c.desc(), static_cast<int>(pick(1, 3)), {way, {.workers = 1}},
          seed + static_cast<std::uint32_t>(i));
    if (HasFatalFailure()) break;
  }
}

TEST(DirectConvolution, OneDimensionalKernels) {
  check(Case{32, 17, 23, 48, {1, 7, 1, 1, 0, 3, 0, 3}}.desc(), 2, kAllWays);
  check(Case{32, 17, 23, 48, {7, 1, 1, 1, 3, 0, 3, 0}}.desc(), 2, kAllWays);
  check(Case{16, 1, 900, 16, {1, 9, 1, 2, 0, 4, 0, 4}}.desc(), 1, kAllWays);
}

TEST(DirectConvolution, KernelLargerThanTheInput) {
  check(Case{20, 2, 3, 24, {7, 9, 1, 1, 4, 5, 3, 4}}.desc(), 2, kAllWays);
  check(Case{20, 2, 3, 24, square(1, 1, 3)}.desc(), 2, kAllWays);  // outputs that see padding only
  check(Case{512, 6, 6, 40, square(6)}.desc(), 3,
        kAllWays);  // a fully connected layer written as convolution
}

TEST(DirectConvolution, GroupsOfWholeAndOfPartialBlocks) {
  check(Case{96, 13, 13, 256, square(5, 1, 2), 2}.desc(), 1, kAllWays);
  check(Case{64, 9, 9, 144, square(3, 2, 1), 4}.desc(), 2, kAllWays);
  check(Case{36, 9, 9, 48, square(3, 1, 1), 3}.desc(), 2, kAllWays);
  check(Case{10, 5, 5, 20, square(3, 1, 1), 10}.desc(), 1, kAllWays);
  Case planar{4, 9, 9, 64, square(3, 1, 1), 2};
  planar.layout = Layout::kNchw;
  check(planar.desc(), 2, kAllWays);
}

TEST(DirectConvolution, Depthwise) {
  for (std::int64_t channels : {3, 16, 40})
    for (const WindowDesc& w : {square(3, 1, 1), square(3, 2, 1), square(5, 1, 4), square(3, 1, 2, 2),
                                square(1), square(3, 5, 3)}) {
      Case c{channels, 11, 13, channels, w, channels};
      c.residual = true;
      c.slope = 0.25f;
      check(c.desc(), 2, kAllWays);
    }
  check(Case{16, 1, 2, 16, square(3, 1, 2), 16}.desc(), 1, kAllWays);
}

TEST(DirectConvolution, ResidualInPlaceAcrossChunks) {
  for (bool relu : {false, true}) {
    Case c{1100, 7, 7, 48, square(1)};
    c.residual = true;
    if (relu) c.slope = 0;
    check(c.desc(), 3, {{.workers = 2, .extra_stride = 32, .in_place = true}, {.workers = 1}});
    c.window = square(3, 1, 1);
    check(c.desc(), 1, {{.workers = 2, .in_place = true}, {.workers = 1}});
  }
}

TEST(DirectConvolution, NotANumberReachesItsOutputsOnly) {
  Case c{16, 8, 8, 32, square(3, 1, 1)};
  c.slope = 0;
  Problem problem(c.desc(), 1, 5);
  problem.input[8 * 3 + 3] = std::nanf("");
  for (const Implementation& isa : implementations()) {
    if (!isa.usable) continue;
    test::LaidOut output = compute(isa, problem, {});
    for (std::int64_t y = 0; y < 8; ++y)
      for (std::int64_t x = 0; x < 8; ++x)
        ASSERT_EQ(std::isnan(output.at(0, 17, y * 8 + x)), std::abs(y - 3) <= 1 && std::abs(x - 3) <= 1)
            << isa.name << " at " << y << ", " << x;
  }
}

TEST(DirectConvolution, FastKernelsTakeAllButPartialGroups) {
  const ConvDesc plain = Case{3, 8, 8, 20, square(3)}.desc(), odd = Case{36, 9, 9, 48, square(3), 3}.desc();
  for (const Implementation& isa : implementations()) {
    EXPECT_GT(isa.cost(plain, 1), 0);
    EXPECT_EQ(isa.cost(odd, 1) > 0, isa.name == std::string("generic"));
    EXPECT_LT(isa.cost(OpDesc(PoolDesc{}), 1), 0);
  }
}

}  // namespace
}  // namespace octet::kernels
