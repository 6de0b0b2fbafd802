// octet sweep: rows that were measured, that do not fit, and that there was no time for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"
#include "tests/cli/tiny_network.h"

namespace octet::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class SweepCommand : public ::testing::Test {
 protected:
  Finished run(std::vector<std::string> options) {
    options.insert(options.begin(), {"sweep", net_, "--warmup", "0", "--iterations", "2"});
    return octet_program()(options);
  }
  json run_json(std::vector<std::string> options) {
    options.insert(options.end(), {"--format", "json"});
    const Finished finished = run(options);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return json::parse(finished.out, nullptr, false);
  }
  void refused(const std::vector<std::string>& options, const std::string& words) {
    const Finished finished = run(options);
    EXPECT_EQ(finished.exit_code, 2) << ::testing::PrintToString(options) << finished.out;
    EXPECT_EQ(finished.out, "");
    EXPECT_THAT(finished.err, HasSubstr(words));
  }

  TemporaryDirectory directory_;
  std::string net_ = directory_.write("tiny.prototxt", kTinyPrototxt).string();
};

TEST_F(SweepCommand, EveryRowHasBenchsKeys) {
  const json rows = run_json({"--batches", "1,3", "--precision", "fp32,int8"})["rows"];
  ASSERT_EQ(rows.size(), 4u);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const json& row = rows[i];
    EXPECT_EQ(row["network"], "tiny");
    EXPECT_EQ(row["batch"], i < 2 ? 1 : 3);
    EXPECT_EQ(row["precision"], i % 2 == 0 ? "fp32" : "int8");
    for (const char* key : {"threads", "isa", "memory_bytes", "engine_hash", "output_hash", "validity",
                            "reasons", "observation", "energy"})
      EXPECT_TRUE(row.contains(key)) << key;
    EXPECT_GT(row["images_per_second"]["median"], 0);
    EXPECT_GT(row["latency_ms"]["p99"], 0);
  }
  EXPECT_NE(rows[0]["output_hash"], rows[1]["output_hash"]);
}

TEST_F(SweepCommand, ARowThatDoesNotFitSaysWhatItNeeds) {
  const json result = run_json({"--batches", "1,1000", "--precision", "fp32", "--memory-limit", "1MiB"});
  EXPECT_EQ(result["memory_limit_bytes"], 1 << 20);
  EXPECT_TRUE(result["rows"][0].contains("images_per_second"));
  const json& row = result["rows"][1];
  EXPECT_EQ(row["batch"], 1000);
  EXPECT_EQ(row["fits"], false);
  EXPECT_EQ(row["limit_bytes"], 1 << 20);
  // At least the pictures and the classes' scores.
  EXPECT_GT(row["needed_bytes"], 1000 * 4 * (3 * 16 * 16 + 10));
  const Finished nothing = run({"--batches", "1,2", "--precision", "fp32", "--memory-limit", "32KiB"});
  EXPECT_EQ(nothing.exit_code, 0) << nothing.err;
  EXPECT_THAT(nothing.out, HasSubstr("does not fit: needs "));
}

TEST_F(SweepCommand, ARowThatThereIsNoTimeForSaysWhatItWouldTake) {
  const json rows =
      run_json({"--batches", "1,2,4", "--precision", "fp32", "--time-budget", "0.000001"})["rows"];
  EXPECT_TRUE(rows[0].contains("images_per_second")) << "the first row is run in any case";
  for (std::size_t i = 1; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i]["not_run"], true);
    EXPECT_GT(rows[i]["predicted_s"], 0);
  }
}

TEST_F(SweepCommand, WhatMakesNoSenseIsRefusedByName) {
  refused({"--batches", "4,2"}, "got 2 after 4");
  refused({"--batches", "1,1"}, "got 1 after 1");
  refused({"--batches", "0"}, "got 0");
  refused({"--batches", ""}, "atches");
  refused({"--batches", "1,two"}, "'two'");
  refused({"--batches", "1,,2"}, "''");
  refused({"--batches", "1,99999999"}, "batch");
  refused({"--batches", "99999999999"}, "--batches");
  refused({"--precision", "fp32,fp32"}, "twice");
  refused({"--precision", "fp33"}, "fp33");
  refused({"--precision", "mixed"}, "--calibration");
  refused({"--time-budget", "-1"}, "time budget");
  refused({"--time-budget", "nan"}, "time budget");
  refused({"--iterations", "-1"}, "iterations");
  refused({"--memory-limit", "0"}, "--memory-limit");
  refused({"--batch", "3"}, "--batch");
}

}  // namespace
}  // namespace octet::test
