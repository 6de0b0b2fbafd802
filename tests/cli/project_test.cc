// octet project: what scripts read of it, and what it says to bad input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

namespace octet::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

TEST(Project, RowsAreMarkedAsProjectedAndSayWhatDoesNotFit) {
  const Finished finished = octet_program()({"project", "alexnet", "--target", "tesla-p4", "--batches",
                                             "128,2048", "--devices", "1,2", "--format", "json"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const Json document = Json::parse(finished.out);
  EXPECT_EQ(document.at("projected"), true);
  EXPECT_EQ(document.at("target"), "tesla-p4");
  EXPECT_EQ(document.at("precision"), "int8");
  ASSERT_EQ(document.at("rows").size(), 4u);
  EXPECT_EQ(document.at("rows")[0].at("fits"), true);
  EXPECT_GT(document.at("rows")[0].at("images_per_second"), 1000);
  EXPECT_EQ(document.at("rows")[1].at("fits"), false);
  EXPECT_GT(document.at("rows")[1].at("needed_bytes"), document.at("rows")[1].at("limit_bytes"));
}

TEST(Project, TextSaysThatItIsProjected) {
  const Finished finished = octet_program()({"project", "alexnet", "--target", "tesla-p4"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_THAT(finished.out,
              AllOf(HasSubstr("projected for Tesla P4: not measured"), HasSubstr("does not fit")));
}

TEST(Project, LayersSayWhatTheKernelsDo) {
  const Finished finished =
      octet_program()({"project", "squeezenet-1.0", "--target", "tesla-p4", "--batches", "8", "--layers"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_THAT(finished.out, AllOf(HasSubstr("batch 8, layer by layer"), HasSubstr("conv_i8/dp4a"),
                                  HasSubstr("rounds filled"), HasSubstr("nothing of them fitted")));
  const Finished layers = octet_program()({"project", "squeezenet-1.0", "--target", "tesla-p4", "--batches",
                                           "8", "--layers", "--precision", "fp32"});
  ASSERT_EQ(layers.exit_code, 0) << layers.err;
  EXPECT_THAT(layers.out, AllOf(HasSubstr("layer by layer"), Not(HasSubstr("dp4a"))));
}

TEST(Project, TheDeviceOfTheOutputIsADeviceFile) {
  TemporaryDirectory directory;
  const Finished known =
      octet_program()({"project", "alexnet", "--target", "tesla-p40", "--format", "json", "--batches", "8"});
  ASSERT_EQ(known.exit_code, 0) << known.err;
  Json device = Json::parse(known.out).at("device");
  const std::string file = directory.write("mine.json", device.dump()).string();
  const Finished from_file =
      octet_program()({"project", "alexnet", "--target", file, "--format", "json", "--batches", "8"});
  EXPECT_EQ(from_file.out, known.out) << from_file.err;

  device["memory_gpbs"] = 3;
  const std::string misspelt = directory.write("misspelt.json", device.dump()).string();
  const Finished refused = octet_program()({"project", "alexnet", "--target", misspelt});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("misspelt.json: unknown key 'memory_gpbs'"),
                                 HasSubstr("did you mean 'memory_gbps'?")));
}

TEST(Project, BadInputIsRefusedByName) {
  const auto refused = [](std::vector<std::string> more) {
    std::vector<std::string> arguments{"project", "alexnet", "--target", "tesla-p40"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished finished = octet_program()(arguments);
    EXPECT_EQ(finished.exit_code, 2);
    EXPECT_EQ(finished.out, "");
    return finished.err;
  };
  EXPECT_THAT(refused({"--batches", "0"}), HasSubstr("batch: expected 1 to 1048576, got 0"));
  EXPECT_THAT(refused({"--devices", "9"}), HasSubstr("devices: expected 1 to 4, got 9"));
  EXPECT_THAT(refused({"--precision", "bf16"}), HasSubstr("no precision bf16"));
  EXPECT_THAT(refused({"--precision", "int9"}), HasSubstr("int9"));
  const Finished unknown = octet_program()({"project", "alexnet", "--target", "tesla-p5"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, AllOf(HasSubstr("tesla-p5"), HasSubstr("did you mean")));
}

}  // namespace
}  // namespace octet::test
