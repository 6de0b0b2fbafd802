// octet study, from the first start to the report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/cli/program.h"
#include "tests/cli/tiny_study.h"

namespace octet::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

TEST_F(Study, EndsWithABundleThatVerifiesAndCanBeReplayed) {
  const Finished run = study(tiny());
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("report: " + (folder_ / "report.html").string()));
  EXPECT_TRUE(fs::exists(folder_ / "report.html"));
  const json results = read_json(folder_ / "results.json");
  EXPECT_EQ(results.at("study").at("status"), "complete");
  EXPECT_EQ(results.at("throughput").size(), 4u);
  for (const json& row : results.at("throughput")) EXPECT_EQ(row.at("outcome"), "measured");
  EXPECT_EQ(results.at("throughput")[0].at("energy").at("modelled"), true);
  EXPECT_EQ(results.at("accuracy").size(), 1u);
  EXPECT_EQ(results.at("layers").size(), 2u);
  EXPECT_EQ(results.at("projected").size(), 2u);
  EXPECT_EQ(results.at("scaling").at(0).at("rows").at(0).at("outcome"), "measured");

  const Finished verified = octet_program()({"verify", folder_.string()});
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;

  const auto before = records(folder_);
  const Finished again = study({"-o", folder_.string()});  // the folder knows its configuration
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(records(folder_), before);

  const fs::path replayed = directory_.path() / "replayed";
  const Finished replay = octet_program()({"replay", folder_.string(), "-o", replayed.string()});
  EXPECT_EQ(replay.exit_code, 0) << replay.err;
  EXPECT_EQ(read_file(replayed / "study.toml"), read_file(folder_ / "study.toml"));
  EXPECT_EQ(octet_program()({"compare", folder_.string(), replayed.string()}).exit_code, 0);
  EXPECT_EQ(octet_program()({"replay", folder_.string(), "-o", folder_.string()}).exit_code, 2);

  std::string report = read_file(folder_ / "report.html");
  report[report.size() / 2] ^= 1;
  std::ofstream(folder_ / "report.html", std::ios::binary) << report;
  EXPECT_EQ(octet_program()({"verify", folder_.string()}).exit_code, 3);
}

/// Interrupted when so many records are there. It may have ended before the signal came.
TEST_F(Study, InterruptedItLeavesAValidPartialBundleAndGoesOn) {
  std::map<std::string, std::string> before;
  for (const std::size_t count : {std::size_t{1}, std::size_t{4}}) {
    const Finished run = study(tiny(), [&](pid_t pid) {
      const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
      while (records(folder_).size() < count && std::chrono::steady_clock::now() < give_up)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      kill(pid, SIGINT);
    });
    ASSERT_TRUE(run.exit_code == 130 || run.exit_code == 0) << run.exit_code << run.err;
    if (run.exit_code == 130) {
      EXPECT_THAT(run.out, HasSubstr("interrupted"));
      EXPECT_EQ(read_json(folder_ / "results.json").at("study").at("status"), "partial");
    }
    const Finished verified = octet_program()({"verify", folder_.string()});
    EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
    for (const auto& [file, bytes] : before) EXPECT_EQ(records(folder_)[file], bytes) << file;
    before = records(folder_);
  }
  const Finished rest = study(tiny());
  ASSERT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_EQ(read_json(folder_ / "results.json").at("study").at("status"), "complete");
  for (const auto& [file, bytes] : before) EXPECT_EQ(records(folder_)[file], bytes) << file;
  EXPECT_EQ(octet_program()({"verify", folder_.string()}).exit_code, 0);
}

TEST_F(Study, TellsWhatItWouldDoWithoutDoingIt) {
  std::vector<std::string> arguments = tiny();
  arguments.insert(arguments.end(), {"--dry-run", "--format", "json"});
  const Finished plan = study(arguments);
  ASSERT_EQ(plan.exit_code, 0) << plan.err;
  const json document = json::parse(plan.out);
  EXPECT_EQ(document.at("units").at(0).at("key"), "machine");
  EXPECT_EQ(document.at("units").at(1).at("key"), "throughput/octet-20/fp32/b4");
  EXPECT_FALSE(fs::exists(folder_));
  const Finished config = study({"--quick", "--engines", "octet,openvino", "--print-config"});
  EXPECT_EQ(config.exit_code, 0);
  EXPECT_THAT(config.out, HasSubstr("engines = [\"octet\", \"openvino\"]"));
}

TEST_F(Study, ATimeBudgetLeavesRowsThatWereNotRun) {
  std::vector<std::string> arguments = tiny();
  arguments.insert(arguments.end(), {"--time-budget", "0.001", "--format", "json"});
  const Finished run = study(arguments);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json document = json::parse(run.out);
  EXPECT_EQ(document.at("not_run"), document.at("units"));
  EXPECT_EQ(octet_program()({"verify", folder_.string()}).exit_code, 0);
}

TEST_F(Study, BadInputIsExitCode2AndNamesWhatIsWrong) {
  const auto expect = [&](const std::vector<std::string>& arguments, const std::string& text) {
    const Finished run = study(arguments);
    EXPECT_EQ(run.exit_code, 2) << text;
    EXPECT_THAT(run.err, HasSubstr(text));
  };
  std::ofstream(directory_.path() / "misspelt.toml") << "[throughput]\nbatchs = [1]\n";
  expect({"--config", (directory_.path() / "misspelt.toml").string()}, "did you mean 'batches'");
  expect({"--config", "none.toml"}, "none.toml: no such file");
  expect({"--quick", "--full"}, "expected one of --quick, --full");
  expect({"--networks", "resnet50"}, "resnet-50");
  expect({"--engines", "onnx"}, "onnx");
  expect({"--time-budget", "-1"}, "--time-budget");
  expect({"--files", "squeezenet"}, "--files");
  expect({"--files", "mine=none.prototxt"}, "none.prototxt: no such file");
  expect({"--images", "no/such/folder"}, "no such folder");
  expect({"--power-model", "much"}, "much");
  std::ofstream(directory_.path() / "file") << "x";
  expect({"--quick", "-o", (directory_.path() / "file").string()}, "expected a folder");
  expect({"--quick", "-o", directory_.path().string()}, "expected a new folder or one of a study");
  const Finished replay = octet_program()({"replay", directory_.path().string()});
  EXPECT_EQ(replay.exit_code, 2);
  EXPECT_THAT(replay.err, HasSubstr("study.toml"));
}

TEST_F(Study, OfSomebodyElseStartsNoProgramUnlessTrusted) {
  std::ofstream(directory_.path() / "study.toml") << "[power]\nipmitool = \"/bin/evil\"\n";
  const std::string bundle = directory_.path().string();
  const Finished refused = octet_program()({"replay", bundle, "--dry-run"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("power.ipmitool = /bin/evil"));
  EXPECT_EQ(octet_program()({"replay", bundle, "--dry-run", "--trust"}).exit_code, 0);
}

}  // namespace
}  // namespace octet::test
