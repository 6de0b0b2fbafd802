// octet scale, and octet accuracy shared out to ranks, as a script sees them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/mpirun.h"
#include "tests/cli/program.h"

namespace octet::test {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::vector<std::string> kQuick = {"--duration", "0.2", "--warmup", "0.1", "--group-cores", "1"};

std::vector<std::string> scale(std::vector<std::string> more) {
  std::vector<std::string> arguments = {"scale", "octet-20"};
  arguments.insert(arguments.end(), kQuick.begin(), kQuick.end());
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(Scale, OneRankNeedsNoLauncher) {
  const Finished finished = octet_program()(scale({"--ranks", "1", "--format", "json"}));
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const json result = json::parse(finished.out);
  EXPECT_EQ(result["network"], "octet-20");
  EXPECT_EQ(result["threads_per_rank"].get<int>(), result["rows"][0]["per_rank"][0]["cpus"].size());
  ASSERT_EQ(result["rows"].size(), 1u);
  const json& row = result["rows"][0];
  EXPECT_EQ(row["ranks"], 1);
  EXPECT_EQ(row["efficiency"], 100);
  EXPECT_GT(row["images_per_second"], 0);
  for (const char* key : {"skew", "skew_ms", "verdict", "reasons", "sum_of_rates"})
    EXPECT_TRUE(row.contains(key)) << key;
}

TEST(Scale, RefusesWhatMakesNoSense) {
  const auto refused = [](std::vector<std::string> more, const char* said) {
    const Finished finished = octet_program()(scale(std::move(more)));
    EXPECT_EQ(finished.exit_code, 2) << said;
    EXPECT_THAT(finished.err, HasSubstr(said));
    EXPECT_EQ(finished.out, "");
  };
  refused({"--ranks", "two"}, "--ranks");
  refused({"--ranks", "1,0"}, "--ranks");
  refused({"--ranks", "1", "--duration", "-1"}, "duration");
  refused({"--ranks", "1", "--batch", "0"}, "batch");
}

TEST(Scale, RefusesMoreRanksThanCores) {
  const Finished finished = octet_program()(scale({"--ranks", "1,60000"}));
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_THAT(finished.err, AllOf(HasSubstr("60000"), HasSubstr("may be used here")));
}

TEST(Scale, RefusesThreadsWhichAreTheCoreGroups) {
  const Finished finished = octet_program()(scale({"--ranks", "1", "--threads", "1"}));
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_THAT(finished.err, HasSubstr("--threads"));
}

TEST(Scale, AMissingLauncherIsNamed) {
  const Finished finished = octet_program()(scale({"--ranks", "1", "--mpirun", "/nonexistent"}));
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_THAT(finished.err, AllOf(HasSubstr("/nonexistent"), HasSubstr("openmpi-bin")));
}

TEST(Scale, WhatTheRanksRefuseIsSaidAsTheyDo) {
  const Finished finished = octet_program()({"scale", "no-such-network", "--ranks", "1"});
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_THAT(finished.err, HasSubstr("no-such-network"));
}

class TwoRanks : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!OCTET_BUILT_WITH_MPI) GTEST_SKIP() << "built without MPI";
    if (const std::string reason = why_no_two_ranks(); !reason.empty()) GTEST_SKIP() << reason;
  }
};

TEST_F(TwoRanks, AreStartedByOctetItself) {
  const TemporaryDirectory directory;
  const std::string records = (directory.path() / "records.json").string();
  const Finished finished =
      octet_program()(scale({"--ranks", "1,2", "--format", "json", "--records", records}));
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const json rows = json::parse(finished.out)["rows"];
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1]["ranks"], 2);
  EXPECT_TRUE(rows[1].contains("serial_fraction"));
  const json& ranks = rows[1]["per_rank"];
  ASSERT_EQ(ranks.size(), 2u);
  EXPECT_NE(ranks[0]["cpus"], ranks[1]["cpus"]);
  EXPECT_EQ(ranks[0]["cpus"], rows[0]["per_rank"][0]["cpus"]) << "the single rank has the first device";
  const json raw = json::parse(read_file(records));
  ASSERT_EQ(raw.size(), 2u);
  EXPECT_EQ(raw[1]["per_rank"][1]["calls"]["images"].size(), ranks[1]["calls"]);
}

TEST_F(TwoRanks, UnderMpirunMeasureOneAndAll) {
  const Finished finished = two_ranks(scale({"--format", "json"}));
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const json rows = json::parse(finished.out)["rows"];
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["ranks"], 1);
  EXPECT_EQ(rows[1]["ranks"], 2);
}

TEST_F(TwoRanks, SayTogetherWhatIsWrong) {
  const Finished finished = two_ranks({"scale", "no-such-network"});
  EXPECT_EQ(finished.exit_code, 2);
  const std::size_t first = finished.err.find("octet: ");
  ASSERT_NE(first, std::string::npos) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("no-such-network"));
  EXPECT_EQ(finished.err.find("octet: ", first + 1), std::string::npos) << "once: " << finished.err;
  EXPECT_EQ(two_ranks(scale({"--ranks", "3"})).exit_code, 2);
}

TEST_F(TwoRanks, ShareAnAccuracyMeasurementWithTheResultOfOne) {
  const std::vector<std::string> arguments = {"accuracy", "octet-20", "--drawn", "200",         "--batch",
                                              "16",       "--format", "json",    "--precision", "fp32,int8"};
  const Finished one = octet_program()(arguments), two = two_ranks(arguments);
  ASSERT_EQ(one.exit_code, 0) << one.err;
  ASSERT_EQ(two.exit_code, 0) << two.err;
  json expected = json::parse(one.out), shared = json::parse(two.out);
  expected.erase("seconds");
  shared.erase("seconds");
  EXPECT_EQ(shared, expected);
  EXPECT_EQ(shared["results"][0]["images"], 200);
}

TEST_F(TwoRanks, DoNotResumeAnAccuracyMeasurement) {
  const Finished finished =
      two_ranks({"accuracy", "octet-20", "--drawn", "20", "--resume", "predictions.json"});
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_THAT(finished.err, HasSubstr("--resume"));
}

}  // namespace
}  // namespace octet::test
