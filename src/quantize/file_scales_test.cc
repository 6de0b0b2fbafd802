// Which roundings of a quantised network become scales, ReLUs or stay, and which layers then compute with
// integers.
#include "quantize/file_scales.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quantize/scheme.h"
#include "tests/support/graph_builder.h"

namespace octet::quantize {
namespace {

using graph::TensorId;
using test::square_window;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Networks as an importer makes them of quantised files.
class QuantizedGraph : public test::GraphBuilder {
 public:
  TensorId rounding(TensorId in, float scale = 0.1f, int zero_point = 128) {
    return node(
        graph::Activation{graph::ActivationFunction::kRounding, scale, static_cast<float>(zero_point)}, {in});
  }
  /// A 1 x 1 convolution of weights that are integers.
  TensorId layer(TensorId in, std::int64_t channels = 4, graph::Window window = square_window(1)) {
    const std::int64_t inputs = graph().shape(in)[1];
    const Shape shape{channels, inputs, window.kernel_h, window.kernel_w};
    const auto taps = static_cast<std::size_t>(shape.elements());
    const graph::Weights weights(shape, std::vector<float>(taps, 0.5f));
    const auto scales = std::make_shared<std::vector<float>>(channels, 0.25f);
    return node(graph::Convolution{window, channels}, {in}, {weights.with_scales(scales)});
  }
  TensorId max_pool(TensorId in) { return node(graph::Pooling{.window = square_window(2, 2)}, {in}); }

  /// The network without roundings; its scales are in `calibration`.
  graph::Graph taken(std::vector<TensorId> outputs) {
    graph::Graph result = finish(std::move(outputs));
    calibration = take_file_scales(result);
    return result;
  }
  /// "0.1 of 128"; "none".
  std::string scale_of(TensorId t) const {
    const TensorCalibration* known =
        calibration->find_tensor(graph().tensors[static_cast<std::size_t>(t)].name);
    return known == nullptr
               ? "none"
               : std::to_string(known->zero_point) + " of " + std::to_string(known->scale).substr(0, 4);
  }

