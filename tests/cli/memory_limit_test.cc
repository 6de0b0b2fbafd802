// --memory-limit, measured: every command that has it stays below limit + kProgram, resident, and one that
// would not is refused before it has taken the memory. Each command is started with too small a limit and
// then with what its refusal says that it needs, until it runs: so the limit that it runs in is the least.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <regex>
#include <string_view>

#include "tests/cli/program.h"
#include "tests/support/process_resources.h"

namespace octet::test {
namespace {

/// What a command takes that is no network, weight, activation, input or output: code, libraries, tables,
/// pictures on their way, what the C library keeps. docs/reliability.md states it.
constexpr std::int64_t kProgram = std::int64_t{48} << 20;

/// Weights of 128 MiB and, at batch 8, activations of tens of MiB, that take no time to compute.
constexpr const char* kHeavyNetwork = R"(name: "heavy"
input: "data"
input_shape { dim: 1 dim: 3 dim: 128 dim: 128 }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        convolution_param { num_output: 64 kernel_size: 3 pad: 1 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool"
        pooling_param { pool: MAX kernel_size: 8 stride: 8 } }
layer { name: "wide" type: "InnerProduct" bottom: "pool" top: "wide" inner_product_param { num_output: 2048 } }
layer { name: "classes" type: "InnerProduct" bottom: "wide" top: "classes" inner_product_param { num_output: 20 } }
layer { name: "prob" type: "Softmax" bottom: "classes" top: "prob" }
)";
constexpr std::int64_t kNetworkBytes = std::int64_t{128} << 20;

constexpr std::string_view kPictures = "PICTURES";

class MemoryLimit : public ::testing::TestWithParam<std::vector<std::string>> {
 protected:
  void SetUp() override {
    if (!kMemoryIsCounted) GTEST_SKIP() << "a sanitizer's own memory cannot be told from the program's";
    std::ofstream(net_) << kHeavyNetwork;
  }

  /// "NET" is the network, "OUT" a file to be written, "PICTURES" a folder of pictures.
  Finished run(std::int64_t limit) const {
    std::vector<std::string> arguments;
    for (const std::string& word : GetParam())
      arguments.push_back(word == "NET"                 ? net_
                          : word == "OUT"               ? out_
                          : word.starts_with(kPictures) ? pictures_ + word.substr(kPictures.size())
                                                        : word);
    arguments.insert(arguments.end(), {"--memory-limit", std::to_string(limit)});
    return octet_program()(arguments);
  }
  bool reads_pictures() const {
    return std::any_of(GetParam().begin(), GetParam().end(),
                       [](const std::string& word) { return word.starts_with(kPictures); });
  }

