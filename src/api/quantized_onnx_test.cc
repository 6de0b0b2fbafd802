// Networks that come quantised (ONNX's QuantizeLinear and DequantizeLinear): what Octet exports in integers
// and reads again gives the very bytes of the engine that it was exported from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <memory>

#include "octet/octet.h"
#include "quantize/file_scales.h"
#include "tests/support/engines.h"
#include "tests/support/graph_builder.h"
#include "tests/support/message_of.h"
#include "tests/support/random_network.h"
#include "tests/support/simple_calibration.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tensors.h"

namespace octet {
namespace {

using graph::TensorId;
using test::GraphBuilder;
using test::square_window;
using ::testing::HasSubstr;

constexpr int kBatch = 2;

class QuantizedOnnx : public ::testing::Test {
 protected:
  using Images = std::vector<std::vector<float>>;  // one an input

  static Network network_of(GraphBuilder& builder, std::vector<TensorId> outputs) {
    return Network(std::make_shared<graph::Graph>(builder.finish(std::move(outputs))));
  }
  static Images images(const Network& network, float low, float high) {
    Images images;
    for (const TensorInfo& input : network.inputs())
      images.push_back(test::random_floats(
          static_cast<std::size_t>(input.shape.elements_per_image() * kBatch), 5, low, high));
    return images;
  }
  static std::shared_ptr<Calibration> calibrated(const Network& network, const Images& images) {
    const std::vector<std::span<const float>> in(images.begin(), images.end());
    return test::simple_calibration(network, kBatch, in);
  }
  static std::vector<std::vector<float>> run(const Network& network, Precision precision,
                                             std::shared_ptr<const Calibration> calibration, Isa isa,
                                             const Images& images) {
    BuildOptions options;
    options.precision = precision;
    options.calibration = std::move(calibration);
    options.max_batch = kBatch;
    options.isa = isa;
    const Engine engine = Engine::build(network, options);
    std::vector<std::vector<float>> outputs;
    for (const TensorInfo& output : engine.outputs())
      outputs.emplace_back(static_cast<std::size_t>(output.shape.elements_per_image() * kBatch));
    const std::vector<std::span<const float>> in(images.begin(), images.end());
    const std::vector<std::span<float>> out(outputs.begin(), outputs.end());
    engine.create_context().run(kBatch, in, out);
    return outputs;
  }

  Network exported_and_read(const Network& network, const Calibration& calibration,
                            Precision precision = Precision::kInt8) const {
    export_qdq_onnx(network, calibration, {precision}, path());
    return Network::load_onnx(path());
  }
  std::filesystem::path path() const { return directory_.path() / "net.onnx"; }

  void expect_same_bytes(const Network& network, const std::shared_ptr<const Calibration>& calibration,
                         const Images& images, Precision precision = Precision::kInt8) const {
    const Network read = exported_and_read(network, *calibration, precision);
    ASSERT_NE(read.calibration(), nullptr);
    for (const Isa isa : test::usable_isas()) {
      const auto expected = run(network, precision, calibration, isa, images);
      const auto got = run(read, Precision::kInt8, nullptr, isa, images);
      ASSERT_EQ(got.size(), expected.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_EQ(got[i].size(), expected[i].size());
        EXPECT_EQ(std::memcmp(got[i].data(), expected[i].data(), got[i].size() * sizeof(float)), 0)
            << to_string(isa) << ", output " << i << ": " << test::compare(got[i], expected[i]).text;
      }
    }
  }
  void expect_same_bytes(const Network& network, float low = -1, float high = 1) const {
    const Images in = images(network, low, high);
    expect_same_bytes(network, calibrated(network, in), in);
  }

