// Copies between layouts: every value arrives, nothing else is written, padding lanes are zero.
#include <gtest/gtest.h>

#include "kernels/families.h"
#include "tests/support/kernel_runner.h"

namespace octet::kernels {
namespace {

using test::LaidOut;

FeatureMap nchw_map(std::int64_t channels, std::int64_t height, std::int64_t width) {
  return {channels, height, width, Layout::kNchw};
}
FeatureMap blocked_map(std::int64_t channels, std::int64_t height, std::int64_t width) {
  return {channels, height, width, Layout::kNchw16c};
}
std::vector<float> values_of(const FeatureMap& map, int images, std::uint32_t seed) {
  return test::random_floats(static_cast<std::size_t>(images * map.channels * map.pixels()), seed);
}

void expect_exact_copy(const FeatureMap& from, const FeatureMap& to, int images, int workers,
                       std::uint32_t seed) {
  SCOPED_TRACE(testing::Message() << to_string(from.layout) << " to " << to_string(to.layout) << " seed "
                                  << seed << " channels " << from.channels << " map " << from.height << "x"
                                  << from.width << " workers " << workers);
  const auto x = values_of(from, images, seed);
  ASSERT_GT(reformat_f32_generic_cost(ReformatDesc{from, to}, images), 0);
  LaidOut input = test::lay_out(from, images, x, 16), output(to, images, to.elements() + 32);
  test::KernelRunner(reformat_f32_generic(ReformatDesc{from, to})).run({&input}, output, images, workers);
  EXPECT_EQ(output.to_nchw(), x);
  EXPECT_TRUE(output.padding_is_zero());
  EXPECT_TRUE(test::gaps_untouched(output, images));
}

TEST(ReformatF32, CopiesExactlyBetweenAllLayouts) {
  std::uint32_t seed = 1;
  for (std::int64_t channels : {1, 3, 4, 15, 16, 17, 22, 40})
    for (auto [height, width] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {1, 3}, {5, 7}, {20, 33}})
      for (int workers : {1, 2, 3}) {
        const FeatureMap plain = nchw_map(channels, height, width);
        const FeatureMap blocked = blocked_map(channels, height, width);
        expect_exact_copy(plain, blocked, 2, workers, seed++);
        expect_exact_copy(blocked, plain, 2, workers, seed++);
        expect_exact_copy(blocked, blocked, 2, workers, seed++);
        expect_exact_copy(plain, plain, 2, workers, seed++);
      }
}

TEST(ReformatF32, TakesCallersMemoryThatIsAlignedToElementsOnly) {
  const FeatureMap plain = nchw_map(19, 6, 7), blocked = blocked_map(19, 6, 7);
  const auto x = values_of(plain, 1, 5);
  std::vector<float> odd(x.size() + 1), back(x.size() + 1);
  std::copy(x.begin(), x.end(), odd.begin() + 1);
  LaidOut middle(blocked, 1);
  const Operand from{reinterpret_cast<std::byte*>(odd.data() + 1), plain.elements()};
  const Operand to{reinterpret_cast<std::byte*>(back.data() + 1), plain.elements()};
  const Operand between{middle.data(), middle.stride()};
  test::KernelRunner(reformat_f32_generic(ReformatDesc{plain, blocked})).run(std::span(&from, 1), between, 1);
  test::KernelRunner(reformat_f32_generic(ReformatDesc{blocked, plain})).run(std::span(&between, 1), to, 1);
  EXPECT_EQ(odd, back);
}

TEST(ReformatF32, FillsAConcatenationInPartsOfAnyWidthAndInAnyOrder) {
  std::uint32_t seed = 100;
  const std::vector<std::vector<std::int64_t>> splits = {{3, 5},      {16, 16},    {16, 3, 16}, {1, 1, 1},
                                                         {15, 17},    {40, 8, 2},  {7, 16, 40}, {48},
                                                         {5, 43, 16}, {3, 14, 30}, {20, 20, 24}};
  for (const auto& parts : splits)
    for (Layout layout : {Layout::kNchw, Layout::kNchw16c})
      for (bool backwards : {false, true}) {
        std::int64_t total = 0;
        for (std::int64_t channels : parts) total += channels;
        const FeatureMap whole = blocked_map(total, 5, 3);
        LaidOut output(whole, 2, whole.elements() + 16);
        std::vector<std::vector<float>> values;
        std::vector<std::int64_t> offsets(1, 0);
        for (std::int64_t channels : parts) {
          values.push_back(values_of(nchw_map(channels, 5, 3), 2, seed++));
          offsets.push_back(offsets.back() + channels);
        }
        for (std::size_t step = 0; step < parts.size(); ++step) {
          const std::size_t i = backwards ? parts.size() - 1 - step : step;
          FeatureMap part = nchw_map(parts[i], 5, 3);
          part.layout = layout;
          LaidOut input = test::lay_out(part, 2, values[i]);
          test::KernelRunner(reformat_f32_generic(ReformatDesc{part, whole, offsets[i]}))
              .run({&input}, output, 2, 2);
        }
        for (std::size_t i = 0; i < parts.size(); ++i)
          for (int n = 0; n < 2; ++n)
            for (std::int64_t c = 0; c < parts[i]; ++c)
              for (std::int64_t p = 0; p < 15; ++p)
                ASSERT_EQ(output.at(n, offsets[i] + c, p),
                          values[i][static_cast<std::size_t>((n * parts[i] + c) * 15 + p)])
                    << "part " << i << " channel " << c << " pixel " << p << " seed " << seed;
        EXPECT_TRUE(output.padding_is_zero());
        EXPECT_TRUE(test::gaps_untouched(output, 2));
      }
}

TEST(ReformatF32, WritesOnlyItsOwnLanesInTheMiddleOfAConcatenation) {
  const FeatureMap part = blocked_map(5, 2, 2), whole = blocked_map(40, 2, 2);
  LaidOut input(part, 1, values_of(part, 1, 3)), output(whole, 1);
  test::KernelRunner(reformat_f32_generic(ReformatDesc{part, whole, 14})).run({&input}, output, 1);
  for (std::int64_t c = 0; c < whole.padded_channels(); ++c)
    for (std::int64_t p = 0; p < 4; ++p) EXPECT_EQ(std::isnan(output.at(0, c, p)), c < 14 || c >= 19) << c;
}

TEST(ReformatF32, CopiesChannelsFromTheMiddleOfABlock) {
  const FeatureMap whole = blocked_map(53, 5, 3);
  LaidOut input = test::lay_out(whole, 2, values_of(whole, 2, 9));
  for (std::int64_t first : {0, 1, 16, 21, 31})
    for (std::int64_t count : {1, 11, 16, 20}) {
      SCOPED_TRACE(testing::Message() << count << " channels from " << first << " on");
      const FeatureMap part = blocked_map(count, 5, 3);
      ReformatDesc desc{part, part};
      desc.input_lane = first % kChannelBlock;
      ASSERT_GT(reformat_f32_generic_cost(desc, 1), 0);
      LaidOut output(part, 2, part.elements() + 16);
      const std::int64_t block = first / kChannelBlock * whole.pixels() * kChannelBlock;
      const Operand from{input.data() + block * static_cast<std::int64_t>(sizeof(float)), input.stride()};
      test::KernelRunner(reformat_f32_generic(desc))
          .run(std::span(&from, 1), {output.data(), output.stride()}, 2, 3);
      for (int n = 0; n < 2; ++n)
        for (std::int64_t c = 0; c < count; ++c)
          for (std::int64_t p = 0; p < 15; ++p) ASSERT_EQ(output.at(n, c, p), input.at(n, first + c, p)) << c;
      EXPECT_TRUE(output.padding_is_zero());
    }
}

TEST(ReformatF32, RefusesWhatDoesNotFit) {
  ReformatDesc planar{nchw_map(5, 2, 2), blocked_map(5, 2, 2)};
  planar.input_lane = 3;
  EXPECT_LT(reformat_f32_generic_cost(planar, 1), 0);
  const FeatureMap part = blocked_map(5, 2, 2);
  EXPECT_LT(reformat_f32_generic_cost(ReformatDesc{part, blocked_map(16, 2, 2), 12}, 1), 0);
  EXPECT_LT(reformat_f32_generic_cost(ReformatDesc{part, blocked_map(16, 2, 2), -1}, 1), 0);
  EXPECT_LT(reformat_f32_generic_cost(ReformatDesc{part, blocked_map(5, 2, 3)}, 1), 0);
  EXPECT_LT(reformat_f32_generic_cost(ReformatDesc{part, nchw_map(6, 2, 2)}, 1), 0);
  EXPECT_LT(reformat_f32_generic_cost(PoolDesc{}, 1), 0);
}

}  // namespace
}  // namespace octet::kernels
