#include "quantize/adaptive_rounding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "quantize/weight_integers.h"

namespace octet::quantize {
namespace {

/// Mean products of columns x = mixing * noise + mean, so that the taps are correlated.
QuadraticForm correlated_form(std::int64_t taps, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  const auto n = static_cast<std::size_t>(taps);
  std::vector<float> mixing(n * 4);
  for (float& m : mixing) m = normal(random);
  QuadraticForm form{taps, std::vector<float>(n * n)};
  for (std::size_t t = 0; t < n; ++t)
    for (std::size_t u = 0; u < n; ++u) {
      float sum = t == u ? 0.3f : 0.0f;
      for (std::size_t j = 0; j < 4; ++j) sum += mixing[t * 4 + j] * mixing[u * 4 + j];
      form.values[t * n + u] = sum;
    }
  return form;
}

struct Problem {
  QuadraticForm form;
  std::vector<float> weights;
  float scale;
};
Problem random_problem(std::int64_t taps, std::uint32_t seed) {
  std::mt19937 random(seed + 1000);
  std::normal_distribution<float> normal;
  Problem problem{correlated_form(taps, seed), std::vector<float>(static_cast<std::size_t>(taps)), 0};
  for (float& w : problem.weights) w = normal(random);
  problem.scale = nearest_weight_scale(largest_magnitude(problem.weights));
  return problem;
}

std::vector<std::int8_t> solve(const QuadraticForm& form, const std::vector<float>& weights,
                               const std::vector<float>& scales, int threads = 1) {
  base::ThreadPool pool(threads);
  return AdaptiveRounding(form, pool).round(weights, scales);
}
std::vector<std::int8_t> solve(const Problem& p) { return solve(p.form, p.weights, {p.scale}); }

double loss_of_nearest(const Problem& p) {
  std::vector<std::int8_t> nearest(p.weights.size());
  round_to_nearest(p.weights, p.scale, nearest);
  return rounding_loss(p.form, p.weights, p.scale, nearest);
}

TEST(AdaptiveRounding, EveryIntegerIsItsWeightRoundedUpOrDown) {
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    const Problem p = random_problem(97, seed);
    const auto integers = solve(p);
    for (std::size_t t = 0; t < integers.size(); ++t) {
      const float quotient = p.weights[t] / p.scale;
      EXPECT_TRUE(integers[t] == std::floor(quotient) || integers[t] == std::ceil(quotient))
          << "seed " << seed;
      EXPECT_LE(std::abs(integers[t]), kLargestWeight);
    }
  }
}

TEST(AdaptiveRounding, LosesFarLessThanNearestWhereInputsAreCorrelated) {
  double adaptive = 0, nearest = 0;
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    const Problem p = random_problem(128, seed);
    const double loss = rounding_loss(p.form, p.weights, p.scale, solve(p));
    EXPECT_LT(loss, 0.5 * loss_of_nearest(p)) << "seed " << seed;
    adaptive += loss;
    nearest += loss_of_nearest(p);
  }
  EXPECT_LT(adaptive, 0.15 * nearest);
}

TEST(AdaptiveRounding, ComesNearTheBestOfAllChoices) {
  double found = 0, best_possible = 0;
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    const Problem p = random_problem(12, seed);
    const auto integers = solve(p);
    found += rounding_loss(p.form, p.weights, p.scale, integers);
    double best = std::numeric_limits<double>::infinity();
    for (unsigned choice = 0; choice < 1u << 12; ++choice) {
      std::vector<std::int8_t> tried(12);
      for (std::size_t t = 0; t < 12; ++t) {
        const float quotient = p.weights[t] / p.scale;
        tried[t] =
            static_cast<std::int8_t>((choice >> t & 1) != 0 ? std::ceil(quotient) : std::floor(quotient));
      }
      best = std::min(best, rounding_loss(p.form, p.weights, p.scale, tried));
    }
    best_possible += best;
  }
  EXPECT_LT(found, 1.3 * best_possible) << found << " " << best_possible;
}

TEST(AdaptiveRounding, DoesNotDependOnThreads) {
  const Problem p = random_problem(150, 2);
  EXPECT_EQ(solve(p.form, p.weights, {p.scale}, 3), solve(p));
}

TEST(AdaptiveRounding, IsNearestWhereInputsAreIndependent) {
  Problem p = random_problem(64, 5);
  std::fill(p.form.values.begin(), p.form.values.end(), 0.0f);
  for (std::size_t t = 0; t < 64; ++t) p.form.values[t * 65] = 1 + static_cast<float>(t);
  std::vector<std::int8_t> nearest(64);
  round_to_nearest(p.weights, p.scale, nearest);
  EXPECT_EQ(solve(p), nearest);
}

TEST(AdaptiveRounding, ChannelsDoNotInfluenceEachOther) {
  const Problem a = random_problem(50, 7), b = random_problem(50, 8);
  std::vector<float> both = a.weights;
  both.insert(both.end(), b.weights.begin(), b.weights.end());
  const auto together = solve(a.form, both, {a.scale, b.scale});
  EXPECT_TRUE(std::ranges::equal(std::span(together).first(50), solve(a.form, a.weights, {a.scale})));
  EXPECT_TRUE(std::ranges::equal(std::span(together).last(50), solve(a.form, b.weights, {b.scale})));
}

TEST(AdaptiveRounding, InputsThatAreAlwaysZeroLeaveNearest) {
  const Problem p = random_problem(16, 3);
  QuadraticForm form{16, std::vector<float>(256, 0.0f)};
  form.dampen(0.01);
  std::vector<std::int8_t> nearest(16);
  round_to_nearest(p.weights, p.scale, nearest);
  EXPECT_EQ(solve(form, p.weights, {p.scale}), nearest);
}

TEST(QuadraticForm, CentringTakesTheMeanOut) {
  QuadraticForm form{2, {5, 2, 2, 3}};
  form.centre(std::vector<double>{2, 1});
  EXPECT_THAT(form.values, testing::ElementsAre(1, 0, 0, 2));
  form.dampen(0.1);
  EXPECT_FLOAT_EQ(form.values[0], 1.15f);
  EXPECT_FLOAT_EQ(form.values[1], 0);
}

}  // namespace
}  // namespace octet::quantize
