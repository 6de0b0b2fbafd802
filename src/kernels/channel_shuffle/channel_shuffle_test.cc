// Channel shuffles of FP32 and narrow maps against their definition.
#include <gtest/gtest.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/nhwc_tensor.h"

namespace octet::kernels {
namespace {

using test::LaidOut;
using test::NhwcTensor;

std::int64_t source_of(const ChannelShuffleDesc& d, std::int64_t c) {
  return c % d.groups * (d.map.channels / d.groups) + c / d.groups;
}

struct Sizes {
  std::int64_t channels, groups;
};
constexpr Sizes kSizes[] = {{1, 1}, {6, 3}, {16, 2}, {40, 4}, {48, 48}, {116, 2}, {240, 3}};

TEST(ChannelShuffle, TransposesTheChannelsOfFp32Maps) {
  for (const auto& [channels, groups] : kSizes)
    for (int workers : {1, 3, 50}) {
      SCOPED_TRACE(testing::Message()
                   << channels << " channels, " << groups << " groups, " << workers << " workers");
      ChannelShuffleDesc d;
      d.map = d.output = {channels, 3, 5};
      d.groups = groups;
      ASSERT_GT(channel_shuffle_generic_cost(d, 1), 0);
      const auto x = test::random_floats(static_cast<std::size_t>(2 * channels * 15), 1);
      LaidOut input = test::lay_out(d.map, 2, x, 16), output(d.map, 2, d.map.elements() + 32);
      test::KernelRunner(channel_shuffle_generic(d)).run({&input}, output, 2, workers);
      for (int n = 0; n < 2; ++n)
        for (std::int64_t c = 0; c < channels; ++c)
          for (std::int64_t p = 0; p < 15; ++p)
            ASSERT_EQ(output.at(n, c, p), input.at(n, source_of(d, c), p)) << n << " " << c << " " << p;
      EXPECT_TRUE(output.padding_is_zero());
      EXPECT_TRUE(test::gaps_untouched(output, 2));
    }
}

TEST(ChannelShuffle, TransposesTheChannelsOfNarrowMapsAndTheirParts) {
  for (const auto& [channels, groups] : kSizes)
    for (DataType type : {DataType::kUInt8, DataType::kInt16, DataType::kBFloat16})
      for (std::int64_t part : {0, 32}) {
        SCOPED_TRACE(testing::Message() << to_string(type) << ", " << channels << " channels, " << groups
                                        << " groups, part of " << part << " more");
        ChannelShuffleDesc d;
        d.map = {channels, 3, 5, Layout::kNhwc, type};
        if (type == DataType::kUInt8) d.map.quantization = {0.1f, 77};
        if (type == DataType::kInt16) d.map.quantization = {0.1f, 0, 1000};
        d.groups = groups;
        d.output = d.map;
        if (part > 0) d.output.pixel_stride = d.map.padded_channels() + part;
        ASSERT_GT(channel_shuffle_generic_cost(d, 1), 0);
        NhwcTensor input(d.map, 2, 16), output(d.output, 2, 32), expected(d.output, 2, 32);
        input.fill_random(3);
        expected.fill([&](int n, std::int64_t c, std::int64_t p) { return input.at(n, source_of(d, c), p); });
        const Operand in = input.operand();
        test::KernelRunner(channel_shuffle_generic(d)).run(std::span(&in, 1), output.operand(), 2, 2);
        EXPECT_EQ(output.memory(), expected.memory());
      }
}

TEST(ChannelShuffle, RefusesWhatItCannotCompute) {
  ChannelShuffleDesc good;
  good.map = good.output = {12, 3, 5};
  good.groups = 3;
  ChannelShuffleDesc uneven = good, nchw = good, smaller = good, types = good;
  uneven.groups = 5;
  nchw.map.layout = nchw.output.layout = Layout::kNchw;
  smaller.output.channels = 6;
  types.output.type = DataType::kBFloat16;
  EXPECT_GT(channel_shuffle_generic_cost(good, 1), 0);
  for (const ChannelShuffleDesc& bad : {uneven, nchw, smaller, types})
    EXPECT_LT(channel_shuffle_generic_cost(bad, 1), 0);
  EXPECT_LT(channel_shuffle_generic_cost(SoftmaxDesc{}, 1), 0);
}

}  // namespace
}  // namespace octet::kernels
