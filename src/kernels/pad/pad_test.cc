// Borders around FP32 and narrow maps.
#include <gtest/gtest.h>

#include "kernels/bfloat16.h"
#include "kernels/families.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/nhwc_tensor.h"

namespace octet::kernels {
namespace {

using test::LaidOut;
using test::NhwcTensor;

PadDesc describe(std::int64_t channels, DataType type, float value) {
  PadDesc d;
  d.input = {channels, 3, 4, Layout::kNhwc, type};
  if (type == DataType::kFloat32) d.input.layout = Layout::kNchw16c;
  if (type == DataType::kUInt8) d.input.quantization = {0.5f, 100};
  if (type == DataType::kInt16) d.input.quantization = {0.25f, 0, 1000};
  d.output = d.input;
  d.output.height = 3 + 2 + 1, d.output.width = 4 + 1 + 3;
  d.top = 2, d.left = 1;
  d.value = value;
  return d;
}

/// The input's pixel under an output's, or -1 in the border.
std::int64_t source_of(const PadDesc& d, std::int64_t pixel) {
  const std::int64_t y = pixel / d.output.width - d.top, x = pixel % d.output.width - d.left;
  return y < 0 || y >= d.input.height || x < 0 || x >= d.input.width ? -1 : y * d.input.width + x;
}

TEST(Pad, PutsAValueAroundFp32Maps) {
  for (std::int64_t channels : {1, 16, 37})
    for (float value : {0.0f, -2.5f})
      for (int workers : {1, 3, 50}) {
        const PadDesc d = describe(channels, DataType::kFloat32, value);
        ASSERT_GT(pad_generic_cost(d, 1), 0);
        const auto x = test::random_floats(static_cast<std::size_t>(2 * channels * 12), 1);
        LaidOut input = test::lay_out(d.input, 2, x, 16), output(d.output, 2, d.output.elements() + 32);
        test::KernelRunner(pad_generic(d)).run({&input}, output, 2, workers);
        for (int n = 0; n < 2; ++n)
          for (std::int64_t c = 0; c < channels; ++c)
            for (std::int64_t p = 0; p < d.output.pixels(); ++p) {
              const std::int64_t source = source_of(d, p);
              ASSERT_EQ(output.at(n, c, p), source < 0 ? value : input.at(n, c, source)) << c << " " << p;
            }
        EXPECT_TRUE(output.padding_is_zero());
        EXPECT_TRUE(test::gaps_untouched(output, 2));
      }
}

TEST(Pad, PutsTheNearestIntegerAroundNarrowMapsAndTheirParts) {
  struct Border {
    DataType type;
    float value;
    std::int32_t expected;
  };
  const Border borders[] = {{DataType::kUInt8, 0, 100},       {DataType::kUInt8, -7.2f, 86},
                            {DataType::kUInt8, 1e9f, 255},    {DataType::kInt16, 3.3f, 13},
                            {DataType::kInt16, -1e9f, -1000}, {DataType::kBFloat16, 1.5f, to_bfloat16(1.5f)}};
  for (const Border& border : borders)
    for (std::int64_t channels : {16, 37})
      for (std::int64_t part : {0, 32}) {
        SCOPED_TRACE(testing::Message() << to_string(border.type) << " " << border.value << ", " << channels
                                        << " channels, part of " << part << " more");
        PadDesc d = describe(channels, border.type, border.value);
        if (part > 0) d.output.pixel_stride = d.output.padded_channels() + part;
        ASSERT_GT(pad_generic_cost(d, 1), 0);
        NhwcTensor input(d.input, 2, 16), output(d.output, 2, 32), expected(d.output, 2, 32);
        input.fill_random(3);
        expected.fill([&](int n, std::int64_t c, std::int64_t p) {
          const std::int64_t source = source_of(d, p);
          return source < 0 ? border.expected : input.at(n, c, source);
        });
        const Operand in = input.operand();
        test::KernelRunner(pad_generic(d)).run(std::span(&in, 1), output.operand(), 2, 2);
        EXPECT_EQ(output.memory(), expected.memory());
      }
}

TEST(Pad, RefusesWhatItCannotCompute) {
  const PadDesc good = describe(16, DataType::kUInt8, 0);
  PadDesc smaller = good, left = good, types = good, scales = good,
          nchw = describe(16, DataType::kFloat32, 0);
  smaller.output.height = 4;
  left.left = 5;
  types.output.type = DataType::kBFloat16;
  scales.output.quantization.zero_point = 3;
  nchw.input.layout = nchw.output.layout = Layout::kNchw;
  EXPECT_GT(pad_generic_cost(good, 1), 0);
  for (const PadDesc& bad : {smaller, left, types, scales, nchw}) EXPECT_LT(pad_generic_cost(bad, 1), 0);
  EXPECT_LT(pad_generic_cost(SoftmaxDesc{}, 1), 0);
}

}  // namespace
}  // namespace octet::kernels
