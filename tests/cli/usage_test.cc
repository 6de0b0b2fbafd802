// What the programs promise to scripts whatever the network: help, exit codes, messages, clean JSON.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "tests/cli/program.h"
#include "tests/cli/tiny_network.h"

namespace octet::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kCommands[] = {"classify", "run",     "bench",   "sweep", "accuracy", "calibrate",
                                     "tune",     "build",   "inspect", "check", "profile",  "export",
                                     "draw",     "devices", "power",   "scale", "project",  "study",
                                     "replay",   "verify",  "compare", "worker"};

TEST(Usage, EveryCommandHasHelpWithAnExample) {
  const Finished all = octet_program()({"--help"});
  EXPECT_EQ(all.exit_code, 0);
  for (const char* command : kCommands) {
    EXPECT_THAT(all.out, HasSubstr(command));
    const Finished help = octet_program()({command, "--help"});
    EXPECT_EQ(help.exit_code, 0) << command;
    EXPECT_THAT(help.out, HasSubstr("Example:\n  octet " + std::string(command)));
    EXPECT_EQ(help.err, "") << command;
  }
  const Finished giexec = giexec_program()({"--help"});
  EXPECT_EQ(giexec.exit_code, 0);
  EXPECT_THAT(giexec.out, HasSubstr("Example:\n  giexec"));
}

TEST(Usage, AnUnknownCommandIsNamedBesideTheKnownOnes) {
  const Finished unknown = octet_program()({"frobnicate"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, StartsWith("octet: unknown command 'frobnicate'"));
  for (const char* command : kCommands) EXPECT_THAT(unknown.err, HasSubstr(command));
}

TEST(Usage, WrongUsageIsExitCode2WithOneMessageOnStderr) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"frobnicate"},
      {"bench"},
      {"bench", "squeezenet-1.0", "--no-such-option"},
      {"bench", "squeezenet-1.0", "--batch", "many"},
      {"bench", "squeezenet-1.0", "--batch", "99999999999999999999"},
      {"bench", "squeezenet-1.0", "--format", "xml"},
      {"classify", "squeezenet-1.0"},
      {"accuracy", "squeezenet-1.0"},
      {"accuracy", "squeezenet-1.0", "--images", "a", "--drawn", "3"},
      {"calibrate", "squeezenet-1.0", "--synthetic"},
      {"tune", "squeezenet-1.0", "--images", "a"},
      {"run", "squeezenet-1.0", "--input", "x.npy"},
      {"inspect"},
  };
  for (const auto& arguments : wrong) {
    const Finished finished = octet_program()(arguments);
    const std::string shown = ::testing::PrintToString(arguments);
    EXPECT_EQ(finished.exit_code, 2) << shown;
    EXPECT_EQ(finished.out, "") << shown;
    EXPECT_THAT(finished.err, StartsWith("octet: ")) << shown;
  }
}