  std::shared_ptr<const Calibration> calibration;
};

std::string ops(const graph::Graph& graph) {
  std::string names;
  for (const graph::Node& node : graph.nodes)
    names += (names.empty() ? "" : " ") + std::string(graph::op_name(node.op));
  return names;
}

TEST(FileScales, RoundingsAroundALayerAreItsScales) {
  QuantizedGraph g;
  const TensorId x = g.rounding(g.input({1, 3, 4, 4}), 0.5f, 7);
  const TensorId y = g.layer(x);
  const TensorId z = g.rounding(y, 0.25f, 100);
  const graph::Graph graph = g.taken({g.layer(z)});
  EXPECT_EQ(ops(graph), "Input Quantized Convolution Quantized Convolution");
  EXPECT_EQ(g.scale_of(graph.inputs[0]), "7 of 0.50");
  EXPECT_EQ(g.scale_of(x), "7 of 0.50");
  EXPECT_EQ(g.scale_of(y), "100 of 0.25");
  EXPECT_EQ(g.scale_of(graph.outputs[0]), "none");
  ASSERT_EQ(g.calibration->layers.size(), 2u);
  for (const LayerCalibration& layer : g.calibration->layers) EXPECT_EQ(layer.precision, Precision::kInt8);
  EXPECT_EQ(g.calibration->method, CalibrationMethod::kFile);
}

TEST(FileScales, SaturationAtZeroIsAReluWithTheLargestByteAsItsLimit) {
  QuantizedGraph g;
  const TensorId x = g.layer(g.rounding(g.input({1, 3, 4, 4})));
  const TensorId y = g.rounding(x, 0.5f, 0);
  const graph::Graph graph = g.taken({g.layer(g.rounding(g.max_pool(y), 0.5f, 0))});
  EXPECT_EQ(ops(graph), "Input Quantized Convolution ReLU Pooling Quantized Convolution")
      << "behind the maximum nothing is negative any more";
  EXPECT_EQ(std::get<graph::Relu>(graph.nodes[3].op).limit, 127.5f);
  EXPECT_EQ(g.scale_of(x), "none") << "what is before the ReLU is no byte";
  EXPECT_EQ(g.scale_of(y), "0 of 0.50");
}

TEST(FileScales, InputsAndWhatAReluReadsNeedNoOther) {
  QuantizedGraph g;
  const TensorId x = g.layer(g.rounding(g.input({1, 3, 4, 4}), 0.5f, 0));
  const graph::Graph graph = g.taken({g.layer(g.rounding(g.relu(g.rounding(x, 0.5f, 0)), 0.5f, 0))});
  EXPECT_EQ(ops(graph), "Input Quantized Convolution Quantized ReLU Quantized Convolution");
}

TEST(FileScales, WithoutLayersOfIntegersNothingChanges) {
  QuantizedGraph g;
  const TensorId x = g.rounding(g.input({1, 3, 4, 4}));
  const TensorId y = g.convolution(x, {square_window(1), 4});
  const graph::Graph graph = g.taken({g.node(graph::Softmax{}, {g.rounding(y)})});
  EXPECT_EQ(g.calibration, nullptr);
  EXPECT_EQ(ops(graph), "Input Rounding Convolution Rounding Softmax");
}

TEST(FileScales, RoundingsFarFromIntegersStay) {
  QuantizedGraph g;
  const TensorId x = g.layer(g.rounding(g.input({1, 3, 4, 4})));
  const TensorId probabilities = g.node(graph::Softmax{}, {g.rounding(x)});
  const graph::Graph graph = g.taken({g.rounding(probabilities, 1 / 256.0f, 0)});
  EXPECT_EQ(ops(graph), "Input Quantized Convolution Rounding Softmax Rounding");
  EXPECT_EQ(g.scale_of(probabilities), "none");
}

TEST(FileScales, LayersWhoseWeightsOrInputAreFloatsStayInFp32) {
  QuantizedGraph g;
  const TensorId x = g.rounding(g.layer(g.rounding(g.input({1, 3, 4, 4}))));
  const TensorId y = g.convolution(x, {square_window(1), 4});  // weights of floats
  g.taken({g.layer(y)});                                       // an input of floats
  ASSERT_EQ(g.calibration->layers.size(), 3u);
  EXPECT_EQ(g.calibration->layers[0].precision, Precision::kInt8);
  EXPECT_EQ(g.calibration->layers[1].precision, Precision::kFloat32);
  EXPECT_THAT(g.calibration->layers[1].reason, HasSubstr("weights"));
  EXPECT_EQ(g.calibration->layers[2].precision, Precision::kFloat32);
  EXPECT_THAT(g.calibration->layers[2].reason, HasSubstr("input"));
}

TEST(FileScales, ASecondScaleOfATensorIsARoundingOfItsOwn) {
  QuantizedGraph g;
  const TensorId x = g.layer(g.rounding(g.input({1, 3, 4, 4})));
  const TensorId one = g.rounding(x, 0.5f), other = g.rounding(x, 0.25f), same = g.rounding(x, 0.5f);
  const graph::Graph graph = g.taken({g.layer(one), g.layer(other), g.layer(same)});
  EXPECT_EQ(ops(graph).substr(0, 56), "Input Quantized Convolution Quantized Rounding Quantized");
  EXPECT_EQ(g.scale_of(x), "128 of 0.50");
  EXPECT_EQ(g.scale_of(other), "128 of 0.25");
  EXPECT_EQ(graph.nodes[5].inputs[0], one) << "rounded once";
}

TEST(FileScales, WhatReadsTheTensorAsItIsDoesNotReadItRounded) {
  QuantizedGraph g;
  const TensorId x = g.layer(g.rounding(g.input({1, 3, 4, 4})));
  const TensorId rounded = g.rounding(x);
  const TensorId pooled = g.max_pool(x);  // not of `rounded`
  const graph::Graph graph = g.taken({g.layer(rounded), pooled});
  EXPECT_EQ(ops(graph), "Input Quantized Convolution Rounding Pooling Convolution");
  const Scheme scheme = make_scheme(graph, Precision::kInt8, g.calibration.get());
  EXPECT_EQ(scheme.nodes[4], DataType::kFloat32);
  EXPECT_EQ(scheme.nodes[5], DataType::kUInt8);
}

TEST(FileScales, PassAlongWhatPassesIntegersOn) {
  QuantizedGraph g;
  const TensorId x = g.layer(g.rounding(g.input({1, 3, 4, 4})));
  const TensorId pooled = g.max_pool(x);
  const TensorId flat = g.node(graph::Flatten{}, {g.rounding(pooled)});
  const graph::Graph graph = g.taken({g.node(graph::Flatten{}, {flat}), g.layer(g.rounding(pooled))});
  EXPECT_EQ(g.scale_of(x), "128 of 0.10") << "rounding before a maximum is rounding after it";
  EXPECT_EQ(g.scale_of(flat), "128 of 0.10");
}

TEST(FileScales, WhatHasNoScaleComputesInFp32) {
  QuantizedGraph g;
  const TensorId x = g.rounding(g.layer(g.rounding(g.input({1, 4, 4, 4}))));
  const TensorId sum = g.sum({x, g.rounding(g.layer(x))});
  const TensorId tanh =
      g.node(graph::Activation{graph::ActivationFunction::kTanh}, {sum});  // nothing between
  const graph::Graph graph = g.taken({g.layer(g.rounding(tanh))});
  const Scheme scheme = make_scheme(graph, Precision::kInt8, g.calibration.get());
  std::string types;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n)
    if (!is_view(graph.nodes[n].op))
      types += std::string(graph::op_name(graph.nodes[n].op)) +
               (scheme.nodes[n] == DataType::kUInt8 ? " u8, " : " f32, ");
  EXPECT_EQ(types,
            "Input u8, Convolution u8, Rounding f32, Convolution u8, Rounding f32, Eltwise f32, Tanh f32, "
            "Convolution u8, ");
}

TEST(FileScales, PicturesLessTheirMeanAreSeen) {
  for (const bool padded : {false, true}) {
    QuantizedGraph g;
    const TensorId x = g.input({1, 3, 4, 4});
    const auto shift = [&](TensorId in, const std::vector<float>& by) {
      return g.node(graph::ChannelAffine{}, {in}, {graph::Weights(), graph::Weights(Shape{3}, by)});
    };
    TensorId bytes = g.rounding(shift(x, {104.2f, 117, 122.7f}), 1, 0);
    if (padded) bytes = shift(bytes, {-104, -117, -123});
    const graph::Graph graph = g.taken({g.layer(bytes, 4, square_window(3, 1, padded ? 1 : 0))});
    EXPECT_EQ(ops(graph), "Input Convolution");
    EXPECT_THAT(g.calibration->find_tensor("data")->pixel_mean, ElementsAre(104.2f, 117, 122.7f));
    // 9 taps of 0.5 each for 343.9, or for what the mean is more than its integers.
    EXPECT_NEAR(graph.nodes[1].weights[1].values()[0], padded ? -0.45 : 1547.55, 1e-3);
  }
}

TEST(FileScales, OtherMeansThanTheHalosAreNoPictures) {
  QuantizedGraph g;
  const auto shift = [&](TensorId in, float by) {
    return g.node(graph::ChannelAffine{}, {in},
                  {graph::Weights(), graph::Weights(Shape{3}, std::vector<float>(3, by))});
  };
  const TensorId bytes = g.rounding(shift(g.input({1, 3, 4, 4}), 100), 1, 0);
  g.taken({g.layer(shift(bytes, -99), 4, square_window(3, 1, 1)), g.layer(bytes)});
  EXPECT_EQ(g.calibration->find_tensor("data"), nullptr);
}

}  // namespace
}  // namespace octet::quantize