  test::TemporaryDirectory directory_;
};

/// Kernel calls by what they do and whether they write integers: "Convolution u8".
std::map<std::string, int> calls(const Engine& engine) {
  std::map<std::string, int> count;
  for (const StepInfo& step : engine.steps()) ++count[step.op + " " + step.output_type];
  return count;
}

TEST_F(QuantizedOnnx, LayersOfAllKindsGiveTheSameBytesAgain) {
  GraphBuilder b;
  TensorId x = b.convolution(b.input({1, 3, 14, 14}), {square_window(3, 1, 1), 32});
  x = b.node(graph::Pooling{.window = square_window(2, 2)}, {b.relu(x)});
  const TensorId y = b.relu(b.convolution(x, {square_window(1), 16}));
  const TensorId z = b.relu(b.convolution(x, {square_window(3, 1, 1), 16}));
  x = b.node(graph::Concat{}, {y, z});
  x = b.relu(b.sum({b.convolution(x, {square_window(3, 1, 1), 32}), x}));
  x = b.relu(b.convolution(x, {square_window(3, 1, 1), 32, 32}));  // depthwise
  x = b.node(graph::Lrn{.size = 3, .alpha = 0.1f}, {x});
  x = b.node(graph::Pooling{.kind = graph::PoolKind::kAverage, .window = square_window(3, 2)}, {x});
  x = b.relu(b.convolution(x, {square_window(3), 24}), 0.1f);
  x = b.relu(b.inner_product(x, 40));
  expect_same_bytes(network_of(b, {b.node(graph::Softmax{}, {b.inner_product(x, 10)})}));
}

TEST_F(QuantizedOnnx, GlobalAveragesAndLimitsGiveTheSameBytesAgain) {
  GraphBuilder b;
  TensorId x = b.relu(b.convolution(b.input({1, 4, 9, 9}), {square_window(3, 2), 20}), 0, 0.5f);
  x = b.relu(b.convolution(x, {square_window(1), 48}), 0, 6);
  expect_same_bytes(
      network_of(b, {b.node(graph::Pooling{.kind = graph::PoolKind::kAverage, .global = true}, {x})}));
}

TEST_F(QuantizedOnnx, ReadsAsIntegersWhatItWroteAsIntegers) {
  GraphBuilder b;
  TensorId x = b.relu(b.convolution(b.input({1, 3, 8, 8}), {square_window(3, 1, 1), 16}));
  x = b.relu(b.sum({b.convolution(x, {square_window(3, 1, 1), 16}), x}));
  const Network network = network_of(b, {b.inner_product(x, 5)});
  const Images in = images(network, -1, 1);
  const auto calibration = calibrated(network, in);
  const Network read = exported_and_read(network, *calibration);
  BuildOptions options;
  options.precision = Precision::kInt8;
  const Engine own = Engine::build(read, options);
  options.calibration = calibration;
  EXPECT_EQ(calls(own), calls(Engine::build(network, options)));
  for (const LayerCalibration& layer : read.calibration()->layers)
    EXPECT_EQ(layer.precision, Precision::kInt8) << layer.name;
}

TEST_F(QuantizedOnnx, PicturesBytesComeBackAsSuch) {
  for (const std::int64_t pad : {0, 1}) {
    GraphBuilder b;
    TensorId x = b.relu(b.convolution(b.input({1, 3, 10, 10}), {square_window(3, 2, pad), 16}));
    const Network network = network_of(b, {b.inner_product(x, 5)});
    Images in(1);
    const std::vector<float> mean = {103.94f, 116.78f, 123.68f};
    const auto noise = test::random_floats(kBatch * 300, 9, 0, 255.99f);
    for (std::size_t i = 0; i < noise.size(); ++i) in[0].push_back(std::floor(noise[i]) - mean[i / 100 % 3]);
    const auto calibration = calibrated(network, in);
    calibration->tensors.at(0).pixel_mean = mean;
    calibration->tensors.at(0).scale = 1, calibration->tensors.at(0).zero_point = 0;
    expect_same_bytes(network, calibration, in);
    EXPECT_EQ(Network::load_onnx(path()).calibration()->find_tensor("data")->pixel_mean, mean);
  }
}

TEST_F(QuantizedOnnx, RandomNetworksGiveTheSameBytesAgain) {
  constexpr std::uint32_t kFirstSeed = 900;
  int compared = 0;
  for (std::uint32_t seed = kFirstSeed; seed < kFirstSeed + 60 && !HasFailure(); ++seed) {
    const Network network = test::RandomNetwork(seed).build();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    // Written as two operators, of which one is a product of tensors and so in FP32.
    const std::vector<LayerInfo> layers = network.layers();
    if (std::any_of(layers.begin(), layers.end(), [](const LayerInfo& l) { return l.op == "HardSwish"; }))
      continue;
    const Images in = images(network, -1, 1);
    const auto calibration = calibrated(network, in);
    // With room above what was seen: a ReLU's scores that Octet writes in FP32 end there in the file.
    for (TensorCalibration& tensor : calibration->tensors) tensor.scale *= 1.25f;
    export_qdq_onnx(network, *calibration, {}, path());
    if (Network::load_onnx(path()).calibration() == nullptr) continue;  // no layer of integers
    expect_same_bytes(network, calibration, in);
    ++compared;
  }
  EXPECT_GT(compared, 40);
}

TEST_F(QuantizedOnnx, Octet20GivesTheSameBytesAgain) {
  const Network network = Network::zoo("octet-20");
  const auto calibration =
      std::make_shared<Calibration>(Calibration::load("tests/golden/int8/octet-20.json"));
  ASSERT_FALSE(calibration->tensors.at(0).pixel_mean.empty());
  Images in = images(network, 0, 255.99f);
  for (float& value : in[0]) value = std::floor(value) - 128;
  expect_same_bytes(network, calibration, in);
}

TEST_F(QuantizedOnnx, LayersThatTheFileHasInFp32StayInFp32) {
  GraphBuilder b;
  TensorId x = b.convolution(b.input({1, 4, 6, 6}), {square_window(1), 16}, true, "one");
  x = b.relu(b.convolution(x, {square_window(3), 16}, true, "two"));
  const Network network = network_of(b, {b.inner_product(x, 3)});
  const Images in = images(network, -1, 1);
  const auto calibration = calibrated(network, in);
  calibration->layers.at(1).precision = Precision::kFloat32;
  expect_same_bytes(network, calibration, in, Precision::kMixed);
  const Network read = Network::load_onnx(path());
  const Calibration& own = *read.calibration();
  EXPECT_EQ(own.layers.at(0).precision, Precision::kInt8);
  EXPECT_EQ(own.layers.at(1).precision, Precision::kFloat32);
  EXPECT_THAT(own.layers.at(1).reason, HasSubstr("float"));
}

TEST_F(QuantizedOnnx, ACalibrationThatIsGivenWins) {
  GraphBuilder b;
  const TensorId x = b.relu(b.convolution(b.input({1, 4, 6, 6}), {square_window(3), 16}));
  const Network network = network_of(b, {b.inner_product(x, 3)});
  const Images in = images(network, -1, 1);
  const Network read = exported_and_read(network, *calibrated(network, in));
  auto coarse = std::make_shared<Calibration>(*read.calibration());
  for (TensorCalibration& tensor : coarse->tensors) tensor.scale *= 8;
  EXPECT_NE(run(read, Precision::kInt8, coarse, Isa::kGeneric, in),
            run(read, Precision::kInt8, nullptr, Isa::kGeneric, in));
}

TEST_F(QuantizedOnnx, Fp32ComputesTheNetworkWithoutRoundings) {
  GraphBuilder b;
  TensorId x = b.relu(b.convolution(b.input({1, 4, 6, 6}), {square_window(3), 16}));
  const Network network = network_of(b, {b.inner_product(x, 3)});
  const Images in = images(network, -1, 1);
  const Network read = exported_and_read(network, *calibrated(network, in));
  const auto got = run(read, Precision::kFloat32, nullptr, Isa::kGeneric, in);
  const auto expected = run(network, Precision::kFloat32, nullptr, Isa::kGeneric, in);
  EXPECT_LE(test::compare(got[0], expected[0]).max_error, 0.02) << "weights are rounded, activations are not";
  EXPECT_EQ(read.calibration()->layers.size(), 2u);
  for (const LayerInfo& layer : read.layers()) {
    if (layer.op != "Convolution") continue;
    EXPECT_EQ(read.with_output(layer.outputs[0]).calibration()->layers.size(), 1u) << "those that are left";
  }
}

TEST_F(QuantizedOnnx, OwnScalesAreSavedAndReadAsAnyCalibration) {
  GraphBuilder b;
  const Network network = network_of(b, {b.inner_product(b.input({1, 4, 6, 6}), 3)});
  const Images in = images(network, -1, 1);
  const Network read = exported_and_read(network, *calibrated(network, in));
  const auto saved =
      std::make_shared<Calibration>(Calibration::from_json(read.calibration()->to_json(), "saved"));
  EXPECT_EQ(saved->method, CalibrationMethod::kFile);
  EXPECT_EQ(saved->hash(), read.calibration()->hash());
  EXPECT_EQ(run(read, Precision::kInt8, saved, Isa::kGeneric, in),
            run(read, Precision::kInt8, nullptr, Isa::kGeneric, in));
}

/// A network with roundings of random scales and zero points, and weights of all 256 integers.
class RandomQuantizedNetwork : GraphBuilder {
 public:
  explicit RandomQuantizedNetwork(std::uint32_t seed) : GraphBuilder(seed) {}

