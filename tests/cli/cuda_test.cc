// The program on CUDA devices, without one: its own dlopen finds a pretended driver
// (tests/cuda/pretended_driver) that runs launches on a model of a GPU.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "tests/cli/mpirun.h"
#include "tests/cli/pictures.h"
#include "tests/cli/program.h"

namespace octet::test {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// Environment variables, as they were afterwards.
class Environment {
 public:
  ~Environment() {
    for (const auto& [name, value] : before_) put(name, value);
  }
  void set(const std::string& name, const std::string& value) {
    const char* old = std::getenv(name.c_str());
    before_.try_emplace(name, old == nullptr ? std::nullopt : std::optional<std::string>(old));
    put(name, value);
  }

 private:
  static void put(const std::string& name, const std::optional<std::string>& value) {
    if (value)
      ::setenv(name.c_str(), value->c_str(), 1);
    else
      ::unsetenv(name.c_str());
  }
  std::map<std::string, std::optional<std::string>> before_;
};

/// libcuda.so.1 is looked for in this folder first.
void find_driver_in(Environment& environment, const std::string& folder) {
  const char* others = std::getenv("LD_LIBRARY_PATH");
  environment.set("LD_LIBRARY_PATH", others == nullptr ? folder : folder + ":" + others);
}

/// Two devices of different architectures with 1 GiB each.
class CudaProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    find_driver_in(environment_, OCTET_PRETENDED_DRIVER);
    environment_.set("OCTET_PRETENDED_DEVICES", "Pretended H200:9.0:1073741824;Pretended T4:7.5:1073741824");
    const json devices = run_json({"devices", "--no-peaks"});
    const std::string reason = devices["cuda"].value("reason", "");
    if (reason.find("no device code") != std::string::npos) GTEST_SKIP() << reason;
    ASSERT_EQ(reason, "");
  }

  /// With the pretended driver's complaints, if there are any, as failures.
  Finished run(const std::vector<std::string>& arguments) {
    Finished finished = octet_program()(arguments);
    EXPECT_THAT(finished.err, Not(HasSubstr("pretended driver:")));
    return finished;
  }
  json run_json(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--format", "json"});
    const Finished finished = run(arguments);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return json::parse(finished.out, nullptr, false);
  }
  /// A command on octet-20 in int8 with a calibration that is there.
  static std::vector<std::string> octet_20(const std::string& command, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {command, "octet-20",      "--precision",
                                          "int8",  "--calibration", "tests/golden/int8/octet-20.json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  static std::vector<std::string> bench(std::vector<std::string> more) {
    more.insert(more.end(), {"--iterations", "2", "--warmup", "0"});
    return octet_20("bench", more);
  }
  void refused(const std::vector<std::string>& arguments, const std::string& said) {
    const Finished finished = run(arguments);
    EXPECT_EQ(finished.exit_code, 2) << said;
    EXPECT_EQ(finished.out, "");
    EXPECT_THAT(finished.err, HasSubstr(said));
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }

  Environment environment_;
  TemporaryDirectory directory_;
};

TEST_F(CudaProgram, DevicesAreShown) {
  const json document = run_json({"devices", "--no-peaks"});
  EXPECT_EQ(document["cuda"]["driver_version"], "12.4");
  EXPECT_EQ(document["cuda"]["usable"], true);
  const json& gpus = document["gpus"];
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_EQ(gpus[0]["name"], "Pretended H200");
  EXPECT_EQ(gpus[1]["compute_capability"], "7.5");
  EXPECT_EQ(gpus[1]["memory_bytes"], 1 << 30);
  const std::string text = run({"devices", "--no-peaks"}).out;
  EXPECT_THAT(text, AllOf(HasSubstr("gpu 0    Pretended H200"), HasSubstr("gpu 1    Pretended T4"),
                          Not(HasSubstr("cannot be used"))));
}

TEST_F(CudaProgram, BenchGivesTheOutputOfTheCpu) {
  const json cpu = run_json(bench({}));
  for (const char* device : {"cuda:0", "cuda:1"}) {
    const json gpu = run_json(bench({"--device", device, "--batch", "2"}));
    EXPECT_EQ(gpu["output_hash"], cpu["output_hash"]) << device;
    EXPECT_THAT(gpu["device"].get<std::string>(), HasSubstr(device));
  }
  EXPECT_FALSE(cpu.contains("device"));
}

