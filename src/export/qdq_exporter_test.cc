// What a QDQ model says, against the calibration and the engine it is made from. That other engines run it in
// integers, with the engine's answers, is shown by scripts/check-qdq.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "export/test_onnx_model.h"
#include "octet/engine.h"
#include "octet/export.h"
#include "tests/support/engines.h"
#include "tests/support/graph_builder.h"
#include "tests/support/message_of.h"
#include "tests/support/random_network.h"
#include "tests/support/simple_calibration.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tensors.h"

namespace octet::exporting {
namespace {

using graph::TensorId;
using test::GraphBuilder;
using test::integer;
using test::ints;
using test::operators;
using test::square_window;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// An initializer's values, whatever their type, as numbers that hold them all.
template <typename T>
std::vector<double> numbers(const onnx::Tensor& tensor) {
  std::vector<T> raw(tensor.raw_data().size() / sizeof(T));
  std::memcpy(raw.data(), tensor.raw_data().data(), tensor.raw_data().size());
  return {raw.begin(), raw.end()};
}

struct Integers {
  double scale = 0, zero_point = 0;
  bool operator==(const Integers&) const = default;
};

/// A model with a way to its nodes.
class Model {
 public:
  explicit Model(onnx::Model model) : model_(std::move(model)) {
    for (const onnx::Node& node : model_.graph().node()) writers_[node.output(0)] = &node;
  }
  const onnx::Model& model() const { return model_; }
  const onnx::Node& writer(const std::string& tensor) const { return *writers_.at(tensor); }
  std::string writer_type(const std::string& tensor) const {
    const auto known = writers_.find(tensor);
    return known == writers_.end() ? "none" : known->second->op_type();
  }
  std::vector<const onnx::Node*> readers(const std::string& tensor) const {
    std::vector<const onnx::Node*> found;
    for (const onnx::Node& node : model_.graph().node())
      if (std::find(node.input().begin(), node.input().end(), tensor) != node.input().end())
        found.push_back(&node);
    return found;
  }
  std::vector<const onnx::Node*> of_type(const std::string& op) const {
    std::vector<const onnx::Node*> found;
    for (const onnx::Node& node : model_.graph().node())
      if (node.op_type() == op) found.push_back(&node);
    return found;
  }
  /// What a (per-tensor) QuantizeLinear or DequantizeLinear rounds to.
  Integers integers(const onnx::Node& node) const {
    return {numbers<float>(constant(node.input(1)))[0], numbers<std::uint8_t>(constant(node.input(2)))[0]};
  }
  const onnx::Tensor& constant(const std::string& name) const { return test::initializer(model_, name); }

 private:
  onnx::Model model_;
  std::map<std::string, const onnx::Node*> writers_;
};

class QdqExporter : public ::testing::Test {
 protected:
  Model exported(const Network& network, const Calibration& calibration, const QdqOptions& options = {}) {
    export_qdq_onnx(network, calibration, options, path());
    return Model(test::read_model(path()));
  }
  std::filesystem::path path() const { return directory_.path() / "net.onnx"; }

  static Network network_of(GraphBuilder& builder, std::vector<TensorId> outputs) {
    return Network(std::make_shared<graph::Graph>(builder.finish(std::move(outputs))));
  }
  static std::vector<float> images(const Network& network, int count, float low = -1, float high = 1) {
    const auto elements = static_cast<std::size_t>(network.inputs()[0].shape.elements_per_image());
    return test::random_floats(elements * static_cast<std::size_t>(count), 3, low, high);
  }
  static std::shared_ptr<Calibration> calibrated(const Network& network, float low = -1, float high = 1) {
    const std::vector<float> input = images(network, 2, low, high);
    const std::span<const float> in(input);
    return test::simple_calibration(network, 2, std::span(&in, 1));
  }
  static Integers integers_of(const Calibration& calibration, const std::string& tensor) {
    const TensorCalibration* known = calibration.find_tensor(tensor);
    return {known->scale, static_cast<double>(known->zero_point)};
  }