TEST(Usage, DevicesSaysEachInstructionSetAndWhyNot) {
  const Finished finished = octet_program()({"devices", "--format", "json", "--no-peaks"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const json document = json::parse(finished.out);
  ASSERT_EQ(document["instruction_sets"].size(), 6u);
  EXPECT_EQ(document["instruction_sets"][0]["isa"], "generic");
  EXPECT_EQ(document["instruction_sets"][0]["usable"], true);
  for (const json& set : document["instruction_sets"]) {
    EXPECT_EQ(set.value("reason", "").empty(), set["usable"].get<bool>()) << set;
  }
  EXPECT_GE(document["default_threads"], 1);
  EXPECT_FALSE(document.contains("peaks"));
}

/// On a machine with or without GPU or driver.
TEST(Usage, DevicesSaysEachGpuAndWhyNot) {
  const Finished finished = octet_program()({"devices", "--format", "json", "--no-peaks"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const json document = json::parse(finished.out);
  const json& cuda = document["cuda"];
  EXPECT_EQ(cuda["least_driver_version"], "11.4");
  bool usable = false;
  for (const json& gpu : document["gpus"]) {
    EXPECT_EQ(gpu.value("reason", "").empty(), gpu["usable"].get<bool>()) << gpu;
    usable |= gpu["usable"].get<bool>();
  }
  EXPECT_EQ(cuda["usable"], usable);
  EXPECT_EQ(cuda.value("reason", "").empty(), usable) << cuda;
  EXPECT_TRUE(document["gpus"].empty() || !cuda["driver_version"].is_null());

  const Finished text = octet_program()({"devices", "--no-peaks"});
  ASSERT_EQ(text.exit_code, 0) << text.err;
  if (!usable) {
    EXPECT_THAT(text.out, HasSubstr("gpus     none: " + cuda["reason"].get<std::string>()));
  }
}

TEST(Usage, DevicesMeasuresPeaks) {
  const Finished finished = octet_program()({"devices", "--format", "json", "--threads", "1"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const json peaks = json::parse(finished.out)["peaks"];
  EXPECT_EQ(peaks["threads"], 1);
  EXPECT_GT(peaks["fp32_gflops"], 0);
  EXPECT_GT(peaks["memory_read_gbps"], 0);
}

TEST(Usage, AnInterruptEndsWith130) {
  const Finished finished =
      octet_program()({"bench", "squeezenet-1.0", "--duration", "200", "--threads", "1"}, [](pid_t pid) {
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
        kill(pid, SIGINT);
      });
  EXPECT_EQ(finished.exit_code, 130);
  EXPECT_EQ(finished.out, "");
  EXPECT_THAT(finished.err, HasSubstr("interrupted"));
}

/// What this build or machine cannot do, and values out of range.
class Option : public ::testing::Test {
 protected:
  void refused(std::vector<std::string> options, const std::string& words) {
    std::vector<std::string> arguments = {"bench", net_, "--warmup", "0"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Finished finished = octet_program()(arguments);
    EXPECT_EQ(finished.exit_code, 2) << ::testing::PrintToString(options) << finished.out;
    EXPECT_EQ(finished.out, "");
    EXPECT_THAT(finished.err, StartsWith("octet: "));
    EXPECT_THAT(finished.err, HasSubstr(words));
  }

  TemporaryDirectory directory_;
  std::string net_ = directory_.write("tiny.prototxt", kTinyPrototxt).string();
};

TEST_F(Option, BatchMustBeAtLeast1) {
  refused({"--batch", "0"}, "--batch: expected 1 or more, got 0");
  refused({"--batch", "-3"}, "got -3");
}

TEST_F(Option, ABatchThatDoesNotFitIsRefusedBeforeAnythingIsAllocated) {
  refused({"--batch", "2000000000"}, "batch");
  refused({"--batch", "512", "--memory-limit", "64KiB"}, "64.0 KiB");
}

TEST_F(Option, MoreThreadsThanCpusIsAnErrorThatNamesBoth) {
  refused({"--threads", "100000"}, "100000 threads, but this process may use only");
  refused({"--threads", "-1"}, "got -1");
}

TEST_F(Option, CpusMustBeThisProcesss) {
  refused({"--cpus", "60000"}, "CPU 60000");
  refused({"--cpus", "1-"}, "0,2-3");
  refused({"--cpus", "a"}, "0,2-3");
  refused({"--cpus", "3-1"}, "0,2-3");
}

TEST_F(Option, WhatIsNotAvailableSaysWhatIs) {
  refused({"--precision", "int4"}, "int4");
  refused({"--precision", "fp64"}, "fp64");
  refused({"--device", "gpu"}, "expected cpu, cuda or cuda:N");
  refused({"--device", "cuda:-1"}, "expected cpu, cuda or cuda:N");
  refused({"--device", "cuda:1x"}, "expected cpu, cuda or cuda:N");
  refused({"--isa", "sse9"}, "sse9");
  refused({"--scenario", "multi-stream"}, "expected offline, single-stream or server");
}

TEST_F(Option, OutOfRangeValuesAreErrors) {
  refused({"--memory-limit", "0"}, "--memory-limit");
  refused({"--memory-limit", "much"}, "much");
  refused({"--iterations", "-1"}, "iterations");
  refused({"--iterations", "0", "--duration", "0"}, "duration");
  refused({"--scenario", "single-stream", "--batch", "2"}, "single-stream");
  refused({"--disable-pass", "no-such-pass"}, "no-such-pass");
  refused({"--tensor", "no-such-tensor"}, "no-such-tensor");
}

TEST_F(Option, AnInstructionSetThatTheMachineLacksIsRefusedWithTheReason) {
  const json sets = json::parse(octet_program()({"devices", "--format", "json", "--no-peaks"}).out);
  bool any = false;
  for (const json& set : sets["instruction_sets"]) {
    if (set["usable"] == true) continue;
    refused({"--isa", set["isa"]}, set["reason"]);
    any = true;
  }
  if (!any) GTEST_SKIP() << "this machine has every instruction set";
}

}  // namespace
}  // namespace octet::test
