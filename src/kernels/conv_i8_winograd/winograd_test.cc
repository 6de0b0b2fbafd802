// Exact INT8 Winograd: every instruction set of this machine gives the bytes of conv_dot's reference, in all
// of the output's memory, whatever the workers and the grouping of images, also where sums wrap and where the
// condition of contract.h excludes a layer. transforms_test.cc proves the parts.
#include <gtest/gtest.h>

#include "kernels/conv_dot/test_same_bytes.h"
#include "kernels/conv_i8_winograd/packing.h"
#include "kernels/conv_i8_winograd/test_matrices.h"
#include "kernels/conv_i8_winograd/winograd.h"
#include "kernels/families.h"

namespace octet::kernels {
namespace {

using conv_dot::Case;
using conv_dot::Named;
using conv_dot::square;
using conv_dot::Values;
using conv_dot::Way;

/// A kernel that keeps W, whatever the layer's size, where it can (windows of 3x3).
template <const conv_i8_winograd::InstructionSet& kIsa>
std::unique_ptr<Kernel> create_with_w(const OpDesc& desc) {
  using conv_i8_winograd::Stored;
  const auto& conv = std::get<ConvDesc>(desc);
  const bool whole = conv_i8_winograd::Subwindows(conv.window).count() == 1;
  return make_winograd(conv, kIsa, whole ? Stored::kW : Stored::kU);
}

std::vector<Named> kernels_here() {
  std::vector<Named> all;
#ifdef OCTET_X86
  using namespace conv_i8_winograd;
  all = {{"avx2", {Isa::kAvx2, conv_i8_winograd_avx2_cost, conv_i8_winograd_avx2}},
         {"avx512", {Isa::kAvx512, conv_i8_winograd_avx512_cost, conv_i8_winograd_avx512}},
         {"avx512vnni", {Isa::kAvx512Vnni, conv_i8_winograd_avx512vnni_cost, conv_i8_winograd_avx512vnni}},
         {"avx2, W", {Isa::kAvx2, conv_i8_winograd_avx2_cost, create_with_w<kAvx2>}},
         {"avx512, W", {Isa::kAvx512, conv_i8_winograd_avx512_cost, create_with_w<kAvx512>}},
         {"avx512vnni, W", {Isa::kAvx512Vnni, conv_i8_winograd_avx512vnni_cost, create_with_w<kAvx512Vnni>}}};
#endif
  std::erase_if(all, [](const Named& k) { return !test::machine_has(k.variant.isa); });
  return all;
}

const std::vector<Way> kOne = {{.workers = 1}};
const std::vector<Way> kAllWays = {{.workers = 1},
                                   {.workers = 2},
                                   {.workers = 3, .gap = 48},
                                   {.workers = 2, .images_per_call = 1},
                                   {.workers = 40}};

void check(conv_dot::Problem& problem, const std::vector<Way>& ways) {
  conv_dot::expect_reference_bytes(problem, ways, conv_i8_direct_generic, kernels_here());
}

void check(const Case& c, int images = 1, const std::vector<Way>& ways = kOne,
           Values values = Values::kRandom, std::uint32_t seed = 1) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  conv_dot::Problem problem(c.desc(), images, seed, values);
  check(problem, ways);
}

TEST(WinogradConvolution, AllMapSizes) {
  for (std::int64_t height = 2; height <= 17; ++height)
    for (std::int64_t width = 2; width <= 17; ++width) {
      Case c{16, height, width, 16, square(3, 1, 1)};
      c.zero_in = 31;
      check(c);
    }
}

TEST(WinogradConvolution, AllChannelTails) {
  for (std::int64_t channels = 16; channels <= 100; ++channels) {
    check({channels, 6, 7, 16, square(3, 1, 1)});
    Case c{16, 5, 9, channels - 15, square(3, 1, 1)};
    c.zero_out = 7;
    check(c);
  }
}

TEST(WinogradConvolution, AnyPadding) {
  for (std::int64_t top : {0, 1, 2, 5})
    for (std::int64_t left : {0, 1, 3})
      for (std::int64_t bottom : {0, 1, 4}) {
        Case c{32, 9, 6, 32, {3, 3, 1, 1, top, left, bottom, 2, 1, 1}};
        c.zero_in = 200;
        check(c, 2, {{.workers = 2}});
      }
}

TEST(WinogradConvolution, ImagesAreSharedOutAnyWay) {
  for (std::int64_t size : {4, 7, 13, 14, 28})
    for (int images : {1, 2, 5}) check({48, size, size, 80, square(3, 1, 1)}, images, kAllWays);
  check({16, 60, 52, 16, square(3, 1, 1)}, 2, kAllWays);
}

TEST(WinogradConvolution, ExtremeValues) {
  for (Values values : {Values::kZeros, Values::kLargest, Values::kTies, Values::kSmall})
    for (std::int64_t channels : {16, 130})
      for (std::int32_t zero : {0, 128, 255})
        for (bool residual : {false, true}) {
          Case c{channels, 7, 10, 80, square(3, 1, 1)};
          c.zero_in = c.zero_out = zero;
          c.zero_residual = 255 - zero;
          c.residual = residual;
          check(c, 2, {{.workers = 2}}, values);
        }
}

TEST(WinogradConvolution, Epilogues) {
  for (DataType output : {DataType::kUInt8, DataType::kFloat32})
    for (bool residual : {false, true})
      for (std::optional<float> slope :
           {std::optional<float>(), std::optional<float>(0), std::optional<float>(0.1f)}) {
        Case c{32, 6, 7, 40, square(3, 1, 1)};
        c.output = output;
        c.residual = residual, c.slope = slope;
        c.zero_in = 3, c.zero_out = 100, c.zero_residual = 50;
        check(c, 3, kAllWays);
        if (residual)
          check(c, 1, {{.workers = 2, .in_place = true}, {.workers = 1, .gap = 16, .in_place = true}});
      }
}

TEST(WinogradConvolution, OutputsFarBeyondTheIntegers) {
  for (bool residual : {false, true}) {
    Case c{16, 6, 7, 64, square(3, 1, 1)};
    c.residual = residual;
    conv_dot::Problem problem(c.desc(), 1, 1);
    problem.multipliers[3] = 1e9f;
    problem.multipliers[40] = 0.7f;
    check(problem, kOne);
  }
}

TEST(WinogradConvolution, PartsOfConcatenations) {
  Case c{48, 9, 7, 72, square(3, 1, 1)};
  c.input_part = 16, c.output_part = 48, c.residual_part = 32;
  check(c, 3, kAllWays);
  c.residual = true;
  check(c, 3, kAllWays);
}

TEST(WinogradConvolution, HalosByChannel) {
  Case c{40, 9, 7, 32, square(3, 1, 2)};
  c.halo_by_channel = true;
  check(c, 2, kAllWays);
}

TEST(WinogradConvolution, GroupsOfWholeBlocks) {
  for (std::int64_t in : {16, 48})
    for (std::int64_t out : {16, 48})
      for (std::int64_t groups : {2, 3}) {
        Case c{in * groups, 13, 6, out * groups, square(3, 1, 1), groups};
        c.zero_in = 90;
        c.halo_by_channel = in == 48;
        check(c, 2, kAllWays);
      }
}

TEST(WinogradConvolution, GroupsThatFillNoBlocksAreForOthers) {
  for (const auto& [in, out] : {std::pair{16, 24}, {24, 16}, {8, 16}}) {
    const Case c{2 * in, 13, 6, 2 * out, square(3, 1, 1), 2};
    EXPECT_EQ(conv_i8_winograd::as_winograd(OpDesc{c.desc()}), nullptr) << in << " to " << out;
  }
  EXPECT_NE(conv_i8_winograd::as_winograd(OpDesc{Case{32, 13, 6, 32, square(3, 1, 1), 2}.desc()}), nullptr);
}

// One to three subwindows of 1 to 3 taps, both ways.
TEST(WinogradConvolution, AllWindows) {
  for (std::int64_t height = 3; height <= 9; ++height)
    for (std::int64_t width = 3; width <= 9; ++width) {
      Case c{16, 13, 14, 24, {height, width, 1, 1, 2, 1, 1, 2, 1, 1}};
      c.zero_in = 77;
      check(c, 2, {{.workers = 2}}, Values::kRandom, static_cast<std::uint32_t>(10 * height + width));
    }
}

TEST(WinogradConvolution, ChannelTailsOfSubwindows) {
  for (std::int64_t channels = 16; channels <= 100; channels += 2) {
    Case c{channels, 6, 9, 48, square(5, 1, 2)};
    c.zero_in = 250;
    check(c, 3, kAllWays);
  }
  for (std::int64_t groups : {2, 3})
    for (std::int64_t in : {16, 48}) {
      Case c{in * groups, 13, 6, 32 * groups, square(5, 1, 2), groups};
      c.zero_in = 90, c.input_part = 16, c.halo_by_channel = in == 48;
      check(c, 2, kAllWays);
    }
}

// Input and weights that make each product at one point as large as it can be: M exceeds 2^31 many times.
TEST(WinogradConvolution, SumsThatWrapManyTimes) {
  using conv_i8_winograd::kSide;
  const auto b = conv_i8_winograd::matrix_b_transposed(conv_i8_winograd::Kind::kFour);
  for (int point = 0; point < conv_i8_winograd::kPoints; ++point) {
    const auto &y = b[static_cast<std::size_t>(point / kSide)],
               &x = b[static_cast<std::size_t>(point % kSide)];
    const auto g = conv_i8_winograd::matrix_g();
    const ConvDesc desc = Case{224, 6, 6, 32, square(3)}.desc();  // one tile
    conv_dot::Problem problem(desc, 1, 1);
    problem.input.fill([&](int, std::int64_t, std::int64_t pixel) {
      return y[static_cast<std::size_t>(pixel / kSide)] * x[static_cast<std::size_t>(pixel % kSide)] > 0 ? 255
                                                                                                         : 0;
    });
    for (std::size_t i = 0; i < problem.weights.size(); ++i) {
      const std::size_t tap = i % 9;
      const std::int64_t sign = g[static_cast<std::size_t>(point / kSide)][tap / 3] *
                                g[static_cast<std::size_t>(point % kSide)][tap % 3];
      problem.weights[i] = static_cast<std::int8_t>(sign > 0 ? 127 : sign < 0 ? -127 : 0);
    }
    check(problem, kOne);
  }
  // At point (1, 1) for example: 224 channels of V = 255 * 68 and U = 127 * 144.
  EXPECT_GT(224.0 * 255 * 68 * 127 * 144, 33.0 * 2147483648.0);
}

/// Every channel's sums have a range of just less than 2^26.
void fill_to_the_condition(conv_dot::Problem& problem, int more) {
  const std::size_t depth = problem.weights.size() / static_cast<std::size_t>(problem.desc.output.channels);
  for (std::size_t k = 0; k < static_cast<std::size_t>(problem.desc.output.channels); ++k) {
    int left = 263172 + more;
    for (std::size_t i = 0; i < depth; ++i) {
      const int size = std::min(127, left);
      left -= size;
      // All of one sign, or by turns of input channels.
      const bool negative = k % 4 == 1 || (k % 4 == 2 && i / 9 % 2 == 0) || (k % 4 == 3 && i / 9 % 2 == 1);
      problem.weights[k * depth + i] = static_cast<std::int8_t>(negative ? -size : size);
    }
    ASSERT_EQ(left, 0);
  }
}

TEST(WinogradConvolution, BothEndsOfTheWidestRange) {
  const ConvDesc desc = Case{240, 9, 7, 48, square(3, 1, 1)}.desc();
  for (int parity : {0, 1, 2}) {
    conv_dot::Problem problem(desc, 1, 1);
    fill_to_the_condition(problem, 0);
    ASSERT_TRUE(conv_i8_winograd::fits(problem.weights, desc.output.channels));
    problem.input.fill(
        [&](int, std::int64_t c, std::int64_t) { return c % 2 == parity || parity == 2 ? 255 : 0; });
    for (float& m : problem.multipliers) m = 3e-6f;
    problem.desc.output.quantization.zero_point = 128;
    check(problem, kAllWays);
  }
}

#ifdef OCTET_X86
std::unique_ptr<Kernel> without_condition(const OpDesc& desc) {
  return make_winograd(std::get<ConvDesc>(desc), conv_i8_winograd::kAvx2, conv_i8_winograd::Stored::kU,
                       conv_i8_winograd::Condition::kIgnored);
}

// Weights of 5x5 all of one sign, at the condition and beyond it.
TEST(WinogradConvolution, TheConditionCountsAllSubwindows) {
  for (int more : {0, 4000}) {
    conv_dot::Problem problem(Case{96, 9, 7, 32, square(5, 1, 2)}.desc(), 1, 1);
    fill_to_the_condition(problem, more);
    EXPECT_EQ(conv_i8_winograd::fits(problem.weights, problem.desc.output.channels), more == 0);
    problem.input.fill([&](int, std::int64_t, std::int64_t) { return 255; });
    for (float& m : problem.multipliers) m = 3e-6f;
    problem.desc.output.quantization.zero_point = 128;
    check(problem, kAllWays);
  }
}

// The negative control: beyond the condition Winograd alone gives other bytes, so the condition is needed,
// and the kernels, which compute such layers directly, do not.
TEST(WinogradConvolution, LayersBeyondTheConditionAreComputedDirectly) {
  for (std::int64_t groups : {1, 2}) {
    Case c{480, 9, 7, 64, square(3, 1, 1), groups};
    c.zero_out = 128;
    conv_dot::Problem problem(c.desc(), 2, 1);
    fill_to_the_condition(problem, 4000);
    ASSERT_FALSE(conv_i8_winograd::fits(problem.weights, problem.desc.output.channels));
    problem.input.fill([&](int, std::int64_t, std::int64_t) { return 255; });
    for (float& m : problem.multipliers) m = 3e-6f;
    check(problem, kAllWays);
    if (!test::machine_has(Isa::kAvx2)) continue;
    const auto expected = conv_dot::compute(conv_i8_direct_generic, problem, {}).memory();
    EXPECT_NE(conv_dot::compute(without_condition, problem, {}).memory(), expected);
    fill_to_the_condition(problem, 0);
    EXPECT_EQ(conv_dot::compute(without_condition, problem, {}).memory(),
              conv_dot::compute(conv_i8_direct_generic, problem, {}).memory());
  }
}
#endif

TEST(WinogradConvolution, PacksEveryByte) {
  for (int more : {0, 4000}) {
    conv_dot::Problem problem(Case{240, 6, 6, 40, square(3, 1, 1)}.desc(), 1, 1);
    fill_to_the_condition(problem, more);
    for (const Named& kernel : kernels_here()) {
      const auto made = kernel.variant.create(problem.desc);
      std::vector<std::byte> packed[2];
      for (int i : {0, 1}) {
        base::AlignedBuffer buffer(made->packed_bytes());
        std::fill_n(buffer.data(), buffer.size(), i == 0 ? std::byte{0} : std::byte{0xff});
        made->pack_integer(problem.integer_weights(), {buffer.data(), made->packed_bytes()});
        packed[i].assign(buffer.data(), buffer.data() + made->packed_bytes());
      }
      EXPECT_EQ(packed[0], packed[1]) << kernel.name;
    }
  }
}

TEST(WinogradConvolution, RandomShapes) {
  const std::uint32_t seed = std::random_device{}();
  conv_dot::RandomCases random(seed);
  const auto pick = [&](std::int64_t low, std::int64_t high) { return random.pick(low, high); };
  for (int i = 0; i < 200 && !HasFatalFailure(); ++i) {
    Case c{pick(16, 100), pick(2, 30), pick(2, 30), pick(1, 100)};
    WindowDesc& w = c.window;
    w = {3, 3, 1, 1, pick(0, 2), pick(0, 2), pick(0, 2), pick(0, 2), 1, 1};
    if (pick(0, 1) == 0) w.kernel_h = pick(3, 9), w.kernel_w = pick(3, 9), c.in += c.in % 2;
    // At least two rows and columns of outputs.
    w.pad_top += std::max<std::int64_t>(0, w.kernel_h + 1 - c.height - w.pad_top - w.pad_bottom);
    w.pad_right += std::max<std::int64_t>(0, w.kernel_w + 1 - c.width - w.pad_left - w.pad_right);
    if (pick(0, 4) == 0) c.groups = 2, c.in = 32 * pick(1, 3), c.out = 32 * pick(1, 3);
    c = random.with_values(c);
    check(c, random.images(), {random.way(c, 4)}, random.values(Values::kNormal),
          seed + static_cast<std::uint32_t>(i));
  }
}

TEST(WinogradConvolution, KeepsHalfOfUInLargeLayersOverSmallMaps) {
  using conv_i8_winograd::Stored;
  const auto stored_of = [](std::int64_t channels, std::int64_t size) {
    return conv_i8_winograd::stored_of(Case{channels, size, size, channels, square(3, 1, 1)}.desc());
  };
  EXPECT_EQ(stored_of(512, 7), Stored::kW);
  EXPECT_EQ(stored_of(512, 14), Stored::kU);
  EXPECT_EQ(stored_of(192, 7), Stored::kU);
  EXPECT_EQ(conv_i8_winograd::stored_of(Case{512, 7, 7, 512, square(5, 1, 2)}.desc()), Stored::kU);
  const ConvDesc desc = Case{512, 7, 7, 512, square(3, 1, 1)}.desc();
  for (const Named& kernel : kernels_here()) {
    EXPECT_LT(kernel.variant.create(desc)->packed_bytes(), 512u * 512 * 18 * 2 + (1u << 16)) << kernel.name;
  }
}

TEST(WinogradConvolution, TakesNoOthers) {
  const ConvDesc fine = Case{32, 8, 8, 32, square(3, 1, 1)}.desc();
  ConvDesc with_bias_map = fine;
  with_bias_map.bias_map = true;
  const ConvDesc others[] = {
      Case{32, 8, 8, 32, square(3, 2, 1)}.desc(),
      Case{32, 8, 8, 32, square(1)}.desc(),
      Case{32, 8, 8, 32, square(2, 1, 1)}.desc(),
      Case{32, 8, 8, 32, {1, 7, 1, 1, 0, 3, 0, 3, 1, 1}}.desc(),
      Case{32, 8, 8, 32, square(10, 1, 5)}.desc(),
      Case{33, 8, 8, 32, square(5, 1, 2)}.desc(),
      Case{32, 8, 8, 32, square(3, 1, 2, 2)}.desc(),
      Case{8, 8, 8, 32, square(3, 1, 1)}.desc(),
      Case{32, 1, 8, 32, square(3, 1, 1)}.desc(),
      Case{40, 8, 8, 32, square(3, 1, 1), 2}.desc(),
      Case{32, 8, 8, 32, square(3, 1, 1), 1, DataType::kInt16, DataType::kInt16}.desc(),
      with_bias_map};
  for (const Named& kernel : kernels_here()) {
    EXPECT_GT(kernel.variant.cost(fine, 1), 0) << kernel.name;
    for (const ConvDesc& desc : others)
      EXPECT_LT(kernel.variant.cost(desc, 1), 0) << kernel.name << ": " << conv_dot::describe(desc);
    EXPECT_LT(kernel.variant.cost(OpDesc(PoolDesc{}), 1), 0) << kernel.name;
  }
}

}  // namespace
}  // namespace octet::kernels
