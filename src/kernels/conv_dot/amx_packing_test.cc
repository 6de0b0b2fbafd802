// What packing proves of a panel's sums decides how they become outputs.
#include "kernels/conv_dot/amx_packing.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/conv_dot/amx_geometry.h"
#include "kernels/conv_dot/amx_tiles.h"
#include "kernels/conv_dot/convolution.h"
#include "kernels/conv_dot/test_convolution.h"

namespace octet::kernels::conv_dot {
namespace {

constexpr unsigned kBoth = kBoundedOutputs | kSmallSums;

std::vector<unsigned> proofs(const Problem& problem) {
  const ConvDesc& desc = problem.desc;
  const AmxGeometry geometry(desc);
  const AmxWeights weights(desc, geometry, epilogue_of(desc));
  std::vector<std::byte> packed(weights.bytes());
  weights.pack(problem.integer_weights(), packed);
  std::vector<unsigned> found;
  for (std::int64_t group = 0; group < desc.groups; ++group) {
    const std::uint8_t* const first = weights.proofs(packed.data(), group);
    found.insert(found.end(), first, first + divide_up(weights.channel_blocks(), kPanelTiles));
  }
  return found;
}

TEST(AmxProofs, AreThoseOfAPanelAlone) {
  Problem problem(Case{64, 4, 4, 70, square(1)}.desc(), 1, 1);
  EXPECT_EQ(proofs(problem), (std::vector<unsigned>{kBoth, kBoth, kBoth}));
  problem.bias[33] = 1 << 23;
  problem.multipliers[69] = 1e6f;
  EXPECT_EQ(proofs(problem), (std::vector<unsigned>{kBoth, kBoundedOutputs, kSmallSums}));
}

TEST(AmxProofs, SmallSumsEndAtTheWindowOnBothSides) {
  Problem problem(Case{4, 1, 1, 16, square(1)}.desc(), 1, 1);
  std::fill(problem.weights.begin(), problem.weights.end(), std::int8_t{0});
  problem.weights[0] = 100, problem.weights[1] = -3;
  const auto small = [&](std::int32_t bias) {
    problem.bias[0] = bias;
    return (proofs(problem)[0] & kSmallSums) != 0;
  };
  EXPECT_TRUE(small((1 << 22) - 1 - 255 * 100));
  EXPECT_FALSE(small((1 << 22) - 255 * 100));
  EXPECT_TRUE(small(-(1 << 22) + 255 * 3));
  EXPECT_FALSE(small(-(1 << 22) + 255 * 3 - 1));
}

TEST(AmxProofs, HoldForEveryBiasOfAMap) {
  Case c{64, 4, 4, 32, square(1)};
  c.bias_map = true;
  Problem problem(c.desc(), 1, 1);
  EXPECT_EQ(proofs(problem)[0], kBoth);
  problem.bias_map.back() = 1 << 23;
  EXPECT_EQ(proofs(problem)[0], kBoundedOutputs);
}

TEST(AmxProofs, CountTheResidual) {
  Case c{64, 4, 4, 32, square(1)};
  c.residual = true;
  ConvDesc desc = c.desc();
  EXPECT_EQ(proofs(Problem(desc, 1, 1))[0], kBoth);
  desc.residual_map.quantization.scale = 1e8f * desc.output.quantization.scale;
  EXPECT_EQ(proofs(Problem(desc, 1, 1))[0], kSmallSums);
}

TEST(AmxProofs, AreKeptForEachGroup) {
  Problem problem(Case{64, 4, 4, 96, square(1), 2}.desc(), 1, 1);
  problem.bias[95] = 1 << 23;
  EXPECT_EQ(proofs(problem), (std::vector<unsigned>{kBoth, kBoth, kBoth, kBoundedOutputs}));
}

}  // namespace
}  // namespace octet::kernels::conv_dot
