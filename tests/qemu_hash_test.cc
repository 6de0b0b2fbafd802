// The programs under QEMU as a Haswell, a CPU with AVX2 and without AVX-512: the same output hashes as on
// this machine, and no illegal instruction. An AVX-512 instruction that leaked into code that every CPU runs
// (an inline function compiled in an instruction-set file, say) ends the emulated program with SIGILL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/cli/program.h"
#include "tests/cli/tiny_network.h"

namespace octet::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

/// Meets every kernel family: a large strided convolution, LRN, pooling with Caffe's rounding, 3x3
/// (Winograd), 1x1, grouped and dilated convolutions with channel counts that leave tails in every vector
/// width, concat, a fused and an unfused sum, batch normalisation that cannot be folded, inner product,
/// softmax.
constexpr const char* kMixedPrototxt = R"(name: "mixed"
input: "data"
input_shape { dim: 1 dim: 3 dim: 48 dim: 45 }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 20 kernel_size: 7 stride: 2 pad: 3 } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "norm1" type: "LRN" bottom: "conv1" top: "norm1" lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 } }
layer { name: "norm2" type: "LRN" bottom: "norm1" top: "norm2"
  lrn_param { local_size: 3 alpha: 0.0001 beta: 0.75 norm_region: WITHIN_CHANNEL } }
layer { name: "pool1" type: "Pooling" bottom: "norm2" top: "pool1"
  pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layer { name: "bn" type: "BatchNorm" bottom: "pool1" top: "bn" }
layer { name: "a" type: "Convolution" bottom: "bn" top: "a" convolution_param { num_output: 33 kernel_size: 3 pad: 1 } }
layer { name: "relu_a" type: "ReLU" bottom: "a" top: "a" relu_param { negative_slope: 0.1 } }
layer { name: "b" type: "Convolution" bottom: "bn" top: "b" convolution_param { num_output: 19 kernel_size: 1 } }
layer { name: "c" type: "Convolution" bottom: "pool1" top: "c"
  convolution_param { num_output: 12 kernel_size: 3 pad: 2 dilation: 2 group: 4 } }
layer { name: "average" type: "Pooling" bottom: "bn" top: "average"
  pooling_param { pool: AVE kernel_size: 3 stride: 1 pad: 1 } }
layer { name: "concat" type: "Concat" bottom: "a" bottom: "b" bottom: "c" top: "concat" }
layer { name: "expand" type: "Convolution" bottom: "concat" top: "expand"
  convolution_param { num_output: 64 kernel_size: 3 pad: 1 bias_term: false } }
layer { name: "shortcut" type: "Convolution" bottom: "average" top: "shortcut"
  convolution_param { num_output: 64 kernel_size: 1 } }
layer { name: "sum" type: "Eltwise" bottom: "expand" bottom: "shortcut" top: "sum" }
layer { name: "relu_sum" type: "ReLU" bottom: "sum" top: "sum" }
layer { name: "largest" type: "Eltwise" bottom: "sum" bottom: "shortcut" top: "largest" eltwise_param { operation: MAX } }
layer { name: "scale" type: "Scale" bottom: "largest" top: "scale" scale_param { bias_term: true } }
layer { name: "hidden" type: "InnerProduct" bottom: "scale" top: "hidden" inner_product_param { num_output: 37 } }
layer { name: "classes" type: "InnerProduct" bottom: "hidden" top: "classes" inner_product_param { num_output: 10 } }
layer { name: "prob" type: "Softmax" bottom: "classes" top: "prob" }
)";

std::string find_in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string candidate = folder;
    candidate.append("/").append(program);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

