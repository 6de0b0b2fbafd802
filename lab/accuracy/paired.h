// Is the difference between two engines real? Both classified the same pictures, so they are compared pair by
// pair: only pictures on which exactly one of them is right say anything. Differences and intervals are in
// points (percent of the pictures), second minus first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lab/accuracy/accuracy.h"
#include "lab/confidence_interval.h"

namespace octet::lab {

/// Two-sided exact McNemar test (McNemar 1947; exact binomial, so it holds for few discordant pairs too): how
/// likely a split at least as uneven would be if each of the `lost + gained` pictures could go either way. 1
/// without any.
double mcnemar_exact(std::int64_t lost, std::int64_t gained);

/// 95 % score interval of the difference of paired proportions, (gained - lost) / pairs, in points (Tango
/// 1998, Statistics in Medicine 17:891): the differences that a score test does not reject. It stays within
/// +-100 and has a width even where no pair is discordant. {-100, 100} without pairs.
ConfidenceInterval paired_difference_interval95(std::int64_t lost, std::int64_t gained, std::int64_t pairs);

struct PairedComparison {
  std::int64_t pairs = 0;
  std::int64_t lost = 0;    ///< the first is right, the second is not
  std::int64_t gained = 0;  ///< the second is right, the first is not
  double delta = 0;         ///< points
  ConfidenceInterval ci95;
  double mcnemar_p = 1;
};

/// "Right" means that the label is among the first `top` classes. Throws Error(kMismatch) unless both are
/// over the same pictures.
PairedComparison compare(const AccuracyResult& first, const AccuracyResult& second, int top);

/// Pictures on which both have the same top-1 class.
struct Agreement {
  std::int64_t pictures = 0;
  std::int64_t same = 0;
  double share = 0;         ///< percent
  ConfidenceInterval ci95;  ///< Wilson
};
/// Throws as `compare`.
Agreement agreement(const AccuracyResult& first, const AccuracyResult& second);

/// A picture whose top-1 class differs.
struct ChangedPicture {
  std::size_t sample = 0;  ///< index in the data set
  int label = -1;
  int first = -1;  ///< top-1 classes
  int second = -1;
};
/// In the data set's order. Throws as `compare`.
std::vector<ChangedPicture> changed_pictures(const AccuracyResult& first, const AccuracyResult& second);

}  // namespace octet::lab
