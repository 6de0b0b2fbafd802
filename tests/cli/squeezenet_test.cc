// The real SqueezeNet v1.0 over real photographs, where the shared data are there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"
#include "tests/support/temporary_directory.h"

namespace octet::test {
namespace {

using nlohmann::json;

class SqueezeNet : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(shared_ / "models/squeezenet_v1.0/squeezenet_v1.0.caffemodel"))
      GTEST_SKIP() << "no shared data (" << shared_ << ")";
  }
  json run_json(const std::string& command, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {
        command,     file("models/squeezenet_v1.0/deploy.prototxt"),
        "--weights", file("models/squeezenet_v1.0/squeezenet_v1.0.caffemodel"),
        "--format",  "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished finished = octet_program()(arguments);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return json::parse(finished.out, nullptr, false);
  }
  json accuracy(const std::string& protocol) {
    return run_json("accuracy",
                    {"--images", file("images/imagenet-sample"), "--labels",
                     file("images/imagenet-sample/val.txt"), "--protocol", protocol})["results"][0];
  }
  std::string file(const std::string& name) const { return (shared_ / name).string(); }

  const std::filesystem::path shared_ = "../shared";
};

TEST_F(SqueezeNet, KnowsATench) {
  const json result = run_json(
      "classify", {"--synsets", file("images/synsets.txt"), file("images/imagenet-sample/n01440764.JPEG")});
  EXPECT_EQ(result["images"][0]["top"][0]["label"], "tench");
  EXPECT_GT(result["images"][0]["top"][0]["probability"], 0.5);
}

TEST_F(SqueezeNet, AgreesWithTheReferenceOnEveryInstructionSet) {
  EXPECT_LE(run_json("check", {})["max_error"], 1e-4);
}

// Another engine got exactly 65.4 / 84.6 and 64.2 / 84.2 on these pictures.
TEST_F(SqueezeNet, AccuracyWithCaffesSquash) {
  const json result = accuracy("caffe-squash");
  EXPECT_EQ(result["images"], 500);
  EXPECT_NEAR(result["top1"].get<double>(), 65.4, 0.6);
  EXPECT_NEAR(result["top5"].get<double>(), 84.6, 0.6);
}

TEST_F(SqueezeNet, AccuracyWithPillowsSquash) {
  const json result = accuracy("pillow-squash");
  EXPECT_NEAR(result["top1"].get<double>(), 64.2, 0.6);
  EXPECT_NEAR(result["top5"].get<double>(), 84.2, 0.6);
}

// Calibrated on every second picture and measured on the others: ONNX Runtime agrees with FP32 on 91.2 % of
// them, OpenVINO on 92.0 %.
TEST_F(SqueezeNet, IntegersAreAsAccurateAsFp32OnPicturesThatDidNotCalibrate) {
  const TemporaryDirectory directory;
  const std::string calibration = (directory.path() / "squeezenet.json").string();
  const std::vector<std::string> pictures = {"--images", file("images/imagenet-sample")};
  std::vector<std::string> arguments = {
      "--list", file("images/imagenet-sample/val.txt"), "--every", "2", "--method", "mse", "-o", calibration};
  arguments.insert(arguments.end(), pictures.begin(), pictures.end());
  EXPECT_EQ(run_json("calibrate", arguments)["images"], 250);
  arguments = {"--labels",      file("images/imagenet-sample/val.txt"),
               "--precision",   "fp32,int8",
               "--calibration", calibration};
  arguments.insert(arguments.end(), pictures.begin(), pictures.end());
  const json result = run_json("accuracy", arguments);
  EXPECT_EQ(result["excluded_calibration_images"], 250);
  EXPECT_EQ(result["results"][1]["images"], 250);
  EXPECT_GE(result["results"][1]["agreement"], 93);
  EXPECT_LE(result["paired"]["ci95"][0], 0);
  EXPECT_GE(result["paired"]["ci95"][1], 0);
}

}  // namespace
}  // namespace octet::test