  graph::Graph build() {
    TensorId x = rounded(input({1, 4, 9, 9}), 1);
    x = rounded(layer(x, 32, square_window(3, 1, 1)), 2);
    x = rounded(layer(x, 32, square_window(3, 1, 1), 32), 2);
    x = node(graph::Pooling{.window = square_window(3, 2)}, {x});
    const TensorId y = rounded(layer(x, 32, square_window(1)), 2);
    // Octet does not round here; it is the same unless values are clipped.
    x = rounded(sum({y, unclipped(layer(x, 32, square_window(5, 1, 2)))}), 3);
    x = rounded(node(graph::Concat{}, {x, y}), 3);
    x = rounded(node(graph::Pooling{.kind = graph::PoolKind::kAverage, .window = square_window(2)}, {x}), 3);
    x = node(graph::Flatten{}, {x});
    const std::int64_t features = graph().shape(x)[1];
    return finish({node(graph::InnerProduct{7}, {x}, integer_weights({7, features}))});
  }

 private:
  float uniform(float low, float high) { return std::uniform_real_distribution<float>(low, high)(random()); }
  int zero_point() { return std::uniform_int_distribution<int>(0, 255)(random()); }

  TensorId unclipped(TensorId x) {
    return node(graph::Activation{graph::ActivationFunction::kRounding, 8.0f / 255, 128}, {x});
  }
  /// Over a range of about `size` to both sides.
  TensorId rounded(TensorId x, float size) {
    return node(graph::Activation{graph::ActivationFunction::kRounding, size * uniform(1.5f, 2.5f) / 255,
                                  static_cast<float>(zero_point())},
                {x});
  }
  std::vector<graph::Weights> integer_weights(Shape shape) {
    const auto outputs = static_cast<std::size_t>(shape[0]);
    const auto taps = static_cast<std::size_t>(shape.elements_per_image());
    auto scales = std::make_shared<std::vector<float>>();
    std::vector<float> values;
    for (std::size_t k = 0; k < outputs; ++k) {
      scales->push_back(uniform(0.5f, 2) / 128 / std::sqrt(static_cast<float>(taps)));
      for (std::size_t i = 0; i < taps; ++i)
        values.push_back(static_cast<float>(std::uniform_int_distribution<int>(-128, 127)(random())) *
                         scales->back());
    }
    return {graph::Weights(shape, values).with_scales(scales), random_weights({shape[0]})};
  }
  TensorId layer(TensorId x, std::int64_t outputs, graph::Window window, std::int64_t groups = 1) {
    const std::int64_t inputs = graph().shape(x)[1] / groups;
    return node(graph::Convolution{window, outputs, groups}, {x},
                integer_weights({outputs, inputs, window.kernel_h, window.kernel_w}));
  }
};

/// The values of ONNX's node test test_quantizelinear, which ends in integers, made real again.
TEST_F(QuantizedOnnx, APairAloneRoundsAsOnnxsOwnTestSays) {
  GraphBuilder b;
  const TensorId y =
      b.node(graph::Activation{graph::ActivationFunction::kRounding, 2, 128}, {b.input({1, 6})});
  const Network network = network_of(b, {y});
  export_onnx(network, path());
  const Network read = Network::load_onnx(path());
  EXPECT_EQ(read.calibration(), nullptr);
  const Images in = {{0, 2, 3, 1000, -254, -1000, 5, -3, 1, -1, 253, 255}};
  const std::vector<float> expected = {0, 2, 4, 254, -254, -256, 4, -4, 0, 0, 252, 254};
  for (const Isa isa : test::usable_isas())
    EXPECT_EQ(run(read, Precision::kFloat32, nullptr, isa, in)[0], expected) << to_string(isa);
}

TEST_F(QuantizedOnnx, AnyZeroPointGivesWhatTheFileMeansOnEveryInstructionSet) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    graph::Graph graph = RandomQuantizedNetwork(seed).build();
    const Network file(std::make_shared<graph::Graph>(graph));
    const std::shared_ptr<const Calibration> own = quantize::take_file_scales(graph);
    const Network network(std::make_shared<graph::Graph>(std::move(graph)), own);
    const Images in = images(network, -1, 1);
    const std::span<const float> input(in[0]);
    const std::vector<float> expected = run_reference(file, kBatch, std::span(&input, 1))[0];
    std::vector<float> first;
    for (const Isa isa : test::usable_isas()) {
      const std::vector<float> got = run(network, Precision::kInt8, nullptr, isa, in)[0];
      if (first.empty()) first = got;
      EXPECT_EQ(got, first) << to_string(isa);
      // Octet rounds less often: not between a convolution and the sum that it is part of.
      EXPECT_LE(test::compare(got, expected).max_error, 0.03) << to_string(isa);
    }
  }
}

}  // namespace
}  // namespace octet