  test::TemporaryDirectory directory_;
};

TEST_F(QdqExporter, RandomNetworksHaveNoLayerInFloatAndTheCalibrationsScales) {
  constexpr std::uint32_t kFirstSeed = 700;
  int scales = 0, layers = 0;
  for (std::uint32_t seed = kFirstSeed; seed < kFirstSeed + 60; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    const Network network = test::RandomNetwork(seed).build();
    std::vector<std::vector<float>> inputs;
    for (const TensorInfo& t : network.inputs())
      inputs.push_back(test::random_floats(static_cast<std::size_t>(t.shape.elements_per_image() * 2), seed));
    const std::vector<std::span<const float>> spans(inputs.begin(), inputs.end());
    const auto calibration = test::simple_calibration(network, 2, spans);
    const Model model = exported(network, *calibration);
    const auto& outputs = model.model().graph().output();
    for (const onnx::Node& node : model.model().graph().node()) {
      if (node.op_type() == "Conv" || node.op_type() == "Gemm") {
        ++layers;
        ASSERT_EQ(node.input_size(), 3) << node.name();
        for (const std::string& input : node.input())
          EXPECT_EQ(model.writer_type(input), "DequantizeLinear") << node.name() << " reads " << input;
      }
      if (node.op_type() == "Conv") {
        for (const onnx::Node* reader : model.readers(node.output(0)))
          EXPECT_EQ(reader->op_type(), "QuantizeLinear") << node.name();
        for (const onnx::ValueInfo& output : outputs) EXPECT_NE(output.name(), node.output(0));
      }
      if (node.op_type() != "QuantizeLinear") continue;
      const std::string tensor = node.name().substr(0, node.name().rfind(".quantized"));
      if (calibration->find_tensor(tensor) == nullptr) continue;
      ++scales;
      EXPECT_EQ(model.integers(node), integers_of(*calibration, tensor)) << tensor;
      EXPECT_EQ(model.integers(model.writer(tensor)), integers_of(*calibration, tensor)) << tensor;
    }
  }
  EXPECT_GT(layers, 100);
  EXPECT_GT(scales, 200);
}

/// The one convolution of a model (1x1, one group), computed from the file's integers.
std::vector<float> run_pointwise(const Model& model, const std::vector<float>& image, std::int64_t pixels) {
  const onnx::Node& conv = *model.of_type("Conv").at(0);
  const onnx::Node &weight = model.writer(conv.input(1)), &bias = model.writer(conv.input(2));
  const Integers from = model.integers(model.writer(conv.input(0)));
  const Integers to = model.integers(*model.readers(conv.output(0)).at(0));
  const auto w = numbers<std::int8_t>(model.constant(weight.input(0)));
  const auto w_scales = numbers<float>(model.constant(weight.input(1)));
  const auto w_zeros = numbers<std::int8_t>(model.constant(weight.input(2)));
  const auto b = numbers<std::int32_t>(model.constant(bias.input(0)));
  const auto b_scales = numbers<float>(model.constant(bias.input(1)));
  EXPECT_EQ(integer(weight, "axis"), 0);
  EXPECT_EQ(integer(bias, "axis"), 0);
  const std::size_t out = w_scales.size(), in = w.size() / out;
  std::vector<float> result;
  for (std::size_t k = 0; k < out; ++k) {
    EXPECT_EQ(w_zeros[k], 0);
    EXPECT_NEAR(b_scales[k], from.scale * w_scales[k], 1e-6 * b_scales[k]);
    for (std::int64_t p = 0; p < pixels; ++p) {
      double sum = b[k];
      for (std::size_t c = 0; c < in; ++c) {
        const double x = image[c * static_cast<std::size_t>(pixels) + static_cast<std::size_t>(p)];
        const double q = std::clamp(std::nearbyint(x / from.scale) + from.zero_point, 0.0, 255.0);
        sum += (q - from.zero_point) * w[k * in + c];
      }
      const double level =
          std::clamp(std::nearbyint(sum * b_scales[k] / to.scale) + to.zero_point, 0.0, 255.0);
      result.push_back(static_cast<float>((level - to.zero_point) * to.scale));
    }
  }
  return result;
}

TEST_F(QdqExporter, TheFilesIntegersGiveTheEnginesOutput) {
  for (const bool rectified : {false, true})
    for (const bool adapted : {false, true}) {
      SCOPED_TRACE(::testing::Message() << "rectified " << rectified << ", adapted " << adapted);
      GraphBuilder b;
      TensorId t = b.convolution(b.input({1, 5, 6, 6}), {.window = square_window(1), .out_channels = 7});
      if (rectified) t = b.relu(t);
      const Network net = network_of(b, {b.node(graph::Pooling{.window = square_window(1)}, {t})});
      const auto calibration = calibrated(net);
      if (adapted) {
        LayerCalibration& layer = calibration->layers.at(0);
        layer.bias_correction = {0.1f, -0.1f, 0.2f, 0, 0, 0.05f, -0.3f};
        layer.rounding_bits = {0x5a, 0xc3, 0x0f, 0x99, 0x01};
      }
      BuildOptions options;
      options.precision = Precision::kInt8;
      options.calibration = calibration;
      const std::vector<float> image = images(net, 1);
      const std::vector<float> expected = test::run_engine(Engine::build(net, options), 1, image)[0];
      const std::vector<float> got = run_pointwise(exported(net, *calibration), image, 36);
      const float step = calibration->tensors.back().scale;
      ASSERT_EQ(got.size(), expected.size());
      std::size_t apart = 0;
      for (std::size_t i = 0; i < got.size(); ++i) {
        EXPECT_NEAR(got[i], expected[i], 1.01f * step) << i;  // a tie may fall either way
        apart += std::abs(got[i] - expected[i]) > 0.01f * step;
      }
      EXPECT_LE(apart, 2u);
    }
}

TEST_F(QdqExporter, AReluIsLeftToTheSaturationAtZeroPoint0) {
  GraphBuilder b;
  const TensorId conv =
      b.relu(b.convolution(b.input({1, 4, 6, 6}), {.window = square_window(3), .out_channels = 4}));
  const Network net = network_of(b, {b.node(graph::Pooling{.window = square_window(2, 2)}, {conv})});
  const auto calibration = calibrated(net);
  EXPECT_TRUE(exported(net, *calibration).of_type("Relu").empty());

  for (TensorCalibration& tensor : calibration->tensors) tensor.zero_point = 128;
  const Model kept = exported(net, *calibration);
  ASSERT_EQ(kept.of_type("Relu").size(), 1u);
  const onnx::Node& relu = *kept.of_type("Relu")[0];
  EXPECT_EQ(kept.writer_type(relu.input(0)), "DequantizeLinear")
      << "the convolution before it writes integers";
  EXPECT_EQ(kept.integers(kept.writer(relu.input(0))), kept.integers(*kept.readers(relu.output(0)).at(0)));
}

TEST_F(QdqExporter, ALimitIsLeftToTheSaturationWhereTheRangeEndsThere) {
  GraphBuilder b;
  const TensorId conv =
      b.relu(b.convolution(b.input({1, 4, 6, 6}), {.window = square_window(3), .out_channels = 4}), 0, 0.5f);
  const Network net = network_of(b, {b.node(graph::Pooling{.window = square_window(2, 2)}, {conv})});
  const auto calibration = calibrated(net);
  ASSERT_EQ(calibration->find_tensor("layer2")->maximum, 0.5f);
  EXPECT_TRUE(exported(net, *calibration).of_type("Clip").empty());

  for (TensorCalibration& tensor : calibration->tensors) tensor.scale *= 2;
  const Model kept = exported(net, *calibration);
  ASSERT_EQ(kept.of_type("Clip").size(), 1u);
  const onnx::Node& clip = *kept.of_type("Clip")[0];
  EXPECT_EQ(kept.writer_type(clip.input(0)), "DequantizeLinear");
  EXPECT_EQ(kept.integers(kept.writer(clip.input(0))), kept.integers(*kept.readers(clip.output(0)).at(0)));
}

TEST_F(QdqExporter, ASumBeforeItsResidualCoversWhatTheResultCanTellApart) {
  GraphBuilder b;
  const TensorId x =
      b.relu(b.convolution(b.input({1, 4, 6, 6}), {.window = square_window(1), .out_channels = 4}));
  const TensorId y = b.convolution(x, {.window = square_window(1), .out_channels = 4}, true, "second");
  const TensorId sum = b.relu(b.sum({y, x}));
  const Network net = network_of(b, {b.node(graph::Pooling{.window = square_window(2, 2)}, {sum})});
  const auto calibration = calibrated(net);
  const Model model = exported(net, *calibration);
  ASSERT_EQ(model.of_type("Add").size(), 1u);
  const onnx::Node& add = *model.of_type("Add")[0];
  EXPECT_EQ(model.readers(add.output(0)).at(0)->op_type(), "QuantizeLinear");
  const Integers of_sum = model.integers(model.writer(add.input(0)));
  const Integers residual = model.integers(model.writer(add.input(1)));
  const Integers result = model.integers(*model.readers(add.output(0)).at(0));
  EXPECT_EQ(residual.zero_point, 0);
  EXPECT_EQ(result.zero_point, 0);
  EXPECT_NEAR(of_sum.scale, residual.scale + result.scale, 1e-6);
  EXPECT_NEAR(of_sum.zero_point * of_sum.scale, 255 * residual.scale, of_sum.scale);
}

TEST_F(QdqExporter, PicturesBecomeBytesAgainWithTheMeanAroundThem) {
  GraphBuilder b;
  const TensorId conv = b.relu(b.convolution(
      b.input({1, 3, 8, 8}), {.window = square_window(3, 2, 1), .out_channels = 4}, true, "first"));
  const Network net = network_of(b, {b.node(graph::Pooling{.window = square_window(2, 2)}, {conv})});
  const auto calibration = calibrated(net, -100, 100);
  calibration->tensors.at(0).pixel_mean = {104, 117, 123};
  const Model model = exported(net, *calibration);
  const onnx::Node& first = *model.of_type("Conv").at(0);
  EXPECT_THAT(ints(first, "pads"), ElementsAre(0, 0, 0, 0));
  const onnx::Node& bytes = model.writer(first.input(0));
  EXPECT_EQ(model.integers(bytes), (Integers{1, 0}));
  const onnx::Node& add = model.writer(model.writer(bytes.input(0)).input(0));
  EXPECT_EQ(add.op_type(), "Add");
  EXPECT_THAT(numbers<float>(model.constant(add.input(1))), ElementsAre(104, 117, 123));
  const onnx::Node& pad = model.writer(add.input(0));
  EXPECT_EQ(pad.op_type(), "Pad");
  EXPECT_THAT(model.constant(pad.input(1)).int64_data(), ElementsAre(0, 0, 1, 1, 0, 0, 1, 1));

  const Model from_bytes = exported(net, *calibration, {.pixel_input = true});
  const onnx::TensorType& type = from_bytes.model().graph().input(0).type().tensor_type();
  EXPECT_EQ(type.elem_type(), 2);
  EXPECT_EQ(type.shape().dim(3).dim_value(), 3);
  EXPECT_EQ(from_bytes.integers(from_bytes.writer(from_bytes.of_type("Conv").at(0)->input(0))),
            (Integers{1, 0}));
  EXPECT_THAT(operators(from_bytes.model()),
              testing::IsSupersetOf({"Transpose", "Cast", "Sub", "Pad", "Add"}));

  calibration->tensors[0].pixel_mean.assign(3 * 8 * 8, 110);
  const Model by_image = exported(net, *calibration);
  const onnx::Node& same = *by_image.of_type("Conv").at(0);
  EXPECT_THAT(ints(same, "pads"), ElementsAre(1, 1, 1, 1));
  EXPECT_EQ(by_image.integers(by_image.writer(same.input(0))).zero_point, 128)
      << "a bias for each pixel has no integer operator: the values are rounded less their mean";
}

TEST_F(QdqExporter, PicturesWithoutPaddingNeverBecomeFp32) {
  GraphBuilder b;
  const TensorId conv = b.relu(
      b.convolution(b.input({1, 3, 8, 8}), {.window = square_window(3), .out_channels = 4}, true, "first"));
  const Network net = network_of(b, {b.node(graph::Pooling{.window = square_window(2, 2)}, {conv})});
  const auto calibration = calibrated(net, -100, 100);
  calibration->tensors.at(0).pixel_mean = {104, 117, 123};
  const Model model = exported(net, *calibration, {.pixel_input = true});
  const onnx::Node& first = model.writer(model.of_type("Conv").at(0)->input(0));
  EXPECT_EQ(first.op_type(), "DequantizeLinear");
  EXPECT_EQ(model.writer_type(first.input(0)), "Transpose");
  EXPECT_TRUE(model.of_type("Cast").empty());

  calibration->tensors[0].pixel_mean.clear();
  EXPECT_THAT(test::message_of([&] { exported(net, *calibration, {.pixel_input = true}); }),
              HasSubstr("mean"));
}

TEST_F(QdqExporter, MixedPrecisionKeepsFp32LayersAndRefusesThoseOf16BitsByName) {
  GraphBuilder b;
  const TensorId x =
      b.convolution(b.input({1, 4, 6, 6}), {.window = square_window(1), .out_channels = 4}, true, "one");
  const TensorId y = b.convolution(x, {.window = square_window(1), .out_channels = 4}, true, "two");
  const Network net = network_of(b, {b.inner_product(y, 3)});
  const auto calibration = calibrated(net);
  calibration->layers.at(1).precision = Precision::kFloat32;
  const Model model = exported(net, *calibration, {Precision::kMixed});
  EXPECT_EQ(model.writer_type("one.weight"), "DequantizeLinear");
  EXPECT_EQ(model.constant("two.weight").data_type(), 1);
  EXPECT_EQ(model.writer_type(model.of_type("Gemm").at(0)->input(0)), "DequantizeLinear");

  for (const Precision narrow : {Precision::kInt16, Precision::kBFloat16}) {
    calibration->layers[1].precision = narrow;
    EXPECT_THAT(test::message_of([&] { exported(net, *calibration, {Precision::kMixed}); }),
                AllOf(HasSubstr("two"), HasSubstr(narrow == Precision::kInt16 ? "INT16" : "BF16")));
  }
}

TEST_F(QdqExporter, OtherPrecisionsAndOtherNetworksCalibrationsAreRefused) {
  GraphBuilder b;
  const Network net = network_of(b, {b.inner_product(b.input({1, 4, 6, 6}), 3)});
  const auto calibration = calibrated(net);
  EXPECT_THAT(test::message_of([&] { exported(net, *calibration, {Precision::kBFloat16}); }),
              HasSubstr("bf16"));
  calibration->tensors.pop_back();
  calibration->tensors.back().name = "elsewhere";
  EXPECT_THAT(test::message_of([&] { exported(net, *calibration); }), HasSubstr("elsewhere"));
}

}  // namespace
}  // namespace octet::exporting