class Haswell : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string emulator = find_in_path("qemu-x86_64-static");
    if (emulator.empty()) GTEST_SKIP() << "qemu-x86_64-static (Debian's qemu-user-static) is not installed";
    qemu_.emplace(emulator);
  }

  /// stderr is left alone: QEMU warns there of CPU features that it does not emulate.
  Finished emulated(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"-cpu", "Haswell", OCTET_PROGRAM});
    return (*qemu_)(arguments);
  }

  bool native_has(const std::string& isa) const {
    const Finished devices = octet_program()({"devices", "--no-peaks", "--format", "json"});
    EXPECT_EQ(devices.exit_code, 0) << devices.err;
    const json document = json::parse(devices.out);
    for (const json& set : document["instruction_sets"])
      if (set["isa"] == isa) return set["usable"];
    ADD_FAILURE() << "no instruction set " << isa;
    return false;
  }

  void expect_same_outputs(const std::string& net, const std::string& isa) const {
    const std::vector<std::string> arguments = {"check",   net, "--isa",     isa, "--images", "3",
                                                "--batch", "2", "--threads", "2", "--format", "json"};
    const Finished here = octet_program()(arguments);
    const Finished there = emulated(arguments);
    EXPECT_EQ(here.exit_code, 0) << here.err;
    ASSERT_EQ(there.exit_code, here.exit_code) << there.err;
    const json native = json::parse(here.out), haswell = json::parse(there.out);
    ASSERT_TRUE(native["output_hash"][isa].is_string()) << here.out;
    EXPECT_EQ(haswell["output_hash"][isa], native["output_hash"][isa]);
    EXPECT_EQ(haswell["max_error"], native["max_error"]);
  }

  TemporaryDirectory directory_;
  std::string tiny_ = directory_.write("tiny.prototxt", kTinyPrototxt).string();
  std::string mixed_ = directory_.write("mixed.prototxt", kMixedPrototxt).string();
  std::optional<Program> qemu_;
};

TEST_F(Haswell, ComputesTheSameOutputsWithGenericCode) {
  expect_same_outputs(tiny_, "generic");
  expect_same_outputs(mixed_, "generic");
}

TEST_F(Haswell, ComputesTheSameOutputsWithAvx2) {
  if (!native_has("avx2")) GTEST_SKIP() << "this machine has no AVX2 to compare with";
  expect_same_outputs(tiny_, "avx2");
  expect_same_outputs(mixed_, "avx2");
}

TEST_F(Haswell, GivesTheBytesOfThisMachinesBestInstructionsInIntegers) {
  const std::vector<std::string> arguments = {
      "bench",    "octet-20", "--precision",  "int8", "--calibration", "tests/golden/int8/octet-20.json",
      "--batch",  "2",        "--iterations", "1",    "--warmup",      "0",
      "--format", "json"};
  const Finished here = octet_program()(arguments);
  const Finished there = emulated(arguments);
  ASSERT_EQ(here.exit_code, 0) << here.err;
  ASSERT_EQ(there.exit_code, 0) << there.err;
  EXPECT_EQ(json::parse(there.out)["isa"], "avx2");
  EXPECT_EQ(json::parse(there.out)["output_hash"], json::parse(here.out)["output_hash"]);
}

TEST_F(Haswell, TakesAvx2ByItself) {
  const Finished finished =
      emulated({"bench", mixed_, "--iterations", "1", "--warmup", "0", "--format", "json"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_EQ(json::parse(finished.out)["isa"], "avx2");
}

TEST_F(Haswell, SaysWhyAvx512CannotBeUsed) {
  const Finished finished = emulated({"devices", "--no-peaks", "--format", "json"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const json devices = json::parse(finished.out);
  EXPECT_EQ(devices["best_isa"], "avx2");
  for (const json& set : devices["instruction_sets"]) {
    const std::string isa = set["isa"];
    const bool expected = isa == "generic" || isa == "avx2";
    EXPECT_EQ(set["usable"], expected) << isa;
    EXPECT_THAT(set.value("reason", ""), HasSubstr(expected ? "" : "avx512f")) << isa;
  }
}

TEST_F(Haswell, RefusesAvx512WithItsReason) {
  const Finished finished = emulated({"bench", tiny_, "--isa", "avx512"});
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_THAT(finished.err, HasSubstr("avx512f"));
}

}  // namespace
}  // namespace octet::test
