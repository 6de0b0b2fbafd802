// octet study beside another engine: a shell script that speaks the peers' protocol (lab/peers/worker.py)
// stands for Python.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/cli/program.h"

namespace octet::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kTinyPeersStudy = R"(
throughput = {networks = ["octet-20"], precisions = ["fp32"], batches = [1], seconds = 0.02, warmup_s = 0.02, engines = ["octet", "onnxruntime"]}
ladder = {networks = []}
server = {networks = []}
scaling = {networks = []}
accuracy = {networks = []}
calibration = {networks = []}
layers = {networks = []}
power = {idle_s = 0}
projection = {networks = []}
)";

class StudyBesidePeers : public ::testing::Test {
 protected:
  StudyBesidePeers() {
    std::ofstream(directory_.path() / "tiny.toml") << kTinyPeersStudy;
    fs::current_path(directory_.path());  // where .venv-peers is looked for first
  }
  ~StudyBesidePeers() override { fs::current_path(before_); }

  /// A Python with ONNX Runtime but without OpenVINO and the quantizer, and what it does when it is to load.
  static void fake_python(const std::string& load) {
    fs::create_directories(".venv-peers/bin");
    const fs::path program = ".venv-peers/bin/python";
    std::ofstream(program)
        << "#!/bin/sh\nwhile read -r line; do case $line in\n*describe*) echo '"
        << R"({"python":"3.0","engines":{"onnxruntime":{"version":"1.2"},"openvino":{"missing":"No module"}},"quantizer":{"missing":"no onnx"}})"
        << "';;\n*load*) " << load << ";;\nesac; done\n";
    fs::permissions(program, fs::perms::owner_all);
  }
  static Finished study(std::vector<std::string> options, const std::function<void(pid_t)>& started = {}) {
    options.insert(options.begin(), {"study", "--config", "tiny.toml", "-o", "bundle"});
    return octet_program()(options, started);
  }
  static void expect_valid_bundle() {
    const Finished verified = octet_program()({"verify", "bundle"});
    EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  }

  TemporaryDirectory directory_;
  fs::path before_ = fs::current_path();
};

TEST_F(StudyBesidePeers, AnEngineThatIsNotThereIsRefusedBeforeAnythingIsMeasured) {
  fake_python("exit 9");
  const Finished openvino = study({"--engines", "octet,openvino"});
  EXPECT_EQ(openvino.exit_code, 2);
  EXPECT_THAT(openvino.err, AllOf(HasSubstr("openvino cannot be used"), HasSubstr("No module"),
                                  HasSubstr("scripts/study")));
  EXPECT_FALSE(fs::exists("bundle"));

  const Finished int8 =
      octet_program()({"study", "--quick", "--engines", "octet,onnxruntime", "-o", "bundle"});
  EXPECT_EQ(int8.exit_code, 2);
  EXPECT_THAT(int8.err, AllOf(HasSubstr("quantizer"), HasSubstr("no onnx"), HasSubstr("scripts/study")));
  EXPECT_FALSE(fs::exists("bundle"));
}

TEST_F(StudyBesidePeers, APeerThatDiesIsARowThatFailedAndTheRestGoesOn) {
  fake_python("echo out of memory >&2; exit 9");
  const Finished run = study({});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, AllOf(HasSubstr("throughput/octet-20/fp32/b1"), HasSubstr("out of memory")));
  const json rows = json::parse(read_file("bundle/results.json")).at("throughput");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].at("engine"), "octet");
  EXPECT_EQ(rows[0].at("outcome"), "measured");
  EXPECT_EQ(rows[1].at("engine"), "onnxruntime");
  EXPECT_EQ(rows[1].at("outcome"), "failed");
  EXPECT_THAT(rows[1].at("error").get<std::string>(), HasSubstr("exit code 9, saying: out of memory"));
  expect_valid_bundle();
}

TEST_F(StudyBesidePeers, InterruptedWhileAPeerIsWaitedForItLeavesNoProcessAndAValidBundle) {
  fake_python("echo $$ > pid; sleep 1000");
  pid_t peer = 0;
  const Finished run = study({}, [&](pid_t pid) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!(std::ifstream("pid") >> peer) && std::chrono::steady_clock::now() < give_up)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    kill(pid, SIGINT);
  });
  EXPECT_EQ(run.exit_code, 130) << run.err;
  ASSERT_GT(peer, 0) << "the peer was not started";
  EXPECT_EQ(kill(peer, 0), -1);
  EXPECT_EQ(errno, ESRCH);
  EXPECT_EQ(json::parse(read_file("bundle/results.json")).at("study").at("status"), "partial");
  expect_valid_bundle();
}

}  // namespace
}  // namespace octet::test
