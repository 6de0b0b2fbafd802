// What each operator of an ONNX file becomes. Wrong files: bad_onnx_test.cc; the numbers of tensors:
// tensor_data_test.cc; what is computed at import: constant_folding_test.cc.
#include <limits>

#include "import/onnx/test_models.h"

namespace octet::onnx {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;

/// A model of one node that reads "x" of {batch, dims...} and makes "y".
ModelBuilder one_node(std::int64_t opset, const std::string& op, std::vector<std::int64_t> dims,
                      std::vector<std::string> more_inputs = {}, Node** node = nullptr) {
  ModelBuilder model(opset);
  dims.insert(dims.begin(), kBatch);
  model.input("x", dims).output("y");
  more_inputs.insert(more_inputs.begin(), "x");
  Node& added = model.node(op, more_inputs, {"y"});
  if (node != nullptr) *node = &added;
  return model;
}

graph::Window window_of(const ModelBuilder& model) {
  return op_of<graph::Convolution>(model.imported()).window;
}

// ---- the network

TEST(OnnxImport, AConvolutionalNetworkHasItsNamesShapesAndOrigins) {
  ModelBuilder model;
  model.input("data", {kBatch, 3, 8, 8}).output("prob");
  model.counted("w", {4, 3, 3, 3}).counted("b", {4}).counted("fc", {10, 4});
  with(model.node("Conv", {"data", "w", "b"}, {"c"}), "pads", std::vector<std::int64_t>{1, 1, 1, 1});
  model.node("Relu", {"c"}, {"r"});
  model.node("GlobalAveragePool", {"r"}, {"p"});
  model.node("Flatten", {"p"}, {"f"});
  with(model.node("Gemm", {"f", "fc"}, {"g"}), "transB", std::int64_t{1});
  with(model.node("Softmax", {"g"}, {"prob"}), "axis", std::int64_t{-1});
  const graph::Graph graph = model.imported();
  EXPECT_EQ(graph.name, "net");
  EXPECT_EQ(op_names(graph), "Input Convolution ReLU Pooling Flatten InnerProduct Softmax");
  EXPECT_EQ(graph.shape(graph.inputs.at(0)), (Shape{1, 3, 8, 8}));
  EXPECT_EQ(output_shape(graph), (Shape{1, 10}));
  EXPECT_EQ(graph.tensors[static_cast<std::size_t>(graph.outputs[0])].name, "prob");
  const graph::Node& conv = node_of<graph::Convolution>(graph);
  EXPECT_EQ(conv.name, "node_c");
  EXPECT_EQ(conv.origin.to_string(), "net.onnx: layer 'node_c'");
  EXPECT_EQ(conv.weights.size(), 2u);
  EXPECT_FALSE(graph.synthetic_weights);
}

TEST(OnnxImport, ABatchThatTheFileFixesIsFreeInTheGraph) {
  ModelBuilder model;
  model.input("x", {10, 2, 3, 3}).output("y").integers("shape", {10, -1});
  model.node("Reshape", {"x", "shape"}, {"y"});
  EXPECT_EQ(output_shape(model.imported()), (Shape{1, 18}));
}

TEST(OnnxImport, NodesOutOfOrderAreSortedAndUnusedOnesDropped) {
  ModelBuilder model;
  model.input("x", {kBatch, 2}).output("y");
  model.node("Tanh", {"a"}, {"unused"});  // of an operator that is not known, too
  model.node("Relu", {"a"}, {"y"});
  model.node("LeakyRelu", {"x"}, {"a"});
  const graph::Graph graph = model.imported();
  ASSERT_EQ(graph.nodes.size(), 3u);
  EXPECT_EQ(graph.nodes[1].name, "node_a");
  EXPECT_EQ(std::get<graph::Relu>(graph.nodes[1].op).slope, 0.01f);
}

TEST(OnnxImport, InitializersAmongTheInputsAreNoInputs) {
  ModelBuilder model(9);
  model.input("x", {1, 1, 2, 2}).input("w", {1, 1, 1, 1}).output("y").counted("w", {1, 1, 1, 1});
  model.node("Conv", {"x", "w"}, {"y"});
  EXPECT_EQ(model.imported().inputs.size(), 1u);
}

TEST(OnnxImport, NodesOfOneNameGetDifferentOnes) {
  ModelBuilder model;
  model.input("x", {kBatch, 2}).output("y");
  model.node("Relu", {"x"}, {"a"}).set_name("relu");
  model.node("Relu", {"a"}, {"y"}).set_name("relu");
  const graph::Graph graph = model.imported();
  EXPECT_EQ(graph.nodes[1].name, "relu");
  EXPECT_EQ(graph.nodes[2].name, "relu#2");
}

TEST(OnnxImport, ManyNodesTakeNoLongerThanOthers) {
  ModelBuilder model;
  model.input("x0", {kBatch, 2}).output("x20000");
  for (int i = 0; i < 20'000; ++i)
    model.node("Relu", {"x" + std::to_string(i)}, {"x" + std::to_string(i + 1)});
  EXPECT_EQ(model.imported().nodes.size(), 20'001u);  // anything quadratic would take minutes
}

// ---- convolution and pooling

TEST(OnnxImport, ConvolutionTakesPadsStridesDilationsAndGroups) {
  Node* node = nullptr;
  ModelBuilder model = one_node(13, "Conv", {4, 20, 30}, {"w"}, &node);
  model.counted("w", {6, 2, 3, 5});
  with(*node, "pads", std::vector<std::int64_t>{1, 2, 3, 4});
  with(*node, "strides", std::vector<std::int64_t>{2, 3});
  with(*node, "dilations", std::vector<std::int64_t>{2, 1});
  with(*node, "group", std::int64_t{2});
  const graph::Graph graph = model.imported();
  const auto& op = op_of<graph::Convolution>(graph);
  EXPECT_EQ(op.window, (graph::Window{.kernel_h = 3,
                                      .kernel_w = 5,
                                      .stride_h = 2,
                                      .stride_w = 3,
                                      .pad_top = 1,
                                      .pad_left = 2,
                                      .pad_bottom = 3,
                                      .pad_right = 4,
                                      .dilation_h = 2,
                                      .dilation_w = 1}));
  EXPECT_EQ(op.groups, 2);
  EXPECT_EQ(output_shape(graph), (Shape{1, 6, 10, 11}));
}

TEST(OnnxImport, AutoPadGivesAnOutputForEachStride) {
  for (const bool upper : {true, false}) {
    Node* node = nullptr;
    ModelBuilder model = one_node(13, "Conv", {1, 8, 7}, {"w"}, &node);
    model.counted("w", {1, 1, 3, 3});
    with(*node, "auto_pad", std::string(upper ? "SAME_UPPER" : "SAME_LOWER"));
    with(*node, "strides", std::vector<std::int64_t>{2, 2});
    const graph::Window window = window_of(model);
    EXPECT_EQ(output_shape(model.imported()), (Shape{1, 1, 4, 4}));
    EXPECT_EQ(window.pad_top, upper ? 0 : 1) << "of 8 rows, one more is needed";
    EXPECT_EQ(window.pad_bottom, upper ? 1 : 0);
    EXPECT_EQ(window.pad_left, 1) << "of 7 columns, two more are";
    EXPECT_EQ(window.pad_right, 1);
  }
}

TEST(OnnxImport, PadsHeightAndWidth) {
  ModelBuilder model = one_node(13, "Pad", {1, 8, 8}, {"pads", "value"});
  model.integers("pads", {0, 0, 1, 2, 0, 0, 3, 4}).reals("value", {}, {-1});
  const graph::Graph graph = model.imported();
  const auto& pad = op_of<graph::Pad>(graph);
  EXPECT_EQ(pad.top, 1);
  EXPECT_EQ(pad.left, 2);
  EXPECT_EQ(pad.bottom, 3);
  EXPECT_EQ(pad.right, 4);
  EXPECT_EQ(pad.value, -1);
  ModelBuilder nothing = one_node(13, "Pad", {1, 8, 8}, {"pads"});
  nothing.integers("pads", std::vector<std::int64_t>(8, 0));
  EXPECT_TRUE(std::holds_alternative<graph::Identity>(nothing.imported().nodes.back().op));
}

TEST(OnnxImport, PoolingRoundsAndDividesAsItSays) {
  for (const bool ceil : {true, false}) {
    Node* node = nullptr;
    ModelBuilder model = one_node(13, "AveragePool", {1, 8, 8}, {}, &node);
    with(*node, "kernel_shape", std::vector<std::int64_t>{3, 3});
    with(*node, "strides", std::vector<std::int64_t>{2, 2});
    with(*node, "ceil_mode", std::int64_t{ceil});
    with(*node, "count_include_pad", std::int64_t{ceil});
    const graph::Graph graph = model.imported();
    const auto& op = op_of<graph::Pooling>(graph);
    EXPECT_EQ(op.kind, graph::PoolKind::kAverage);
    EXPECT_EQ(op.divisor, ceil ? graph::AverageDivisor::kPaddedWindow : graph::AverageDivisor::kValidOnly);
    EXPECT_EQ(output_shape(graph), ceil ? (Shape{1, 1, 4, 4}) : (Shape{1, 1, 3, 3}));
  }
}

TEST(OnnxImport, AMeanOverHeightAndWidthIsAGlobalPooling) {
  for (const std::int64_t keep : {0, 1}) {
    Node* node = nullptr;
    ModelBuilder model = one_node(13, "ReduceMean", {5, 4, 4}, {}, &node);
    with(*node, "axes", std::vector<std::int64_t>{-1, 2});
    with(*node, "keepdims", keep);
    const graph::Graph graph = model.imported();
    EXPECT_TRUE(op_of<graph::Pooling>(graph).global);
    EXPECT_EQ(output_shape(graph), keep != 0 ? (Shape{1, 5, 1, 1}) : (Shape{1, 5}));
  }
  ModelBuilder newer = one_node(18, "ReduceMean", {5, 4, 4}, {"axes"});
  newer.integers("axes", {2, 3});
  EXPECT_EQ(output_shape(newer.imported()), (Shape{1, 5, 1, 1}));
}

// ---- other layers

TEST(OnnxImport, BatchNormalizationIsANormAndAnAffine) {
  Node* node = nullptr;
  ModelBuilder model = one_node(13, "BatchNormalization", {2, 4, 4}, {"s", "b", "m", "v"}, &node);
  with(*node, "epsilon", 0.25f);
  model.reals("s", {2}, {1, 2}).reals("b", {2}, {3, 4}).reals("m", {2}, {5, 6}).reals("v", {2}, {7, 8});
  const graph::Graph graph = model.imported();
  EXPECT_EQ(op_names(graph), "Input BatchNorm Scale");
  EXPECT_EQ(op_of<graph::BatchNorm>(graph).epsilon, 0.25f);
  EXPECT_THAT(values_of(graph.nodes[1].weights[0]), ElementsAre(5, 6));
  EXPECT_THAT(values_of(graph.nodes[1].weights[1]), ElementsAre(7, 8));
  EXPECT_THAT(values_of(graph.nodes[2].weights[0]), ElementsAre(1, 2));
  EXPECT_THAT(values_of(graph.nodes[2].weights[1]), ElementsAre(3, 4));
}

TEST(OnnxImport, GemmIsAnInnerProductWithItsFactorsApplied) {
  Node* node = nullptr;
  ModelBuilder model = one_node(13, "Gemm", {2}, {"w", "b"}, &node);
  model.reals("w", {2, 3}, {1, 2, 3, 4, 5, 6}).reals("b", {1}, {10});
  with(*node, "alpha", 2.0f);
  with(*node, "beta", 0.5f);
  const graph::Graph graph = model.imported();
  EXPECT_EQ(op_of<graph::InnerProduct>(graph).out_features, 3);
  EXPECT_THAT(values_of(graph.nodes[1].weights[0]), ElementsAre(2, 8, 4, 10, 6, 12));
  EXPECT_THAT(values_of(graph.nodes[1].weights[1]), ElementsAre(5, 5, 5));
}

TEST(OnnxImport, MatMulWithABiasAddedIsAnInnerProductAndAShift) {
  ModelBuilder model;
  model.input("x", {kBatch, 2}).output("y").reals("w", {2, 1}, {1, 2}).reals("b", {1}, {3});
  model.node("MatMul", {"x", "w"}, {"m"});
  model.node("Add", {"m", "b"}, {"y"});
  EXPECT_EQ(op_names(model.imported()), "Input InnerProduct Scale");
}

TEST(OnnxImport, ClippingAtZeroIsReluInEveryOpset) {
  Node* node = nullptr;
  ModelBuilder older = one_node(10, "Clip", {2}, {}, &node);
  with(*node, "min", 0.0f);
  EXPECT_EQ(op_names(older.imported()), "Input ReLU");
  ModelBuilder newer = one_node(11, "Clip", {2}, {"zero"});
  newer.reals("zero", {}, {0});
  EXPECT_EQ(op_names(newer.imported()), "Input ReLU");
  ModelBuilder limited = one_node(11, "Clip", {2}, {"zero", "six"});
  limited.reals("zero", {}, {0}).reals("six", {}, {6});
  EXPECT_EQ(op_of<graph::Relu>(limited.imported()), graph::Relu{.limit = 6});
  ModelBuilder none = one_node(11, "Clip", {2});
  EXPECT_EQ(op_names(none.imported()), "Input Clip");
  ModelBuilder maximum = one_node(13, "Max", {2}, {"zero"});
  maximum.reals("zero", {}, {0});
  EXPECT_EQ(op_names(maximum.imported()), "Input ReLU");
}

TEST(OnnxImport, ClippingElsewhereIsAnActivation) {
  ModelBuilder model = one_node(11, "Clip", {2}, {"one", "six"});
  model.reals("one", {}, {1}).reals("six", {}, {6});
  const graph::Graph graph = model.imported();
  EXPECT_EQ(op_of<graph::Activation>(graph).function, graph::ActivationFunction::kClip);
  EXPECT_EQ(op_of<graph::Activation>(graph).a, 1);
  EXPECT_EQ(op_of<graph::Activation>(graph).b, 6);
  ModelBuilder crossed = one_node(11, "Clip", {2}, {"six", "one"});
  crossed.reals("one", {}, {1}).reals("six", {}, {6});
  EXPECT_EQ(op_of<graph::Activation>(crossed.imported()).a, 1) << "the upper limit wins";
}

TEST(OnnxImport, ActivationsKeepTheirParameters) {
  Node* node = nullptr;
  ModelBuilder model = one_node(14, "HardSigmoid", {2}, {}, &node);
  EXPECT_EQ(op_of<graph::Activation>(model.imported()).a, 0.2f);
  with(with(*node, "alpha", 0.25f), "beta", 0.75f);
  const graph::Graph graph = model.imported();
  EXPECT_EQ(op_of<graph::Activation>(graph).a, 0.25f);
  EXPECT_EQ(op_of<graph::Activation>(graph).b, 0.75f);
  for (const char* name : {"Sigmoid", "Tanh", "HardSwish"})
    EXPECT_EQ(op_names(one_node(14, name, {2}).imported()), std::string("Input ") + name);
}

TEST(OnnxImport, SoftmaxMeansAllDimensionsFromItsAxisOnBeforeOpset13) {
  const graph::Graph older = one_node(12, "Softmax", {3, 2, 2}).imported();
  EXPECT_EQ(op_names(older), "Input Reshape Softmax Reshape");
  EXPECT_EQ(output_shape(older), (Shape{1, 3, 2, 2}));
  // Along the last dimension, which becomes the channels and goes back.
  const graph::Graph newer = one_node(13, "Softmax", {3, 2, 5}).imported();
  EXPECT_EQ(op_names(newer),
            "Input Reshape ChannelShuffle Reshape Softmax Reshape ChannelShuffle Reshape Reshape");
  EXPECT_EQ(op_of<graph::Softmax>(newer).axis, 1);
  EXPECT_EQ(output_shape(newer), (Shape{1, 3, 2, 5}));
}

TEST(OnnxImport, LrnAndDropout) {
  Node* node = nullptr;
  ModelBuilder model = one_node(13, "LRN", {8, 2, 2}, {}, &node);
  with(*node, "size", std::int64_t{3});
  const graph::Graph graph = model.imported();
  EXPECT_EQ(op_of<graph::Lrn>(graph).size, 3);
  EXPECT_EQ(op_of<graph::Lrn>(graph).alpha, 1e-4f);
  EXPECT_EQ(op_names(one_node(13, "Dropout", {2}).imported()), "Input Dropout");
}

TEST(OnnxImport, APReluOfOneSlopeIsALeakyRelu) {
  ModelBuilder model = one_node(13, "PRelu", {2, 4, 4}, {"slope"});
  model.reals("slope", {2, 1, 1}, {0.5f, 0.5f});
  EXPECT_EQ(op_of<graph::Relu>(model.imported()).slope, 0.5f);
}

TEST(OnnxImport, APReluOfSeveralSlopesIsAMaximumOrMinimum) {
  const auto imported = [](const std::vector<float>& slopes) {
    ModelBuilder model = one_node(13, "PRelu", {2, 4, 4}, {"slope"});
    model.reals("slope", {2, 1, 1}, slopes);
    return model.imported();
  };
  EXPECT_EQ(op_names(imported({0.5f, -1})), "Input Scale Eltwise");
  EXPECT_EQ(op_of<graph::Eltwise>(imported({0.5f, -1})).kind, graph::EltwiseKind::kMax);
  EXPECT_EQ(op_of<graph::Eltwise>(imported({1, 2})).kind, graph::EltwiseKind::kMin);
}

// ---- element by element

TEST(OnnxImport, ArithmeticWithAConstantIsAScaleAndAShiftByChannel) {
  const auto weights = [](const std::string& op, bool constant_first) {
    ModelBuilder model;
    model.input("x", {kBatch, 2, 3, 3}).output("y").reals("c", {2, 1, 1}, {2, 4});
    const std::vector<std::string> inputs =
        constant_first ? std::vector<std::string>{"c", "x"} : std::vector<std::string>{"x", "c"};
    model.node(op, inputs, {"y"});
    return model.imported().nodes.at(1).weights;
  };
  EXPECT_THAT(values_of(weights("Add", false)[1]), ElementsAre(2, 4));
  EXPECT_TRUE(weights("Add", false)[0].empty());
  EXPECT_THAT(values_of(weights("Sub", false)[1]), ElementsAre(-2, -4));
  EXPECT_THAT(values_of(weights("Sub", true)[0]), ElementsAre(-1, -1));
  EXPECT_THAT(values_of(weights("Sub", true)[1]), ElementsAre(2, 4));
  EXPECT_THAT(values_of(weights("Mul", true)[0]), ElementsAre(2, 4));
  EXPECT_THAT(values_of(weights("Div", false)[0]), ElementsAre(FloatEq(0.5f), FloatEq(0.25f)));
}

TEST(OnnxImport, ArithmeticOfTensorsIsElementwise) {
  const auto eltwise = [](const std::string& op) {
    ModelBuilder model;
    model.input("a", {kBatch, 2, 3, 3}).input("b", {kBatch, 2, 3, 3}).output("y");
    model.node(op, {"a", "b"}, {"y"});
    return op_of<graph::Eltwise>(model.imported());
  };
  EXPECT_EQ(eltwise("Add").kind, graph::EltwiseKind::kSum);
  EXPECT_EQ(eltwise("Sum").kind, graph::EltwiseKind::kSum);
  EXPECT_EQ(eltwise("Mul").kind, graph::EltwiseKind::kProduct);
  EXPECT_EQ(eltwise("Max").kind, graph::EltwiseKind::kMax);
  EXPECT_EQ(eltwise("Min").kind, graph::EltwiseKind::kMin);
  EXPECT_EQ(eltwise("Div").kind, graph::EltwiseKind::kQuotient);
  EXPECT_THAT(eltwise("Sub").coefficients, ElementsAre(1, -1));
}

TEST(OnnxImport, ATensorOfOnePixelIsRepeated) {
  ModelBuilder model;
  model.input("gate", {kBatch, 2, 1, 1}).input("x", {kBatch, 2, 3, 3}).output("y");
  model.node("Mul", {"gate", "x"}, {"y"});
  EXPECT_EQ(output_shape(model.imported()), (Shape{1, 2, 3, 3}));
}

TEST(OnnxImport, AConstantLimitIsAClip) {
  const auto clip = [](const std::string& op) {
    ModelBuilder model = one_node(13, op, {2}, {"c"});
    model.reals("c", {2}, {3, 3});
    return op_of<graph::Activation>(model.imported());
  };
  EXPECT_EQ(clip("Max").a, 3);
  EXPECT_EQ(clip("Max").b, std::numeric_limits<float>::infinity());
  EXPECT_EQ(clip("Min").a, -std::numeric_limits<float>::infinity());
  EXPECT_EQ(clip("Min").b, 3);
}

// ---- shapes

TEST(OnnxImport, ReshapesThatKeepTheBatch) {
  const auto reshaped = [](const std::vector<std::int64_t>& shape) {
    ModelBuilder model = one_node(13, "Reshape", {6, 2, 2}, {"shape"});
    model.integers("shape", shape);
    return output_shape(model.imported());
  };
  EXPECT_EQ(reshaped({-1, 24}), (Shape{1, 24}));
  EXPECT_EQ(reshaped({0, -1}), (Shape{1, 24}));
  EXPECT_EQ(reshaped({0, 2, 3, 2, 2}), (Shape{1, 2, 3, 2, 2}));
  EXPECT_EQ(reshaped({0, 0, 4}), (Shape{1, 6, 4}));
}

TEST(OnnxImport, SlicesAndSplitsOfChannels) {
  ModelBuilder slice = one_node(13, "Slice", {6, 4, 4}, {"from", "to", "axes"});
  slice.integers("from", {-4})
      .integers("to", {std::numeric_limits<std::int64_t>::max()})
      .integers("axes", {1});
  EXPECT_EQ(op_of<graph::Slice>(slice.imported()).first, 2);
  EXPECT_EQ(op_of<graph::Slice>(slice.imported()).count, 4);

  const auto split = [](std::int64_t opset, const std::vector<std::int64_t>& sizes) {
    ModelBuilder model(opset);
    model.input("x", {kBatch, 7, 2, 2}).output("a").output("b").output("c").integers("sizes", sizes);
    std::vector<std::string> inputs = {"x"};
    if (!sizes.empty() && opset >= 13) inputs.emplace_back("sizes");
    Node& node = model.node("Split", inputs, {"a", "b", "c"});
    with(node, "axis", std::int64_t{1});
    if (!sizes.empty() && opset < 13) with(node, "split", sizes);
    const graph::Graph graph = model.imported();
    std::vector<std::int64_t> channels;
    for (const graph::TensorId t : graph.outputs) channels.push_back(graph.shape(t)[1]);
    return channels;
  };
  EXPECT_THAT(split(11, {1, 2, 4}), ElementsAre(1, 2, 4));
  EXPECT_THAT(split(13, {4, 2, 1}), ElementsAre(4, 2, 1));
  EXPECT_THAT(split(18, {}), ElementsAre(3, 3, 1));
}

TEST(OnnxImport, ATransposeOfGroupsIsAChannelShuffle) {
  ModelBuilder model;
  model.input("x", {kBatch, 6, 4, 5})
      .output("y")
      .integers("grouped", {0, 3, 2, 4, 5})
      .integers("back", {0, -1, 4, 5});
  model.node("Reshape", {"x", "grouped"}, {"g"});
  with(model.node("Transpose", {"g"}, {"t"}), "perm", std::vector<std::int64_t>{0, 2, 1, 3, 4});
  model.node("Reshape", {"t", "back"}, {"y"});
  const graph::Graph graph = model.imported();
  EXPECT_EQ(op_names(graph), "Input Reshape Reshape ChannelShuffle Reshape Reshape");
  EXPECT_EQ(std::get<graph::ChannelShuffle>(graph.nodes[3].op).groups, 3);
  EXPECT_EQ(output_shape(graph), (Shape{1, 6, 4, 5}));
}

TEST(OnnxImport, ATransposeToChannelsLastAndBack) {
  const auto transposed = [](const std::vector<std::int64_t>& perm) {
    Node* node = nullptr;
    ModelBuilder model = one_node(13, "Transpose", {6, 4, 5}, {}, &node);
    with(*node, "perm", perm);
    const graph::Graph graph = model.imported();
    EXPECT_EQ(op_names(graph), "Input Reshape ChannelShuffle Reshape");
    return std::pair(std::get<graph::ChannelShuffle>(graph.nodes[2].op).groups, output_shape(graph));
  };
  EXPECT_EQ(transposed({0, 2, 3, 1}), std::pair(std::int64_t{6}, Shape{1, 4, 5, 6}));
  EXPECT_EQ(transposed({0, 3, 1, 2}), std::pair(std::int64_t{24}, Shape{1, 5, 6, 4}));
  EXPECT_EQ(transposed({0, 2, 1, 3}), std::pair(std::int64_t{6}, Shape{1, 4, 6, 5}));
}

TEST(OnnxImport, LogSoftmaxIsASoftmax) {
  EXPECT_TRUE(op_of<graph::Softmax>(one_node(13, "LogSoftmax", {3}).imported()).logarithm);
  EXPECT_EQ(op_names(one_node(12, "LogSoftmax", {3, 2, 2}).imported()), "Input Reshape LogSoftmax Reshape");
}

TEST(OnnxImport, SqueezeAndUnsqueezeAreReshapes) {
  ModelBuilder model(13);
  model.input("x", {kBatch, 5, 1, 1}).output("y").integers("back", {2, 3}).integers("new", {-1});
  model.node("Squeeze", {"x", "back"}, {"s"});
  model.node("Unsqueeze", {"s", "new"}, {"y"});
  EXPECT_EQ(output_shape(model.imported()), (Shape{1, 5, 1}));
  ModelBuilder older(11);
  older.input("x", {kBatch, 5, 1, 1}).output("y");
  older.node("Squeeze", {"x"}, {"y"});
  EXPECT_EQ(output_shape(older.imported()), (Shape{1, 5})) << "the batch stays";
}

TEST(OnnxImport, TransposeAndSliceThatChangeNothing) {
  Node* node = nullptr;
  ModelBuilder transpose = one_node(13, "Transpose", {1, 1, 7}, {}, &node);
  with(*node, "perm", std::vector<std::int64_t>{0, 3, 1, 2});
  EXPECT_EQ(output_shape(transpose.imported()), (Shape{1, 7, 1, 1}));
  ModelBuilder slice = one_node(13, "Slice", {4, 2}, {"from", "to"});
  slice.integers("from", {0, 0}).integers("to", {std::numeric_limits<std::int64_t>::max(), 4});
  EXPECT_EQ(op_names(slice.imported()), "Input Slice");
}

TEST(OnnxImport, ConcatTakesAnAxisFromTheEnd) {
  ModelBuilder model;
  model.input("a", {kBatch, 2, 3, 3}).input("b", {kBatch, 5, 3, 3}).output("y");
  with(model.node("Concat", {"a", "b"}, {"y"}), "axis", std::int64_t{-3});
  EXPECT_EQ(output_shape(model.imported()), (Shape{1, 7, 3, 3}));
}

}  // namespace
}  // namespace octet::onnx