  TemporaryDirectory directory_;
  std::string net_ = (directory_.path() / "heavy.prototxt").string();
  std::string out_ = (directory_.path() / "out.octet").string();
  std::string pictures_ = (directory_.path() / "pictures").string();
};

class MemoryLimitOfSweep : public ::testing::Test {
 protected:
  /// At batches 8 and 64, run within the limit.
  nlohmann::json rows(std::int64_t limit) const {
    const std::string net = (directory_.path() / "heavy.prototxt").string();
    std::ofstream(net) << kHeavyNetwork;
    const Finished finished =
        octet_program()({"sweep", net, "--batches", "8,64", "--precision", "fp32", "--iterations", "2",
                         "--format", "json", "--memory-limit", std::to_string(limit)});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    EXPECT_LE(finished.peak_bytes, limit + kProgram);
    return nlohmann::json::parse(finished.out).at("rows");
  }
  TemporaryDirectory directory_;
};

/// "needs 1.2 GiB (1288490188 bytes ...), limit ..., beside 1.0 MiB (1048576 bytes)": the sum; 0 without such
/// words.
std::int64_t needed_bytes(const std::string& text) {
  std::int64_t sum = 0;
  for (const char* words : {R"(needs? [^(]*\(([0-9]+) bytes)", R"(beside [^(]*\(([0-9]+) bytes)"}) {
    std::smatch match;
    if (std::regex_search(text, match, std::regex(words))) sum += std::stoll(match[1]);
  }
  return sum;
}

/// Of octet sweep a limit is what a row must fit into.
TEST_F(MemoryLimitOfSweep, HoldsForTheRowsThatFit) {
  if (!kMemoryIsCounted) GTEST_SKIP() << "a sanitizer's own memory cannot be told from the program's";
  const nlohmann::json refused = rows(kNetworkBytes * 3 / 2);
  ASSERT_EQ(refused.at(0).at("fits"), false) << refused;
  const std::int64_t limit = refused.at(0).at("needed_bytes");
  const nlohmann::json fitting = rows(limit);
  EXPECT_TRUE(fitting.at(0).contains("images_per_second")) << fitting;
  EXPECT_EQ(fitting.at(1).at("fits"), false) << "of a larger batch";
}

TEST_P(MemoryLimit, HoldsAndWhatNeedsMoreIsRefusedBeforeItIsTaken) {
  if (reads_pictures()) {
    ASSERT_EQ(octet_program()({"draw", "--count", "20", "--images", pictures_}).exit_code, 0);
  }
  constexpr int kStages = 5;  // loading, calibrating, building, running
  std::int64_t limit = 1 << 20;
  Finished finished = run(limit);
  EXPECT_EQ(finished.exit_code, 2) << "a limit of 1 MiB";
  for (int stage = 0; stage < kStages && finished.exit_code != 0; ++stage) {
    EXPECT_LE(finished.peak_bytes, limit + kProgram) << finished.err;
    const std::int64_t needed = needed_bytes(finished.err);
    ASSERT_GT(needed, limit) << finished.err;
    limit = needed;
    finished = run(limit);
  }
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_LE(finished.peak_bytes, limit + kProgram);
  EXPECT_GT(finished.peak_bytes, kNetworkBytes);
  EXPECT_EQ(run(limit - 1).exit_code, 2) << "it says that it needs a byte more";
  std::cout << GetParam()[0] << ": limit " << (limit >> 20) << " MiB, peak " << (finished.peak_bytes >> 20)
            << " MiB\n";
}

INSTANTIATE_TEST_SUITE_P(
    Commands, MemoryLimit,
    testing::Values(
        std::vector<std::string>{"bench", "NET", "--batch", "8", "--iterations", "2", "--threads", "2"},
        std::vector<std::string>{"bench", "NET", "--precision", "bf16", "--iterations", "2"},
        std::vector<std::string>{"bench", "NET", "--precision", "int8", "--iterations", "2"},
        std::vector<std::string>{"bench", "NET", "--scenario", "single-stream", "--iterations", "2"},
        std::vector<std::string>{"build", "NET", "-o", "OUT"},
        std::vector<std::string>{"calibrate", "NET", "--synthetic", "--batches", "1", "-o", "OUT"},
        std::vector<std::string>{"check", "NET", "--images", "1"},
        std::vector<std::string>{"inspect", "NET", "--memory"},
        std::vector<std::string>{"profile", "NET", "--iterations", "2"},
        std::vector<std::string>{"run", "NET", "--images", "PICTURES", "-o", "OUT", "--resize", "128"},
        std::vector<std::string>{"classify", "NET", "PICTURES/test-000000.png", "--resize", "128"},
        std::vector<std::string>{"accuracy", "NET", "--images", "PICTURES", "--labels", "PICTURES/val.txt",
                                 "--resize", "128"},
        std::vector<std::string>{"tune", "NET", "--images", "PICTURES", "--labels", "PICTURES/val.txt",
                                 "--resize", "128", "--max-drop", "100"},
        std::vector<std::string>{"scale", "NET", "--duration", "0.01"}));

}  // namespace
}  // namespace octet::test
