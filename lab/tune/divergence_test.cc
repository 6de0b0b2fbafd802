#include "lab/tune/divergence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace octet::lab {
namespace {

TEST(Divergence, OfDistributionsIsTheirKullbackLeiblerDivergence) {
  const std::vector<float> p = {0.5f, 0.25f, 0.25f}, q = {0.25f, 0.5f, 0.25f};
  EXPECT_NEAR(divergence(p, q), 0.5 * std::log(2.0) - 0.25 * std::log(2.0), 1e-7);
  EXPECT_EQ(divergence(p, p), 0);
}

TEST(Divergence, OfLogitsIsThatOfTheirSoftmax) {
  const std::vector<float> p = {std::log(2.0f), 0, 0}, q = {0, std::log(2.0f), 0};
  EXPECT_NEAR(divergence(p, q), 0.25 * std::log(2.0), 1e-6);
  const std::vector<float> shifted = {100 + std::log(2.0f), 100, 100};
  EXPECT_NEAR(divergence(p, shifted), 0, 1e-5) << "a constant added to all logits changes nothing";
}

TEST(Divergence, IsFiniteForVanishingProbabilitiesAndInfiniteForNan) {
  const std::vector<float> p = {1, 0}, q = {0, 1};
  EXPECT_GT(divergence(p, q), 50);
  EXPECT_TRUE(std::isfinite(divergence(p, q)));
  EXPECT_TRUE(std::isinf(divergence(p, std::vector<float>{NAN, 1})));
}

}  // namespace
}  // namespace octet::lab
