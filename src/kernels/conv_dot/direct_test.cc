// Direct convolution of integers: every instruction set of this machine gives the reference's very bytes, in
// all of the output's memory, whatever the workers and the grouping of images. reference_test.cc says that
// the reference is right.
#include <gtest/gtest.h>

#include <array>

#include "kernels/conv_dot/convolution.h"
#include "kernels/conv_dot/geometry.h"
#include "kernels/conv_dot/packing.h"
#include "kernels/conv_dot/test_same_bytes.h"
#include "kernels/families.h"

namespace octet::kernels {
namespace {

using conv_dot::Case;
using conv_dot::Named;
using conv_dot::square;
using conv_dot::Values;
using conv_dot::Way;

std::vector<Named> kernels_here() {
  std::vector<Named> all;
#ifdef OCTET_X86
  all = {{"avx2", {Isa::kAvx2, conv_i8_direct_avx2_cost, conv_i8_direct_avx2}},
         {"avx512", {Isa::kAvx512, conv_i8_direct_avx512_cost, conv_i8_direct_avx512}},
         {"avx512vnni", {Isa::kAvx512Vnni, conv_i8_direct_avx512vnni_cost, conv_i8_direct_avx512vnni}}};
#endif
  std::erase_if(all, [](const Named& k) { return !test::machine_has(k.variant.isa); });
  return all;
}

const std::vector<Way> kOne = {{.workers = 1}};
const std::vector<Way> kAllWays = {
    {.workers = 1}, {.workers = 2}, {.workers = 3, .gap = 48}, {.workers = 2, .images_per_call = 1}};

void check(conv_dot::Problem& problem, const std::vector<Way>& ways) {
  conv_dot::expect_reference_bytes(problem, ways, conv_i8_direct_generic, kernels_here());
}

void check(const Case& c, int images = 1, const std::vector<Way>& ways = kOne,
           Values values = Values::kRandom, std::uint32_t seed = 1) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  conv_dot::Problem problem(c.desc(), images, seed, values);
  check(problem, ways);
}

TEST(DirectConvolution, PointwiseReadsInPlace) {
  for (std::int64_t size : {1, 2, 5, 7, 14})
    for (std::int64_t channels : {16, 40, 272}) check({channels, size, size, 48, square(1)}, 5, kAllWays);
}

TEST(DirectConvolution, CountsAtLeastTheLayersOwnMultiplications) {
  Case picture{3, 20, 20, 32, square(7, 2, 3)};
  picture.picture = 4;
  for (const Case& c : {Case{32, 6, 6, 64, square(1)}, Case{32, 6, 6, 64, square(3, 1, 1)},
                        Case{32, 9, 9, 64, square(5, 1, 2)}, Case{30, 6, 6, 40, square(3, 2, 1)}, picture}) {
    const ConvDesc desc = c.desc();
    const auto macs = static_cast<std::int64_t>(conv_dot::macs(desc));
    for (const Named& kernel : kernels_here()) {
      const std::int64_t counted = kernel.variant.create(desc)->worker_macs(1, 0, 1);
      EXPECT_GE(counted, macs) << kernel.name << ": " << conv_dot::describe(desc);
      if (c.in == 32) {
        EXPECT_EQ(counted, macs) << kernel.name << ": " << conv_dot::describe(desc);
      }
    }
  }
}

// Pixels that see only the halo are computed once a tile.
TEST(DirectConvolution, PaddedPointwise) {
  for (std::int64_t size : {1, 5, 13, 30})
    for (std::int64_t pad : {1, 2, 20})
      for (std::int64_t stride : {1, 2})
        for (std::int64_t out : {10, 96}) {
          Case c{24, size, size + 1, out, square(1, stride, pad)};
          c.zero_in = 3, c.zero_out = 7;
          check(c, 3, kAllWays);
          c.output_part = 32;
          c.output = DataType::kFloat32;
          check(c, 3, kAllWays);
        }
  Case c{24, 5, 5, 48, square(1, 1, 1)};
  c.halo_by_channel = true;
  check(c, 3, kAllWays);
  c.bias_map = true;
  check(c, 3, kAllWays);
  c.bias_map = false, c.residual = true;
  check(c, 3, kAllWays);
}

TEST(DirectConvolution, AllChannelTailsOfTheInput) {
  for (std::int64_t channels = 1; channels <= 70; ++channels) {
    check({channels, 5, 6, 20, square(3, 1, 1)});
    check({channels, 3, 4, 20, square(1)});
  }
}

TEST(DirectConvolution, AllChannelTailsOfTheOutput) {
  for (std::int64_t channels = 1; channels <= 150; ++channels) {
    Case c{20, 3, 5, channels, square(1)};
    c.zero_out = 7;
    check(c);
  }
}

TEST(DirectConvolution, AllNumbersOfPixels) {
  for (std::int64_t pixels = 1; pixels <= 40; ++pixels)
    for (std::int64_t out : {16, 32, 48, 64}) check({12, 1, pixels, out, {1, 3, 1, 1, 0, 1, 0, 1}}, 1);
}

TEST(DirectConvolution, ExtremeValues) {
  for (Values values : {Values::kZeros, Values::kLargest, Values::kTies, Values::kSmall})
    for (std::int64_t channels : {3, 16, 130})
      for (std::int32_t zero : {0, 128, 255}) {
        Case c{channels, 6, 7, 80, square(3, 1, 1)};
        c.zero_in = c.zero_out = zero;
        check(c, 2, {{.workers = 2}}, values);
        c.residual = true;
        c.zero_residual = 255 - zero;
        check(c, 2, {{.workers = 2}}, values);
      }
}

TEST(DirectConvolution, OutputsFarBeyondTheIntegers) {
  for (bool residual : {false, true})
    for (std::int64_t out : {16, 32, 48, 64}) {
      Case c{16, 6, 7, out, square(3, 1, 1)};
      c.residual = residual;
      conv_dot::Problem problem(c.desc(), 1, 1);
      // One channel is enough to take a panel from the conversions that saturate.
      problem.multipliers[3] = 1e9f;
      problem.multipliers[7] = 0.7f;
      check(problem, {{.workers = 1}});
    }
}

TEST(DirectConvolution, ResidualsOfHugeScale) {
  Case c{16, 6, 7, 64, square(1)};
  c.residual = true;
  conv_dot::Problem problem(c.desc(), 1, 1);
  problem.desc.residual_map.quantization.scale = 1e10f;
  check(problem, {{.workers = 1}});
}

TEST(DirectConvolution, KernelsStridesDilationsAndPads) {
  for (std::int64_t kernel : {1, 2, 3, 5, 7})
    for (std::int64_t stride : {1, 2, 3, 7})
      for (std::int64_t dilation : {1, 2, 3}) {
        Case c{24, 19, 22, 32, square(kernel, stride, (kernel - 1) * dilation / 2, dilation)};
        c.zero_in = 33;
        check(c, 2, {{.workers = 2}});
      }
}

TEST(DirectConvolution, WindowsInsideTheMapNeedNoCopy) {
  for (std::int64_t kernel : {2, 3, 5})
    for (std::int64_t stride : {1, 2, 4}) check({36, 13, 14, 40, square(kernel, stride)}, 2, kAllWays);
}

TEST(DirectConvolution, OneDimensionalKernels) {
  check({32, 17, 23, 48, {1, 7, 1, 1, 0, 3, 0, 3}}, 2, kAllWays);
  check({32, 17, 23, 48, {7, 1, 1, 1, 3, 0, 3, 0}}, 2, kAllWays);
  check({16, 1, 900, 16, {1, 9, 1, 2, 0, 4, 0, 4}}, 1, kAllWays);
}

TEST(DirectConvolution, KernelLargerThanTheInput) {
  Case c{20, 2, 3, 24, {7, 9, 1, 1, 4, 5, 3, 4}};
  c.zero_in = 200;
  check(c, 2, kAllWays);
  c.window = square(1, 1, 3);  // outputs that see the halo only
  check(c, 2, kAllWays);
  check({512, 6, 6, 40, square(6)}, 3, kAllWays);
}

TEST(DirectConvolution, AsymmetricPads) {
  Case c{16, 8, 9, 32, {3, 3, 1, 1, 2, 0, 1, 3}};
  c.zero_in = 9;
  check(c, 3, kAllWays);
  c.window = {3, 3, 2, 2, 0, 2, 3, 0};
  check(c, 3, kAllWays);
}

TEST(DirectConvolution, PicturesOfThreeAndFourBytesAPixel) {
  for (std::int64_t channels = 1; channels <= 4; ++channels)
    for (std::int64_t step = std::max<std::int64_t>(channels, 3); step <= 4; ++step)
      for (const WindowDesc& w :
           {square(11, 4), square(7, 2, 3), square(3, 1, 1), square(3, 2), square(1), square(5, 3, 2, 2)}) {
        Case c{channels, 29, 35, 24, w};
        c.picture = step;
        c.slope = 0;
        c.halo_by_channel = true;
        check(c, 2, kAllWays);
      }
}

TEST(DirectConvolution, MeanImagesMakeTheBiasAMap) {
  for (std::int64_t pad : {0, 3})
    for (bool halo : {false, true}) {
      Case c{3, 23, 20, 72, square(7, 2, pad)};
      c.picture = 4;
      c.bias_map = true;
      c.halo_by_channel = halo;
      check(c, 3, kAllWays);
    }
}

TEST(DirectConvolution, GroupsOfWholeBlocks) {
  check({96, 13, 13, 256, square(5, 1, 2), 2}, 1, kAllWays);
  check({64, 9, 9, 144 * 4, square(3, 2, 1), 4}, 2, kAllWays);
  check({36, 9, 9, 48, square(3, 1, 1), 3}, 2, kAllWays);
  check({24, 5, 5, 160, square(1), 2}, 2, kAllWays);
}

TEST(DirectConvolution, PartsOfConcatenations) {
  for (std::int64_t kernel : {1, 3}) {
    Case c{40, 9, 7, 72, square(kernel, 1, kernel / 2)};
    c.input_part = 16, c.output_part = 48, c.residual_part = 32;
    check(c, 3, kAllWays);
    c.residual = true;
    check(c, 3, kAllWays);
  }
}

TEST(DirectConvolution, ResidualsOfAnotherScale) {
  for (std::int32_t zero : {0, 128})
    for (std::optional<float> slope :
         {std::optional<float>(), std::optional<float>(0), std::optional<float>(0.1f)}) {
      Case c{64, 7, 7, 80, square(1)};
      c.residual = true;
      c.zero_out = zero, c.zero_residual = 128 - zero, c.slope = slope;
      check(c, 3, kAllWays);
      c.window = square(3, 1, 1);
      check(c, 1, {{.workers = 2, .in_place = true}, {.workers = 1, .gap = 16, .in_place = true}});
    }
}

TEST(DirectConvolution, LeakyReluAroundAnyZeroPoint) {
  for (std::int32_t zero : {0, 1, 100, 255}) {
    Case c{20, 6, 6, 40, square(3, 1, 1)};
    c.slope = 0.1f, c.zero_out = zero;
    check(c, 2, kAllWays);
  }
}

TEST(DirectConvolution, RealOutputs) {
  for (bool residual : {false, true})
    for (std::optional<float> slope :
         {std::optional<float>(), std::optional<float>(0), std::optional<float>(0.1f)})
      for (std::int64_t out : {1, 10, 100}) {
        Case c{40, 6, 5, out, square(3, 1, 1)};
        c.output = DataType::kFloat32;
        c.residual = residual, c.slope = slope, c.zero_in = 3;
        check(c, 3, kAllWays);
        if (residual) check(c, 3, {{.workers = 3, .in_place = true}});
      }
}

TEST(DirectConvolution, RandomShapes) {
  const std::uint32_t seed = std::random_device{}();
  conv_dot::RandomCases random(seed);
  for (int i = 0; i < 300 && !HasFatalFailure(); ++i) {
    const Case c = random.any(70, 24, 40, 140);
    check(c, random.images(), {random.way(c, 3)}, random.values(Values::kSmall),
          seed + static_cast<std::uint32_t>(i));
  }
}

TEST(DirectConvolution, GroupsOfAnyWidthAreMerged) {
  std::uint32_t seed = 900;
  for (const auto& [in, out, groups] : {std::array<std::int64_t, 3>{8, 8, 6},
                                        {24, 24, 4},
                                        {4, 4, 32},
                                        {80, 20, 3},
                                        {20, 80, 3},
                                        {6, 16, 3},
                                        {12, 8, 3},
                                        {1, 1, 32},
                                        {1, 2, 24},
                                        {3, 5, 7}}) {
    Case c{in * groups, 9, 8, out * groups, square(3, 1, 1), groups};
    c.zero_in = 3, c.halo_by_channel = true;
    check(c, 2, kAllWays, Values::kRandom, seed++);
    c.window = square(1), c.halo_by_channel = false, c.residual = true, c.slope = 0;
    check(c, 3, kAllWays, Values::kLargest, seed++);
    c.window = square(3, 2, 1), c.bias_map = true, c.output = DataType::kFloat32;
    check(c, 2, kOne, Values::kRandom, seed++);
  }
}

TEST(DirectConvolution, FastKernelsTakeAllConvolutions) {
  const ConvDesc plain = Case{3, 8, 8, 20, square(3)}.desc();
  const ConvDesc odd_input = Case{18, 9, 9, 48, square(3), 3}.desc();
  const ConvDesc odd_output = Case{36, 9, 9, 24, square(3), 3}.desc();
  const ConvDesc other_type = Case{16, 8, 8, 16, square(1), 1, DataType::kInt16, DataType::kInt16}.desc();
  for (const Named& kernel : kernels_here()) {
    for (const ConvDesc& desc : {plain, odd_input, odd_output}) {
      EXPECT_GT(kernel.variant.cost(desc, 1), 0) << kernel.name;
      EXPECT_LT(kernel.variant.cost(desc, 1), conv_i8_direct_generic_cost(desc, 1) / 10) << kernel.name;
    }
    EXPECT_LT(kernel.variant.cost(other_type, 1), 0) << kernel.name;
    EXPECT_LT(kernel.variant.cost(OpDesc(PoolDesc{}), 1), 0) << kernel.name;
  }
}

TEST(Panels, AreWideAndEndInNoSingleVectorAfterAWideOne) {
  using conv_dot::cut_into_panels;
  EXPECT_EQ(cut_into_panels(16, 64), std::vector({16}));
  EXPECT_EQ(cut_into_panels(80, 64), std::vector({48, 32}));
  EXPECT_EQ(cut_into_panels(192, 64), std::vector({64, 64, 64}));
  EXPECT_EQ(cut_into_panels(112, 64), std::vector({64, 48}));
  EXPECT_EQ(cut_into_panels(48, 32), std::vector({32, 16}));
}

TEST(Panels, SaturationIsSeenAtItsVeryBound) {
  const auto saturates = [](std::vector<std::int8_t> w) {
    return conv_dot::can_saturate(reinterpret_cast<const std::byte*>(w.data()),
                                  static_cast<std::int64_t>(w.size()));
  };
  EXPECT_FALSE(saturates({127, 1, 64, 64}));
  EXPECT_TRUE(saturates({127, 2, 0, 0}));
  EXPECT_FALSE(saturates({1, 127, -127, -1}));
  EXPECT_FALSE(saturates({0, -128, 127, -128}));
  EXPECT_TRUE(saturates({0, 0, -128, -1}));
}

}  // namespace
}  // namespace octet::kernels
