#include "lab/support/suggest.h"

#include <gtest/gtest.h>

#include <vector>

namespace octet::lab {
namespace {

const std::vector<std::string> kKeys{"networks", "batches", "precisions", "threads_per_rank", "ranks", "qps"};

TEST(SuggestTest, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0);
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("batch", "batches"), 2);
  EXPECT_EQ(edit_distance("bathces", "batches"), 1);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("abc", "xyz"), 3);
}

TEST(SuggestTest, CaseAndTheKindOfDashDoNotCount) {
  EXPECT_EQ(edit_distance("Threads-Per-Rank", "threads_per_rank"), 0);
}

TEST(SuggestTest, FindsWhatWasMeant) {
  EXPECT_EQ(nearest("network", kKeys), "networks");
  EXPECT_EQ(nearest("bacthes", kKeys), "batches");
  EXPECT_EQ(nearest("precison", kKeys), "precisions");
  EXPECT_EQ(nearest("Ranks", kKeys), "ranks");
  EXPECT_EQ(nearest("threads", kKeys), "threads_per_rank");
  EXPECT_EQ(nearest("qsp", kKeys), "qps");
}

TEST(SuggestTest, SuggestsNothingForWhatIsNotLikeAnything) {
  EXPECT_EQ(nearest("colour", kKeys), std::nullopt);
  EXPECT_EQ(nearest("xyz", kKeys), std::nullopt);
  EXPECT_EQ(nearest("", kKeys), std::nullopt);
  EXPECT_EQ(nearest("ranks", {}), std::nullopt);
  EXPECT_EQ(nearest(std::string(100000, 'r'), kKeys), std::nullopt);
}

TEST(SuggestTest, TheMessageSuggestsOrListsAll) {
  EXPECT_EQ(did_you_mean("rank", kKeys), ", did you mean 'ranks'?");
  EXPECT_EQ(did_you_mean("colour", std::vector<std::string>{"a", "b"}), ", expected one of: a, b");
}

}  // namespace
}  // namespace octet::lab
