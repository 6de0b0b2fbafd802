// Networks from ONNX's own conformance data, whose weights are a constant each, and a network that goes out
// to ONNX and comes back.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "octet/octet.h"
#include "tests/support/engines.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tensors.h"

namespace octet {
namespace {

/// The floats of a TensorProto with dimensions {1, 1000} and raw data, which is all that the files hold.
std::vector<float> read_expected(const std::filesystem::path& path) {
  constexpr std::size_t kValues = 1000, kBytes = kValues * sizeof(float);
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const std::string header("\x08\x01\x08\xe8\x07\x10\x01\x4a\xa0\x1f", 10);
  EXPECT_EQ(bytes.substr(0, header.size()), header) << path;
  EXPECT_EQ(bytes.size(), header.size() + kBytes) << path;
  std::vector<float> values(kValues);
  if (bytes.size() == header.size() + kBytes) std::memcpy(values.data(), &bytes[header.size()], kBytes);
  return values;
}

class OnnxLightNetwork : public testing::TestWithParam<const char*> {};

TEST_P(OnnxLightNetwork, GivesItsExpectedOutput) {
  const std::filesystem::path folder = "../shared/models/onnx-light";
  const std::string name = GetParam();
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no " << folder << " beside the source tree";
  const Network network = Network::open(folder / (name + ".onnx"));
  ASSERT_EQ(network.inputs().size(), 1u);
  ASSERT_EQ(network.inputs()[0].shape, (Shape{1, 3, 224, 224}));
  // As ONNX's test runner fills the input: element i of n is i / n.
  std::vector<float> input(static_cast<std::size_t>(network.inputs()[0].shape.elements()));
  for (std::size_t i = 0; i < input.size(); ++i)
    input[i] = static_cast<float>(static_cast<double>(i) / static_cast<double>(input.size()));
  const std::vector<float> output = test::run_engine(Engine::build(network, {}), 1, input).at(0);
  const std::vector<float> expected = read_expected(folder / (name + "_output_0.pb"));
  ASSERT_EQ(output.size(), expected.size());
  for (std::size_t i = 0; i < output.size(); ++i)
    ASSERT_NEAR(output[i], expected[i], 1e-4 * expected[i]) << i;
}

INSTANTIATE_TEST_SUITE_P(All, OnnxLightNetwork,
                         testing::Values("light_bvlc_alexnet", "light_inception_v1", "light_resnet50"),
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
