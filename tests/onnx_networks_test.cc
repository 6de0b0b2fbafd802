// Networks from ONNX's own conformance data, whose weights are a constant each, and a network that goes out
// to ONNX and comes back.
#include <gtest/gtest.h>
#include <import/onnx/onnx.pb.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "octet/octet.h"
#include "tests/support/engines.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tensors.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

/// Where the networks of the `onnx` package lie, unpacked or installed with the peers; empty if nowhere.
fs::path folder_with(const std::string& file) {
  std::vector<fs::path> folders = {"../shared/models/onnx-light"};
  const fs::path installed = ".venv-peers/lib";
  if (fs::exists(installed))
    for (const fs::directory_entry& python : fs::directory_iterator(installed))
      folders.push_back(python.path() / "site-packages/onnx/backend/test/data/light");
  for (const fs::path& folder : folders)
    if (fs::exists(folder / file)) return folder;
  return {};
}

std::vector<float> read_expected(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  onnx::Tensor tensor;
  EXPECT_TRUE(tensor.ParseFromIstream(&file)) << path;
  std::vector<float> values(tensor.raw_data().size() / sizeof(float));
  std::memcpy(values.data(), tensor.raw_data().data(), values.size() * sizeof(float));
  return values;
}

class OnnxLightNetwork : public testing::TestWithParam<const char*> {};

TEST_P(OnnxLightNetwork, GivesItsExpectedOutput) {
  const std::string name = GetParam(), file = name + ".onnx";
  const fs::path folder = folder_with(file);
  if (folder.empty()) GTEST_SKIP() << "no " << file << " in ../shared/models/onnx-light or .venv-peers";
  const Network network = Network::open(folder / file);
  ASSERT_EQ(network.inputs().size(), 1u);
  ASSERT_EQ(network.inputs()[0].shape, (Shape{1, 3, 224, 224}));
  // As ONNX's test runner fills the input: element i of n is i / n.
  std::vector<float> input(static_cast<std::size_t>(network.inputs()[0].shape.elements()));
  for (std::size_t i = 0; i < input.size(); ++i)
    input[i] = static_cast<float>(static_cast<double>(i) / static_cast<double>(input.size()));
  const std::vector<float> output = test::run_engine(Engine::build(network, {}), 1, input).at(0);
  const std::vector<float> expected = read_expected(folder / (name + "_output_0.pb"));
  ASSERT_EQ(output.size(), expected.size());
  ASSERT_EQ(output.size(), 1000u);
  for (std::size_t i = 0; i < output.size(); ++i)
    ASSERT_NEAR(output[i], expected[i], 1e-4 * std::abs(expected[i])) << i;
}

INSTANTIATE_TEST_SUITE_P(All, OnnxLightNetwork,
                         testing::Values("light_bvlc_alexnet", "light_densenet121", "light_inception_v1",
                                         "light_inception_v2", "light_resnet50", "light_shufflenet",
                                         "light_squeezenet", "light_vgg19", "light_zfnet512"),
                         [](const auto& network) { return std::string(network.param); });

TEST(OnnxRoundTrip, AnExportedNetworkComputesTheSame) {
  const test::TemporaryDirectory directory;
  const std::filesystem::path file = directory.path() / "net.onnx";
  const Network network = Network::zoo("octet-20");
  export_onnx(network, file);
  const Network back = Network::open(file);
  ASSERT_EQ(back.inputs()[0].shape, network.inputs()[0].shape);
  ASSERT_EQ(back.outputs()[0].name, network.outputs()[0].name);
  constexpr int kBatch = 3;
  const std::vector<float> input =
      test::random_floats(static_cast<std::size_t>(kBatch * network.inputs()[0].shape.elements()), 1);
  BuildOptions options;
  options.max_batch = kBatch;
  const auto expected = test::run_engine(Engine::build(network, options), kBatch, input).at(0);
  const auto got = test::run_engine(Engine::build(back, options), kBatch, input).at(0);
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], 1e-5) << i;
}

TEST(OnnxNetwork, TakesNoWeightsFile) {
  try {
    Network::open("net.onnx", "net.caffemodel");
    ADD_FAILURE() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(ErrorCode::kInvalidArgument));
    EXPECT_NE(std::string(error.what()).find("holds its own"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace octet
