// octet bench: scenarios, evidence, energy and raw samples on a tiny network, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "tests/cli/program.h"
#include "tests/cli/tiny_network.h"

namespace octet::test {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Bench : public ::testing::Test {
 protected:
  static std::vector<std::string> joined(std::vector<std::string> a, const std::vector<std::string>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }
  json run_json(const std::vector<std::string>& options) {
    const Finished finished =
        octet_program()(joined({"bench", net_, "--warmup", "0", "--format", "json"}, options));
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return json::parse(finished.out, nullptr, false);
  }
  void refused(const std::vector<std::string>& options, const std::string& words) {
    const Finished finished = octet_program()(joined({"bench", net_}, options));
    EXPECT_EQ(finished.exit_code, 2) << ::testing::PrintToString(options) << finished.out;
    EXPECT_EQ(finished.out, "");
    EXPECT_THAT(finished.err, StartsWith("octet: "));
    EXPECT_THAT(finished.err, HasSubstr(words));
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }

  TemporaryDirectory directory_;
  std::string net_ = directory_.write("tiny.prototxt", kTinyPrototxt).string();
};

TEST_F(Bench, SaysWhatTheMachineDidAndWhyItIsToBeBelievedOrNot) {
  const json result = run_json({"--iterations", "3", "--batch", "2"});
  EXPECT_EQ(result["calls"], 3);
  EXPECT_EQ(result["warmup"]["calls"], 2);
  EXPECT_EQ(result["warmup"]["steady"], false);
  EXPECT_GT(result["total_images_per_second"], 0);
  EXPECT_GT(result["build_ms"], 0);
  EXPECT_GT(result["observation"]["seconds"], 0);
  EXPECT_THAT(result["validity"].get<std::string>(), AnyOf("SUSPECT", "INVALID"));
  std::vector<std::string> codes;
  for (const json& reason : result["reasons"]) codes.push_back(reason["code"]);
  EXPECT_THAT(codes, Contains("few-samples"));
  EXPECT_THAT(codes, Contains("not-steady"));
  EXPECT_TRUE(result.contains("energy"));
}

TEST_F(Bench, AModelledPowerIsMarkedAsModelled) {
  const json energy =
      run_json({"--duration", "0.3", "--idle", "0.2", "--power-model", "idle=60,busy=150"})["energy"];
  ASSERT_TRUE(energy.is_object());
  if (energy["kind"] == "model") {
    EXPECT_EQ(energy["modelled"], true);
    EXPECT_GE(energy["watts"], 50);
    EXPECT_GT(energy["images_per_joule"], 0);
  }
}

TEST_F(Bench, RawSamplesAreTheMeasurementItself) {
  const json result = run_json({"--iterations", "20", "--batch", "3", "--samples", path("samples.json")});
  const json record = json::parse(read_file(path("samples.json")));
  EXPECT_EQ(record["schema"], "octet.record/1");
  EXPECT_EQ(record["kind"], "throughput");
  EXPECT_EQ(record["key"], "throughput/tiny/fp32/b3");
  EXPECT_EQ(record["outcome"], "measured");
  const json& system = record["systems"][0];
  EXPECT_EQ(system["info"]["hash"], result["engine_hash"]);
  EXPECT_EQ(system["output_hash"], result["output_hash"]);
  EXPECT_EQ(system["observation"].size(), 1u);
  const json& calls = system["calls"];
  ASSERT_EQ(calls["start_ns"].size(), 20u);
  double ms = 0;
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(calls["images"][i], 3);
    ms += 1e-6 * (calls["stop_ns"][i].get<double>() - calls["start_ns"][i].get<double>());
  }
  EXPECT_NEAR(result["latency_ms"]["mean"], ms / 20, 1e-6);
}

TEST_F(Bench, SamplesThatCannotBeWrittenAreRefusedBeforeMeasuring) {
  refused({"--samples", path("no such folder/samples.json"), "--duration", "100"}, "no such folder");
  refused({"--samples", directory_.path().string(), "--duration", "100"}, "is a folder");
}

