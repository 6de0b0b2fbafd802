// Channel affine maps of integers against plain loops, to the byte, on every instruction set of the machine.
#include <gtest/gtest.h>

#include "kernels/families.h"
#include "kernels/integer/arithmetic.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/nhwc_tensor.h"

namespace octet::kernels {
namespace {

using test::NhwcTensor;

std::vector<test::Variant> affine_variants() {
  return test::usable({
      {Isa::kGeneric, channel_affine_i8_generic_cost, channel_affine_i8_generic},
#ifdef OCTET_X86
      {Isa::kAvx2, channel_affine_i8_avx2_cost, channel_affine_i8_avx2},
      {Isa::kAvx512, channel_affine_i8_avx512_cost, channel_affine_i8_avx512},
#endif
  });
}

ChannelAffineDesc describe(DataType type, std::int64_t channels) {
  const bool bytes = type == DataType::kUInt8;
  ChannelAffineDesc d;
  d.map = {channels, 5, 3, Layout::kNhwc, type};
  d.output = d.map;
  d.map.quantization = bytes ? Quantization{0.021f, 100} : Quantization{0.0003f, 0, 29000};
  d.output.quantization = bytes ? Quantization{0.013f, 77} : Quantization{0.0002f, 0, 31000};
  return d;
}

void expect_equal_to_plain_loops(const ChannelAffineDesc& d, const std::vector<std::vector<float>>& weights,
                                 int images, int workers, std::uint32_t seed) {
  SCOPED_TRACE(testing::Message() << to_string(d.map.type) << " seed " << seed << " channels "
                                  << d.map.channels << " workers " << workers << " relu "
                                  << (d.relu ? d.relu->slope : -1));
  const Quantization &from = d.map.quantization, &to = d.output.quantization;
  const auto zero = static_cast<float>(to.zero_point);
  for (const test::Variant& variant : affine_variants()) {
    SCOPED_TRACE(to_string(variant.isa));
    ASSERT_GT(variant.cost(d, images), 0);
    NhwcTensor input(d.map, images, 16), output(d.output, images, 32), expected(d.output, images, 32);
    input.fill_random(seed);
    expected.fill([&](int n, std::int64_t c, std::int64_t p) {
      const auto at = static_cast<std::size_t>(c);
      const float scale = weights.size() > 0 && !weights[0].empty() ? weights[0][at] : 1.0f;
      const float shift = weights.size() > 1 && !weights[1].empty() ? weights[1][at] : 0.0f;
      const float a = scale * from.scale / to.scale;
      const float b = std::fmaf(-a, static_cast<float>(from.zero_point), shift / to.scale + zero);
      float t = std::fmaf(static_cast<float>(input.at(n, c, p)), a, b);
      const bool plain_relu = d.relu && d.relu->slope == 0;
      if (d.relu && !plain_relu) t = integer::leaky(t, zero, d.relu->slope);
      return integer::to_integer(t, integer::range_of(d.output, d.relu));
    });
    test::KernelRunner runner(variant.create(d), weights);
    const Operand in = input.operand();
    runner.run(std::span(&in, 1), output.operand(), images, workers);
    EXPECT_EQ(output.to_nchw(), expected.to_nchw());
    EXPECT_EQ(output.memory(), expected.memory()) << "something outside the channels";
    if (!runner.kernel().in_place(0)) continue;
    runner.run(std::span(&in, 1), in, images, workers);
    EXPECT_EQ(input.to_nchw(), expected.to_nchw()) << "in place";
  }
}

constexpr DataType kAffineTypes[] = {DataType::kUInt8, DataType::kInt16};

TEST(ChannelAffineI8, EqualsPlainLoopsForAllChannelTailsWorkersAndParts) {
  std::uint32_t seed = 1;
  for (DataType type : kAffineTypes)
    for (std::int64_t channels : {1, 15, 16, 33, 64, 112})
      for (int workers : {1, 3, 50})
        for (std::int64_t stride : {0, 128}) {
          ChannelAffineDesc d = describe(type, channels);
          d.output.pixel_stride = stride;
          const auto count = static_cast<std::size_t>(channels);
          expect_equal_to_plain_loops(
              d, {test::random_floats(count, seed + 500), test::random_floats(count, seed + 900)}, 3, workers,
              seed);
          ++seed;
        }
}

TEST(ChannelAffineI8, TakesScaleOrShiftOrNeitherAndAnyRelu) {
  const auto some = test::random_floats(17, 3);
  std::uint32_t seed = 1000;
  for (DataType type : kAffineTypes)
    for (std::optional<ReluDesc> relu :
         {std::optional<ReluDesc>(), std::optional(ReluDesc{0}), std::optional(ReluDesc{0.1f}),
          std::optional(ReluDesc{0, 2}), std::optional(ReluDesc{0.1f, 2})}) {
      ChannelAffineDesc d = describe(type, 17);
      d.relu = relu;
      expect_equal_to_plain_loops(d, {}, 2, 1, seed++);
      expect_equal_to_plain_loops(d, {some, {}}, 2, 1, seed++);
      expect_equal_to_plain_loops(d, {{}, some}, 2, 1, seed++);
      expect_equal_to_plain_loops(d, {some}, 2, 1, seed++);
    }
}

TEST(ChannelAffineI8, RefusesWhatItCannotCompute) {
  ChannelAffineDesc blocked = describe(DataType::kUInt8, 16), mixed = blocked, narrow = blocked;
  blocked.map.layout = Layout::kNchw16c;
  mixed.output = describe(DataType::kInt16, 16).output;
  narrow.output.channels = 8;
  for (const test::Variant& variant : affine_variants()) {
    for (const ChannelAffineDesc& bad : {blocked, mixed, narrow}) EXPECT_LT(variant.cost(bad, 1), 0);
    EXPECT_LT(variant.cost(SoftmaxDesc{}, 1), 0);
  }
}

}  // namespace
}  // namespace octet::kernels
