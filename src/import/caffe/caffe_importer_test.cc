// What each layer of a prototxt becomes. Wrong files: bad_input_test.cc; weights: caffemodel_test.cc.
#include "import/caffe/caffe_importer.h"

#include <filesystem>

#include "import/caffe/test_networks.h"

namespace octet::caffe {
namespace {

using graph::Graph;

std::vector<std::string> names(const Graph& graph, const std::vector<graph::TensorId>& ids) {
  std::vector<std::string> result;
  for (const graph::TensorId id : ids) result.push_back(graph.tensors[static_cast<std::size_t>(id)].name);
  return result;
}

Shape output_shape(const Graph& graph) { return graph.shape(graph.outputs.at(0)); }

// ---- inputs

TEST(CaffeImport, EveryWayToStateTheInputGivesTheSame) {
  const std::string relu = "layer { name: 'r' type: 'ReLU' bottom: 'data' top: 'r' }";
  for (const std::string& input : {
           std::string("input: 'data' input_dim: 10 input_dim: 3 input_dim: 6 input_dim: 8 "),
           std::string("input: 'data' input_shape { dim: 10 dim: 3 dim: 6 dim: 8 } "),
           std::string("layer { name: 'data' type: 'Input' top: 'data' "
                       "input_param { shape: { dim: 10 dim: 3 dim: 6 dim: 8 } } } "),
       }) {
    const Graph graph = graph_of(input + relu);
    EXPECT_EQ(names(graph, graph.inputs), std::vector<std::string>{"data"}) << input;
    EXPECT_EQ(graph.shape(graph.inputs[0]), (Shape{1, 3, 6, 8})) << "the batch is 1: " << input;
    EXPECT_EQ(names(graph, graph.outputs), std::vector<std::string>{"r"});
  }
}

TEST(CaffeImport, SeveralInputsKeepTheirOrderAndShapes) {
  const std::string sum = "layer { name: 's' type: 'Eltwise' bottom: 'a' bottom: 'b' top: 's' }";
  for (const std::string& input : {
           std::string("input: 'a' input: 'b' input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4 "
                       "input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4 "),
           std::string("input: 'a' input_shape { dim: 1 dim: 2 dim: 3 dim: 4 } "
                       "input: 'b' input_shape { dim: 1 dim: 2 dim: 3 dim: 4 } "),
           std::string("layer { name: 'd' type: 'Input' top: 'a' top: 'b' "
                       "input_param { shape { dim: 1 dim: 2 dim: 3 dim: 4 } } } "),
       }) {
    const Graph graph = graph_of(input + sum);
    EXPECT_EQ(names(graph, graph.inputs), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(output_shape(graph), (Shape{1, 2, 3, 4}));
  }
}

// ---- wiring

TEST(CaffeImport, EachVersionOfAnInPlaceBlobIsATensorAndTheLastHasItsName) {
  const Graph graph = graph_of(with_input("1 4 8 8", R"(
    layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'x' convolution_param { num_output: 4 kernel_size: 1 } }
    layer { name: 'bn' type: 'BatchNorm' bottom: 'x' top: 'x' }
    layer { name: 'scale' type: 'Scale' bottom: 'x' top: 'x' scale_param { bias_term: true } }
    layer { name: 'relu' type: 'ReLU' bottom: 'x' top: 'x' }
    layer { name: 'pool' type: 'Pooling' bottom: 'x' top: 'y' pooling_param { kernel_size: 2 } })"));
  EXPECT_EQ(names(graph, find_node(graph, "conv").outputs), std::vector<std::string>{"x@conv"});
  EXPECT_EQ(names(graph, find_node(graph, "bn").outputs), std::vector<std::string>{"x@bn"});
  EXPECT_EQ(names(graph, find_node(graph, "scale").outputs), std::vector<std::string>{"x@scale"});
  EXPECT_EQ(names(graph, find_node(graph, "relu").outputs), std::vector<std::string>{"x"});
  EXPECT_EQ(find_node(graph, "pool").inputs, find_node(graph, "relu").outputs);
  EXPECT_EQ(find_node(graph, "bn").inputs, find_node(graph, "conv").outputs);
}

TEST(CaffeImport, AReaderBeforeAnInPlaceLayerSeesTheEarlierVersion) {
  const Graph graph = graph_of(with_input("1 4 8 8", R"(
    layer { name: 'early' type: 'Pooling' bottom: 'data' top: 'early' pooling_param { kernel_size: 2 } }
    layer { name: 'relu' type: 'ReLU' bottom: 'data' top: 'data' }
    layer { name: 'late' type: 'Pooling' bottom: 'data' top: 'late' pooling_param { kernel_size: 2 } })"));
  EXPECT_EQ(find_node(graph, "early").inputs, find_node(graph, "data").outputs);
  EXPECT_EQ(find_node(graph, "late").inputs, find_node(graph, "relu").outputs);
}

TEST(CaffeImport, OutputsAreWhatNobodyReadsInFileOrder) {
  const Graph graph = graph_of(with_input("1 4 8 8", R"(
    layer { name: 'split' type: 'Split' bottom: 'data' top: 'a' top: 'b' top: 'c' }
    layer { name: 'ra' type: 'ReLU' bottom: 'a' top: 'z' }
    layer { name: 'rc' type: 'ReLU' bottom: 'c' top: 'y' })"));
  EXPECT_EQ(names(graph, graph.outputs), (std::vector<std::string>{"b", "z", "y"}));
  EXPECT_EQ(find_op<graph::Identity>(graph).was, "Split");
}

TEST(CaffeImport, LayersRememberFileLineAndName) {
  const Graph graph =
      graph_of(with_input("1 4 8 8", "\n\nlayer { name: 'r' type: 'ReLU' bottom: 'data' top: 'r' }"));
  const Origin origin = find_node(graph, "r").origin;
  EXPECT_EQ(origin.file, "net.prototxt");
  EXPECT_EQ(origin.line, 4);
  EXPECT_EQ(origin.layer, "r");
}

TEST(CaffeImport, LayersOfTheSameNameGetNodesOfDifferentNames) {
  const Graph graph = graph_of(with_input("1 4 8 8", R"(
    layer { name: 'r' type: 'ReLU' bottom: 'data' top: 'a' }
    layer { name: 'r' type: 'ReLU' bottom: 'a' top: 'b' })"));
  EXPECT_EQ(graph.nodes[1].name, "r");
  EXPECT_EQ(graph.nodes[2].name, "r#2");
}

TEST(CaffeImport, ALayerWithoutANameIsCalledAfterItsTop) {
  const Graph graph = graph_of(with_input("1 4 8 8", "layer { type: 'ReLU' bottom: 'data' top: 'r' }"));
  EXPECT_EQ(graph.nodes[1].name, "r");
}

TEST(CaffeImport, ANetworkWithoutANameIsCalledAfterItsFile) {
  EXPECT_EQ(graph_of(with_input("1 4 8 8", "layer { name: 'r' type: 'ReLU' bottom: 'data' top: 'r' }")).name,
            "net");
}

// ---- layers

graph::Convolution convolution(const std::string& parameters, Shape* output = nullptr) {
  const Graph graph = graph_of(with_input(
      "1 8 20 30", "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' convolution_param { " +
                       parameters + " } }"));
  if (output != nullptr) *output = output_shape(graph);
  return find_op<graph::Convolution>(graph);
}

TEST(CaffeImport, ConvolutionTakesASquareWindow) {
  Shape output;
  const auto op = convolution("num_output: 16 kernel_size: 5 stride: 2 pad: 2 group: 4 dilation: 1", &output);
  EXPECT_EQ(op.window, (graph::Window{5, 5, 2, 2, 2, 2, 2, 2, 1, 1}));
  EXPECT_EQ(op.groups, 4);
  EXPECT_EQ(output, (Shape{1, 16, 10, 15}));
}

TEST(CaffeImport, ConvolutionTakesAValueForEachAxis) {
  const graph::Window expected{1, 7, 2, 3, 0, 3, 0, 3, 1, 2};
  EXPECT_EQ(convolution("num_output: 8 kernel_h: 1 kernel_w: 7 stride_h: 2 stride_w: 3 pad_h: 0 pad_w: 3 "
                        "dilation: 1 dilation: 2")
                .window,
            expected);
  EXPECT_EQ(convolution("num_output: 8 kernel_size: 1 kernel_size: 7 stride: 2 stride: 3 pad: 0 pad: 3 "
                        "dilation: 1 dilation: 2")
                .window,
            expected);
  EXPECT_EQ(
      convolution("num_output: 8 kernel_h: 1 kernel_w: 7 stride: [2, 3] pad_w: 3 dilation: [1, 2]").window,
      expected);
}

TEST(CaffeImport, DilationSpreadsTheWindow) {
  Shape output;
  convolution("num_output: 8 kernel_size: 3 dilation: 4", &output);
  EXPECT_EQ(output, (Shape{1, 8, 12, 22}));
}

TEST(CaffeImport, BiasTermDecidesHowManyWeightsALayerHas) {
  for (const bool bias : {true, false}) {
    const std::string term = bias ? "" : " bias_term: false";
    const Graph graph = graph_of(with_input("1 8 4 4",
                                            "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' "
                                            "convolution_param { num_output: 6 kernel_size: 3 group: 2" +
                                                term +
                                                " } }"
                                                "layer { name: 'f' type: 'InnerProduct' bottom: 'c' top: 'f' "
                                                "inner_product_param { num_output: 5" +
                                                term + " } }"));
    const auto& c = find_node(graph, "c").weights;
    const auto& f = find_node(graph, "f").weights;
    ASSERT_EQ(c.size(), bias ? 2u : 1u);
    ASSERT_EQ(f.size(), bias ? 2u : 1u);
    EXPECT_EQ(c[0].shape(), (Shape{6, 4, 3, 3}));
    EXPECT_EQ(f[0].shape(), (Shape{5, 24}));
    EXPECT_TRUE(c[0].empty());
    if (!bias) continue;
    EXPECT_EQ(c[1].shape(), (Shape{6}));
    EXPECT_EQ(f[1].shape(), (Shape{5}));
  }
}

graph::Pooling pooling(const std::string& parameters, Shape* output = nullptr) {
  const Graph graph = graph_of(with_input(
      "1 8 20 30",
      "layer { name: 'p' type: 'Pooling' bottom: 'data' top: 'p' pooling_param { " + parameters + " } }"));
  if (output != nullptr) *output = output_shape(graph);
  return find_op<graph::Pooling>(graph);
}

TEST(CaffeImport, PoolingRoundsUpAsCaffeDoes) {
  Shape output;
  const auto op = pooling("pool: MAX kernel_size: 3 stride: 2", &output);
  EXPECT_EQ(op.kind, graph::PoolKind::kMax);
  EXPECT_EQ(op.rounding, graph::Rounding::kCeil);
  EXPECT_EQ(op.divisor, graph::AverageDivisor::kPaddedWindow);
  EXPECT_EQ(output, (Shape{1, 8, 10, 15}));
  pooling("pool: AVE kernel_size: 3 stride: 2 round_mode: FLOOR", &output);
  EXPECT_EQ(output, (Shape{1, 8, 9, 14}));
}

TEST(CaffeImport, PoolingTakesAValueForEachAxis) {
  const auto op = pooling("pool: AVE kernel_h: 2 kernel_w: 3 stride_h: 2 stride_w: 1 pad_h: 0 pad_w: 1");
  EXPECT_EQ(op.kind, graph::PoolKind::kAverage);
  EXPECT_EQ(op.window, (graph::Window{2, 3, 2, 1, 0, 1, 0, 1, 1, 1}));
}

TEST(CaffeImport, GlobalPoolingCoversTheWholeMap) {
  Shape output;
  EXPECT_TRUE(pooling("pool: AVE global_pooling: true", &output).global);
  EXPECT_EQ(output, (Shape{1, 8, 1, 1}));
}

Graph one_layer(const std::string& type, const std::string& rest = "") {
  return graph_of(
      with_input("1 8 4 6", "layer { name: 'l' type: '" + type + "' bottom: 'data' top: 'l' " + rest + " }"));
}

TEST(CaffeImport, ReluHasItsSlope) {
  EXPECT_EQ(find_op<graph::Relu>(one_layer("ReLU")).slope, 0.0f);
  EXPECT_EQ(find_op<graph::Relu>(one_layer("ReLU", "relu_param { negative_slope: 0.25 }")).slope, 0.25f);
}

TEST(CaffeImport, LrnAcrossChannels) {
  const Graph graph = one_layer("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.25 k: 2 }");
  const auto& op = find_op<graph::Lrn>(graph);
  EXPECT_EQ(op.region, graph::LrnRegion::kAcrossChannels);
  EXPECT_EQ(op.size, 3);
  EXPECT_EQ(op.alpha, 0.5f);
  EXPECT_EQ(op.beta, 0.25f);
  EXPECT_EQ(op.k, 2.0f);
}

TEST(CaffeImport, LrnWithinAChannelHasNoK) {
  const Graph graph = one_layer("LRN", "lrn_param { norm_region: WITHIN_CHANNEL k: 2 }");
  const auto& op = find_op<graph::Lrn>(graph);
  EXPECT_EQ(op.region, graph::LrnRegion::kWithinChannel);
  EXPECT_EQ(op.size, 5);
  EXPECT_EQ(op.k, 1.0f);
}

TEST(CaffeImport, EltwiseKindsAndCoefficients) {
  const auto eltwise = [](const std::string& parameters) {
    return find_op<graph::Eltwise>(graph_of(
        with_input("1 8 4 4",
                   "layer { name: 'r' type: 'ReLU' bottom: 'data' top: 'r' }"
                   "layer { name: 'e' type: 'Eltwise' bottom: 'data' bottom: 'r' top: 'e' eltwise_param { " +
                       parameters + " } }")));
  };
  EXPECT_EQ(eltwise("").kind, graph::EltwiseKind::kSum);
  EXPECT_EQ(eltwise("operation: PROD").kind, graph::EltwiseKind::kProduct);
  EXPECT_EQ(eltwise("operation: MAX").kind, graph::EltwiseKind::kMax);
  EXPECT_EQ(eltwise("operation: SUM coeff: 1 coeff: -1").coefficients, (std::vector<float>{1, -1}));
}

TEST(CaffeImport, ConcatJoinsChannelsByDefaultAndAnyAxisOnDemand) {
  const auto concat = [](const std::string& parameters) {
    return output_shape(graph_of(with_input(
        "1 8 4 6", "layer { name: 'c' type: 'Concat' bottom: 'data' bottom: 'data' top: 'c' concat_param { " +
                       parameters + " } }")));
  };
  EXPECT_EQ(concat(""), (Shape{1, 16, 4, 6}));
  EXPECT_EQ(concat("axis: -1"), (Shape{1, 8, 4, 12}));
  EXPECT_EQ(concat("concat_dim: 2"), (Shape{1, 8, 8, 6}));
}

TEST(CaffeImport, BatchNormHasMeanAndVariance) {
  const Graph graph = one_layer("BatchNorm", "batch_norm_param { eps: 0.001 use_global_stats: true }");
  EXPECT_EQ(find_op<graph::BatchNorm>(graph).epsilon, 0.001f);
  ASSERT_EQ(find_node(graph, "l").weights.size(), 2u);
  EXPECT_EQ(find_node(graph, "l").weights[1].shape(), (Shape{8}));
}

TEST(CaffeImport, ScaleAndBiasAreOneOperation) {
  const auto weights = [](const Graph& graph) { return find_node(graph, "l").weights; };
  const auto scale = weights(one_layer("Scale"));
  ASSERT_EQ(scale.size(), 1u);
  EXPECT_EQ(scale[0].shape(), (Shape{8}));
  const auto both = weights(one_layer("Scale", "scale_param { bias_term: true axis: -3 }"));
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[1].shape(), (Shape{8}));
  const auto bias = weights(one_layer("Bias"));
  ASSERT_EQ(bias.size(), 2u);
  EXPECT_EQ(bias[0].shape().rank(), 0u);
  EXPECT_EQ(bias[1].shape(), (Shape{8}));
}

TEST(CaffeImport, FlattenReshapeDropoutAndSoftmax) {
  EXPECT_EQ(output_shape(one_layer("Flatten")), (Shape{1, 192}));
  EXPECT_EQ(output_shape(one_layer("Flatten", "flatten_param { axis: 2 }")), (Shape{1, 8, 24}));
  EXPECT_EQ(output_shape(one_layer("Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 2 } }")),
            (Shape{1, 96, 2}));
  EXPECT_EQ(output_shape(one_layer("Reshape", "reshape_param { shape { dim: 10 dim: 192 } }")),
            (Shape{1, 192}));
  EXPECT_EQ(output_shape(one_layer("Reshape", "reshape_param { shape { dim: -1 dim: 192 } }")),
            (Shape{1, 192}));
  EXPECT_EQ(output_shape(one_layer("Reshape", "reshape_param { axis: 2 shape { dim: 24 } }")),
            (Shape{1, 8, 24}));
  EXPECT_EQ(find_op<graph::Identity>(one_layer("Dropout", "dropout_param { dropout_ratio: 0.4 }")).was,
            "Dropout");
  EXPECT_EQ(find_op<graph::Softmax>(one_layer("Softmax")).axis, 1);
  EXPECT_EQ(find_op<graph::Softmax>(one_layer("Softmax", "softmax_param { axis: -1 }")).axis, 3);
}

TEST(CaffeImport, TheStudysNetworksLoad) {
  const std::filesystem::path folder = "../shared/models/caffe";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no ../shared/models/caffe beside the source tree";
  int networks = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".prototxt") continue;
    const Graph graph = import_caffe(entry.path(), std::nullopt);
    EXPECT_EQ(output_shape(graph).elements(), 1000) << entry.path();
    EXPECT_EQ(graph.outputs.size(), 1u) << entry.path();
    EXPECT_EQ(names(graph, graph.outputs), std::vector<std::string>{"prob"}) << entry.path();
    ++networks;
  }
  EXPECT_EQ(networks, 7);
}

}  // namespace
}  // namespace octet::caffe