TEST_F(Bench, AServerAtOneRateSaysWhetherTheBoundIsKept) {
  // A bound that nothing misses, and one that nothing keeps.
  const std::vector<std::string> server = {"--scenario", "server", "--qps",   "2000",
                                           "--duration", "0.3",    "--batch", "4"};
  const json kept = run_json(joined(server, {"--p99", "60000", "--samples", path("server.json")}));
  EXPECT_EQ(kept["scenario"], "server");
  EXPECT_EQ(kept["server"]["kept"], true);
  EXPECT_EQ(kept["server"]["highest_qps"], 2000);
  EXPECT_EQ(kept["server"]["trials"].size(), 1u);
  EXPECT_EQ(kept["server"]["trials"][0]["requests"], 1000);
  EXPECT_GT(kept["images_per_second"]["median"], 0);
  for (const char* key : {"mean", "p50", "p90", "p99"}) EXPECT_GT(kept["latency_ms"][key], 0) << key;
  const json record = json::parse(read_file(path("server.json")));
  EXPECT_EQ(record["kind"], "server");
  EXPECT_EQ(record["trials"][0]["done_ns"].size(), 1000u);
  EXPECT_EQ(record["trials"][0]["arrival_ns"].size(), 1000u);

  const json missed = run_json(joined(server, {"--p99", "0.000001"}));
  EXPECT_EQ(missed["server"]["kept"], false);
  EXPECT_EQ(missed["server"]["highest_qps"], 0);
  EXPECT_LT(missed["server"]["trials"][0]["requests"], 100) << "it ends once that is clear";
}

TEST_F(Bench, ABoundThatNoRequestKeepsEndsTheSearchWithItsReason) {
  const json result = run_json({"--scenario", "server", "--p99", "0.000001", "--duration", "0.1"});
  EXPECT_EQ(result["server"]["highest_qps"], 0);
  EXPECT_THAT(result["server"]["note"].get<std::string>(), HasSubstr("within the bound"));
}

TEST_F(Bench, PicturesAsBytesAreAnInputOfIntegerEngines) {
  const json result = run_json({"--precision", "int8", "--input-type", "u8", "--iterations", "5"});
  EXPECT_EQ(result["input_type"], "u8");
  EXPECT_EQ(result["precision"], "int8");
  EXPECT_GT(result["images_per_second"]["median"], 0);
}

TEST_F(Bench, WhatMakesNoSenseIsRefusedByName) {
  refused({"--batch", "0"}, "--batch: expected 1 or more, got 0");
  refused({"--duration", "0"}, "duration");
  refused({"--duration", "nan"}, "duration");
  refused({"--iterations", "-1"}, "iterations");
  refused({"--warmup", "-1"}, "warm-up");
  refused({"--scenario", "servre"}, "offline, single-stream or server");
  refused({"--scenario", "single-stream", "--batch", "2"}, "one image at a time");
  refused({"--qps", "5"}, "--scenario server");
  refused({"--scenario", "server"}, "--p99");
  refused({"--scenario", "server", "--p99", "-1"}, "p99");
  refused({"--scenario", "server", "--p99", "nan"}, "p99");
  refused({"--scenario", "server", "--p99", "5", "--qps", "0"}, "qps");
  refused({"--scenario", "server", "--p99", "5", "--qps", "inf"}, "qps");
  refused({"--scenario", "server", "--p99", "5", "--iterations", "3"}, "--iterations");
  refused({"--scenario", "server", "--p99", "5", "--tolerance", "0"}, "tolerance");
  refused({"--input-type", "u8"}, "--precision int8");
  refused({"--input-type", "u16"}, "--input-type");
  refused({"--idle", "-1"}, "--idle");
  refused({"--power-model", "hot"}, "power model");
}

TEST_F(Bench, AnInterruptLeavesNoFile) {
  const std::string file = path("samples/samples.json");
  std::filesystem::create_directory(directory_.path() / "samples");
  const Finished finished = octet_program()(
      {"bench", net_, "--duration", "200", "--warmup", "0", "--samples", file}, [](pid_t pid) {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        kill(pid, SIGINT);
      });
  EXPECT_EQ(finished.exit_code, 130);
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path() / "samples"));
}

}  // namespace
}  // namespace octet::test
