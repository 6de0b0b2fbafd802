#include "lab/tune/search.h"

#include <gmock/gmock.h>

#include <cmath>

#include "lab/bench/random.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using ::testing::ElementsAre;

/// A network whose drop is the sum of its layers' damages.
struct FakeNetwork {
  std::vector<LayerCost> layers;
  int measured = 0;

  double drop(const Assignment& assignment) {
    ++measured;
    double sum = 0;
    for (std::size_t l = 0; l < layers.size(); ++l) sum += layers[l].damage[assignment[l]];
    return sum;
  }
  double ms(const Assignment& assignment) const {
    double sum = 0;
    for (std::size_t l = 0; l < layers.size(); ++l) sum += layers[l].ms[assignment[l]];
    return sum;
  }
  SearchResult search(double max_drop, int max_measurements = 200) {
    return search_precisions(layers, layers.front().ms.size(), {max_drop, max_measurements},
                             [this](const Assignment& a) { return drop(a); });
  }
};

TEST(PrecisionSearch, LeavesAllAtTheFastestWhereThatIsGoodEnough) {
  FakeNetwork network{{{"a", {1, 4}, {0.03, 0}}, {"b", {1, 4}, {0.04, 0}}}};
  const SearchResult result = network.search(0.1);
  EXPECT_THAT(result.assignment, ElementsAre(0, 0));
  EXPECT_TRUE(result.within);
  EXPECT_EQ(result.measurements, 1);
  EXPECT_DOUBLE_EQ(result.drop, 0.07);
}

TEST(PrecisionSearch, RaisesTheLayerThatGainsMostForItsTime) {
  // b does the same damage as a and costs a tenth of its time to mend.
  FakeNetwork network{{{"a", {1, 11}, {0.2, 0}}, {"b", {1, 2}, {0.2, 0}}, {"c", {1, 2}, {0.01, 0}}}};
  const SearchResult result = network.search(0.25);
  EXPECT_THAT(result.assignment, ElementsAre(0, 1, 0));
  EXPECT_TRUE(result.within);
}

TEST(PrecisionSearch, ChoosesAmongSeveralPrecisions) {
  // Candidates: int8, int16, fp32. int16 is enough for a; only fp32 mends b.
  FakeNetwork network{{{"a", {1, 1.5, 4}, {0.5, 0.01, 0}}, {"b", {1, 1.5, 4}, {0.5, 0.45, 0}}}};
  const SearchResult result = network.search(0.02);
  EXPECT_THAT(result.assignment, ElementsAre(1, 2));
  EXPECT_TRUE(result.within);
}

TEST(PrecisionSearch, TakesAStepThatCostsNothingFirst) {
  FakeNetwork network{{{"a", {1, 1.1}, {0.3, 0}}, {"b", {2, 1.5}, {0.2, 0}}}};
  EXPECT_THAT(network.search(0.3).assignment, ElementsAre(0, 1));
}

TEST(PrecisionSearch, TakesBackStepsThatWereNeedless) {
  // Steps double between measurements (1, 2, 4 ...), so the cheap ones come too, though one alone suffices.
  FakeNetwork network;
  for (int i = 0; i < 6; ++i) network.layers.push_back({"small", {1, 1.01}, {0.001, 0}});
  network.layers.push_back({"large", {1, 90}, {0.5, 0}});
  const SearchResult result = network.search(0.1);
  EXPECT_TRUE(result.within);
  EXPECT_THAT(result.assignment, ElementsAre(0, 0, 0, 0, 0, 0, 1));
}

TEST(PrecisionSearch, SaysThatTheBudgetCannotBeMet) {
  // The most precise candidate still does damage.
  FakeNetwork network{{{"a", {1, 2}, {0.5, 0.3}}, {"b", {1, 2}, {0.5, 0.4}}}};
  const SearchResult result = network.search(0.1);
  EXPECT_FALSE(result.within);
  EXPECT_THAT(result.assignment, ElementsAre(1, 1)) << "all is tried";
  EXPECT_DOUBLE_EQ(result.drop, 0.7);
}

TEST(PrecisionSearch, EndsAfterTheMeasurementsItMayTake) {
  FakeNetwork network;
  for (int i = 0; i < 1000; ++i) network.layers.push_back({"l", {1, 2}, {0.01, 0}});
  const SearchResult result = network.search(0.1, 5);
  EXPECT_EQ(network.measured, 5);
  EXPECT_EQ(result.measurements, 5);
}

TEST(PrecisionSearch, IsWithinBudgetAndNoStepCanBeTakenBackOnRandomNetworks) {
  const std::uint64_t seed = 20;
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::uint64_t index = 0;
  const auto random = [&] { return static_cast<double>(random_at(seed, index++) >> 11) * 0x1p-53; };
  for (int trial = 0; trial < 50; ++trial) {
    FakeNetwork network;
    for (int l = 0; l < 30; ++l)
      network.layers.push_back(
          {"l", {1 + random(), 2 + random(), 4 + random()}, {random(), random() / 10, 0}});
    const double budget = 3 * random();
    const SearchResult result = network.search(budget, 10'000);
    EXPECT_TRUE(result.within) << trial;
    EXPECT_LE(result.drop, budget);
    EXPECT_NEAR(network.drop(result.assignment), result.drop, 1e-9);
    EXPECT_LT(network.ms(result.assignment), network.ms(Assignment(30, 2))) << "faster than all of FP32";
  }
}

TEST(PrecisionSearch, RefusesWhatMakesNoSense) {
  const auto refused = [](std::vector<LayerCost> layers, std::size_t candidates, SearchOptions options) {
    EXPECT_THROW(search_precisions(layers, candidates, options, [](const Assignment&) { return 0.0; }),
                 Error);
  };
  const LayerCost good{"a", {1, 2}, {1, 0}};
  refused({}, 2, {});
  refused({good}, 0, {});
  refused({good}, 3, {});
  refused({good}, 2, {-1, 10});
  refused({good}, 2, {std::nan(""), 10});
  refused({good}, 2, {0.1, 0});
}

TEST(PrecisionSearch, AMeasurementsErrorComesThrough) {
  const std::vector<LayerCost> layers = {{"a", {1}, {0}}};
  EXPECT_THROW(
      search_precisions(layers, 1, {},
                        [](const Assignment&) -> double { throw Error(ErrorCode::kInterrupted, "enough"); }),
      Error);
}

}  // namespace
}  // namespace octet::lab