TEST_F(CudaProgram, CheckComparesTheDeviceWithTheInstructionSets) {
  const std::vector<std::string> arguments = octet_20("check", {"--device", "cuda:0", "--threads", "1"});
  const json result = run_json(arguments);
  EXPECT_EQ(result["identical"], true);
  EXPECT_EQ(result["output_hash"]["cuda:0"], result["output_hash"]["generic"]);
  int pixels = 0, values = 0, on_cpu = 0;
  for (const json& run : result["runs"]) {
    if (run["device"] == "cpu") ++on_cpu;
    if (run["device"] != "cuda:0") continue;
    EXPECT_EQ(run["isa"], "sm_90");
    ++(run["input"] == "u8" ? pixels : values);
  }
  EXPECT_EQ(values, 3) << "batches";
  EXPECT_GT(on_cpu, 0);
  EXPECT_LE(pixels, 1);
}

TEST_F(CudaProgram, CheckSaysInWordsWhatRanWhere) {
  const Finished finished = run(octet_20("check", {"--device", "cuda:1", "--isa", "generic"}));
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_THAT(finished.out, AllOf(HasSubstr("cuda:1 (sm_75)"), HasSubstr("generic"),
                                  HasSubstr("passed: outputs are bit for bit the same everywhere")));
}

TEST_F(CudaProgram, CommandsOnPicturesGiveTheResultsOfTheCpu) {
  const std::string picture = path("picture.png");
  write_png(picture, 75);
  const auto on = [&](const char* device) {
    return run_json({"classify", "octet-20", picture, "--protocol", "caffe-squash", "--precision", "int8",
                     "--device", device});
  };
  json gpu = on("cuda:0"), cpu = on("cpu");
  for (json* result : {&gpu, &cpu})
    for (const char* key : {"seconds", "ms", "isa", "threads", "engine_hash"}) result->erase(key);
  EXPECT_EQ(gpu, cpu);
  const auto output = [&](const char* device) {
    const std::string file = path("output.npy");
    const Finished finished = run({"run", "octet-20", "--images", directory_.path().string(), "--protocol",
                                   "caffe-squash", "--precision", "int8", "--device", device, "-o", file});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return read_file(file);
  };
  EXPECT_EQ(output("cuda:0"), output("cpu"));
  const auto accuracy = [&](const char* device) {
    return run_json({"accuracy", "octet-20", "--drawn", "8", "--batch", "4", "--precision", "int8",
                     "--device", device})["results"][0];
  };
  EXPECT_EQ(accuracy("cuda:1"), accuracy("cpu"));
}

TEST_F(CudaProgram, ProfileHasATimeForEachLayer) {
  const json result = run_json(octet_20("profile", {"--device", "cuda:0", "--iterations", "1"}));
  EXPECT_GE(result["layers"].size(), 16u);
  for (const json& layer : result["layers"]) EXPECT_GT(layer["ms"], 0) << layer;
  EXPECT_EQ(result["isa"], "sm_90");
}

TEST_F(CudaProgram, InspectSaysWhatTheDeviceHolds) {
  const json on_cpu = run_json(octet_20("inspect", {"--memory"}));
  EXPECT_EQ(on_cpu["memory"]["device_bytes"], 0);
  const json memory = run_json(octet_20("inspect", {"--memory", "--device", "cuda:0"}))["memory"];
  EXPECT_GT(memory["device_bytes"], memory["weight_bytes"]);
}

