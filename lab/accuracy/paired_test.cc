#include "lab/accuracy/paired.h"

#include <gmock/gmock.h>

#include "octet/error.h"

namespace octet::lab {
namespace {

// Two published tables (Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables, chapter
// 8): airway responsiveness of 21 children (Bentur et al. 2009) and response to therapy of 161 patients (Cavo
// et al. 2012), with the discordant counts 1 against 7 and 6 against 16.
TEST(McnemarExact, GivesThePublishedValues) {
  EXPECT_NEAR(mcnemar_exact(1, 7), 0.0703125, 1e-12);
  EXPECT_NEAR(mcnemar_exact(6, 16), 0.052479, 5e-7);
  EXPECT_NEAR(mcnemar_exact(16, 6), 0.052479, 5e-7) << "the order does not matter";
}

TEST(McnemarExact, IsOneWithoutEvidenceAndHoldsForManyPairs) {
  EXPECT_EQ(mcnemar_exact(0, 0), 1);
  EXPECT_EQ(mcnemar_exact(9, 9), 1);
  EXPECT_EQ(mcnemar_exact(0, 1), 1) << "one pair proves nothing";
  EXPECT_NEAR(mcnemar_exact(0, 10), 2.0 / 1024, 1e-12);
  EXPECT_NEAR(mcnemar_exact(86, 150), 3.715936139571442e-05, 1e-13);  // approval ratings, Agresti 2002
  EXPECT_LT(mcnemar_exact(0, 40'000), 1e-300);
  EXPECT_GT(mcnemar_exact(24'990, 25'010), 0.9);
}

TEST(PairedDifference, GivesTangosPublishedIntervals) {
  const ConfidenceInterval bentur = paired_difference_interval95(7, 1, 21);
  EXPECT_NEAR(bentur.low, -51.7, 0.05);
  EXPECT_NEAR(bentur.high, -2.6, 0.05);
  const ConfidenceInterval cavo = paired_difference_interval95(16, 6, 161);
  EXPECT_NEAR(cavo.low, -12.40, 0.005);
  EXPECT_NEAR(cavo.high, -0.54, 0.005);
}

// Without a discordant pair the statistic is -sqrt(n d / (1 - d)), so the limits are +-z^2 / (n + z^2).
TEST(PairedDifference, HasAWidthWhereNoPairIsDiscordant) {
  const double z2 = 1.959963984540054 * 1.959963984540054;
  for (const std::int64_t n : {1, 250, 48'750}) {
    const ConfidenceInterval interval = paired_difference_interval95(0, 0, n);
    EXPECT_NEAR(interval.high, 100 * z2 / (static_cast<double>(n) + z2), 1e-9) << n;
    EXPECT_NEAR(interval.low, -interval.high, 1e-9) << n;
  }
  EXPECT_EQ(paired_difference_interval95(0, 0, 0).high, 100);
}

TEST(PairedDifference, StaysWithinItsBoundsHoldsTheEstimateAndMirrors) {
  for (std::int64_t n : {1, 2, 5, 40}) {
    for (std::int64_t lost = 0; lost <= n; ++lost) {
      for (std::int64_t gained = 0; lost + gained <= n; ++gained) {
        const ConfidenceInterval interval = paired_difference_interval95(lost, gained, n);
        const double delta = 100.0 * static_cast<double>(gained - lost) / static_cast<double>(n);
        EXPECT_GE(interval.low, -100);
        EXPECT_LE(interval.high, 100);
        EXPECT_LE(interval.low, delta + 1e-9);
        EXPECT_GE(interval.high, delta - 1e-9);
        const ConfidenceInterval mirrored = paired_difference_interval95(gained, lost, n);
        EXPECT_DOUBLE_EQ(mirrored.low, -interval.high);
        EXPECT_DOUBLE_EQ(mirrored.high, -interval.low);
      }
    }
  }
}

// Five pictures of class 0; `tops` is the class that each gets, `ranks` the label's place.
AccuracyResult result_of(const std::vector<int>& tops, const std::vector<int>& ranks) {
  AccuracyResult result;
  for (std::size_t i = 0; i < tops.size(); ++i) result.predictions.push_back({i, 0, ranks[i], {tops[i]}});
  return result;
}

TEST(Compare, CountsPairsLostAndGained) {
  const AccuracyResult before = result_of({0, 0, 3, 4, 5}, {0, 0, 1, 7, 2});
  const AccuracyResult after = result_of({0, 2, 0, 4, 6}, {0, 1, 0, 4, 9});
  const PairedComparison top1 = compare(before, after, 1);
  EXPECT_EQ(top1.pairs, 5);
  EXPECT_EQ(top1.lost, 1);
  EXPECT_EQ(top1.gained, 1);
  EXPECT_EQ(top1.delta, 0);
  EXPECT_EQ(top1.mcnemar_p, 1);
  EXPECT_LT(top1.ci95.low, 0);
  EXPECT_GT(top1.ci95.high, 0);
  const PairedComparison top5 = compare(before, after, 5);
  EXPECT_EQ(top5.lost, 1);
  EXPECT_EQ(top5.gained, 1);
  const PairedComparison of_two = compare(before, after, 2);
  EXPECT_EQ(of_two.lost, 0);
  EXPECT_EQ(of_two.gained, 0);
}

TEST(Compare, ListsChangedPicturesAndTheShareOfThoseThatAgree) {
  const AccuracyResult before = result_of({0, 0, 3, 4, 5}, {0, 0, 1, 7, 2});
  const AccuracyResult after = result_of({0, 2, 0, 4, 6}, {0, 1, 0, 4, 9});
  const Agreement agreed = agreement(before, after);
  EXPECT_EQ(agreed.same, 2);
  EXPECT_EQ(agreed.pictures, 5);
  EXPECT_DOUBLE_EQ(agreed.share, 40);
  EXPECT_LT(agreed.ci95.low, 40);
  EXPECT_GT(agreed.ci95.high, 40);
  const std::vector<ChangedPicture> changed = changed_pictures(before, after);
  ASSERT_EQ(changed.size(), 3u);
  EXPECT_EQ(changed[0].sample, 1u);
  EXPECT_EQ(changed[0].first, 0);
  EXPECT_EQ(changed[0].second, 2);
  EXPECT_EQ(changed[2].sample, 4u);
}

TEST(Compare, RefusesOtherPictures) {
  const AccuracyResult five = result_of({0, 0, 3, 4, 5}, {0, 0, 1, 7, 2});
  const AccuracyResult two = result_of({0, 0}, {0, 0});
  AccuracyResult other_label = five;
  other_label.predictions[3].label = 9;
  for (const AccuracyResult& other : {two, other_label}) {
    EXPECT_THROW(compare(five, other, 1), Error);
    EXPECT_THROW(agreement(five, other), Error);
    EXPECT_THROW(changed_pictures(five, other), Error);
  }
}

}  // namespace
}  // namespace octet::lab