TEST_F(CudaProgram, ASavedEngineRunsOnAnyDeviceOfItsKindAndNoOther) {
  const std::string gpu = path("gpu.octet"), cpu = path("cpu.octet");
  ASSERT_EQ(run(octet_20("build", {"--device", "cuda:1", "-o", gpu})).exit_code, 0);
  ASSERT_EQ(run(octet_20("build", {"-o", cpu})).exit_code, 0);
  const auto load = [](const std::string& file, std::vector<std::string> more) {
    std::vector<std::string> arguments = {"bench", file, "--iterations", "1", "--warmup", "0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  const json on_cpu = run_json(load(cpu, {}));
  for (const std::vector<std::string>& device : {std::vector<std::string>{}, {"--device", "cuda:1"}})
    EXPECT_EQ(run_json(load(gpu, device))["output_hash"], on_cpu["output_hash"]);
  refused(load(gpu, {"--device", "cpu"}), "device cpu: expected cuda:N, for which the engine was built");
  refused(load(cpu, {"--device", "cuda:0"}), "device cuda:0: expected cpu, for which the engine was built");
}

TEST_F(CudaProgram, WhatHasNoKernelThereNamesTheLayer) {
  refused(
      {"bench", "octet-20", "--device", "cuda:0"},
      "layer 'conv1': Convolution: no kernel computes this operation in fp32 on a CUDA device, where layers "
      "with weights have kernels for integers only; expected precision int8 or int16");
}

TEST_F(CudaProgram, AnIndexOutOfRangeNamesTheRange) {
  refused(bench({"--device", "cuda:2"}), "CUDA device 2: expected 0 to 1");
}

TEST_F(CudaProgram, TooLittleMemorySaysWhatIsNeededAndFree) {
  environment_.set("OCTET_PRETENDED_DEVICES", "Small:8.0:300000");
  const Finished finished = run(bench({"--device", "cuda:0", "--batch", "4"}));
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_THAT(finished.err, AllOf(HasSubstr("octet-20 at batch 4 does not fit CUDA device 0 (Small): needs "),
                                  HasSubstr("(300000 bytes) are free"), Not(HasSubstr("in all"))));
}

TEST_F(CudaProgram, ADriverThatIsTooOldSaysSo) {
  environment_.set("OCTET_PRETENDED_CUDA", "10020");
  refused(bench({"--device", "cuda:0"}), "the CUDA driver is too old: it supports CUDA 10.2, 11.4 or later");
}

TEST_F(CudaProgram, NoDeviceIsAnErrorAndNoneIsShown) {
  environment_.set("OCTET_PRETENDED_DEVICES", "none");
  refused(bench({"--device", "cuda:0"}), "CUDA device 0: the CUDA driver finds no device");
  EXPECT_EQ(run_json({"devices", "--no-peaks"})["gpus"].size(), 0u);
}

TEST_F(CudaProgram, ADeviceThatFallsOffEndsABenchAndNothingIsWritten) {
  const std::string samples = path("samples.json");
  for (const char* failure :
       {"cuGraphLaunch:3:719", "cuStreamSynchronize:4:214", "cuMemcpyDtoHAsync_v2:2:46"}) {
    environment_.set("OCTET_PRETENDED_FAILURE", failure);
    const Finished finished = run(octet_20("bench", {"--device", "cuda:0", "--iterations", "50", "--warmup",
                                                     "0", "--samples", samples, "--format", "json"}));
    EXPECT_NE(finished.exit_code, 0) << failure;
    EXPECT_LT(finished.exit_code, 128) << "a signal: " << failure;
    EXPECT_EQ(finished.out, "");
    EXPECT_THAT(finished.err,
                AllOf(HasSubstr("CUDA device 0 (Pretended H200): "), HasSubstr("CUDA_ERROR_PRETENDED"),
                      HasSubstr("the device does no more work for this process")));
    EXPECT_FALSE(std::filesystem::exists(samples)) << failure;
  }
}

TEST(CudaProgramWithoutDriver, SaysSo) {
  const TemporaryDirectory directory;
  directory.write("libcuda.so.1", "no library");
  Environment environment;
  find_driver_in(environment, directory.path().string());
  const Finished finished = octet_program()({"bench", "octet-20", "--precision", "int8", "--device", "cuda"});
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_THAT(finished.err,
              AllOf(HasSubstr("CUDA device 0: "),
                    ::testing::AnyOf(HasSubstr("no CUDA driver"), HasSubstr("no device code"))));
}

// ---- ranks

std::vector<std::string> scale_on(const char* device, std::vector<std::string> more,
                                  const char* seconds = "0.2") {
  std::vector<std::string> arguments = {
      "scale",         "octet-20", "--precision", "int8", "--calibration", "tests/golden/int8/octet-20.json",
      "--duration",    seconds,    "--warmup",    "0.1",  "--batch",       "1",
      "--group-cores", "1",        "--device",    device};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST_F(CudaProgram, ScaleTakesADeviceARank) {
  const json row = run_json(scale_on("cuda", {"--ranks", "1"}))["rows"][0];
  EXPECT_EQ(row["per_rank"][0]["device"], "cuda:0, Pretended H200, 0000:3B:00.0");
  const json other = run_json(scale_on("cuda:1", {"--ranks", "1"}))["rows"][0];
  EXPECT_THAT(other["per_rank"][0]["device"].get<std::string>(), HasSubstr("cuda:1, Pretended T4"));
}

TEST_F(CudaProgram, ScaleRefusesRanksThatWouldShareADevice) {
  refused(scale_on("cuda:1", {"--ranks", "1,2"}),
          "--device cuda:1: 2 ranks cannot share a device; expected cuda, which gives each rank");
  refused(scale_on("cuda", {"--ranks", "1,3"}),
          "--device cuda: 3 ranks, but this machine has 2 CUDA devices, and each rank needs one of its own; "
          "start at most 2");
}

class TwoCudaRanks : public CudaProgram {
 protected:
  void SetUp() override {
    CudaProgram::SetUp();
    if (IsSkipped() || HasFailure()) return;
    if (!OCTET_BUILT_WITH_MPI) GTEST_SKIP() << "built without MPI";
    if (const std::string reason = why_no_two_ranks(); !reason.empty()) GTEST_SKIP() << reason;
    environment_.set("OCTET_PRETENDED_DEVICES", "Pretended A:8.0:1073741824;Pretended B:8.0:1073741824");
  }
};

TEST_F(TwoCudaRanks, HaveADeviceEachAndTheRecordSaysWhich) {
  const std::string records = path("records.json");
  const json rows = run_json(scale_on("cuda", {"--ranks", "1,2", "--records", records}))["rows"];
  ASSERT_EQ(rows.size(), 2u);
  const json& ranks = rows[1]["per_rank"];
  EXPECT_EQ(ranks[0]["device"], "cuda:0, Pretended A, 0000:3B:00.0");
  EXPECT_EQ(ranks[1]["device"], "cuda:1, Pretended B, 0000:3C:00.0");
  EXPECT_NE(ranks[0]["cpus"], ranks[1]["cpus"]);
  const json raw = json::parse(read_file(records));
  EXPECT_EQ(raw[1]["per_rank"][1]["info"]["device"], ranks[1]["device"]);
}

TEST_F(TwoCudaRanks, EndTogetherWhenADeviceIsLost) {
  environment_.set("OCTET_PRETENDED_FAILURE", "cuGraphLaunch:7:719:1");
  const std::string records = path("records.json");
  const Finished finished = run(scale_on("cuda", {"--ranks", "1,2", "--records", records}, "1.5"));
  EXPECT_NE(finished.exit_code, 0);
  EXPECT_EQ(finished.out, "");
  EXPECT_THAT(finished.err, AllOf(HasSubstr("rank 1 on "), HasSubstr("CUDA device 1 (Pretended B)"),
                                  HasSubstr("CUDA_ERROR_PRETENDED")));
  EXPECT_FALSE(std::filesystem::exists(records));
}

TEST_F(TwoCudaRanks, AreRefusedTogetherOnOneDevice) {
  environment_.set("OCTET_PRETENDED_DEVICES", "Pretended A:8.0:1073741824");
  const Finished finished = two_ranks(scale_on("cuda", {}));
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_THAT(finished.err,
              AllOf(HasSubstr("--device cuda: 2 ranks, but "), HasSubstr("has 1 CUDA device,")));
}

TEST_F(TwoCudaRanks, ShareAnAccuracyMeasurement) {
  std::vector<std::string> arguments = {"accuracy", "octet-20",    "--drawn", "8",        "--batch",
                                        "2",        "--precision", "int8",    "--device", "cuda"};
  json one = run_json(arguments);
  arguments.insert(arguments.end(), {"--format", "json"});
  const Finished finished = two_ranks(arguments);
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  json two = json::parse(finished.out);
  one.erase("seconds");
  two.erase("seconds");
  EXPECT_EQ(two, one);
}

}  // namespace
}  // namespace octet::test
