#include "graph/describe.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/support/graph_builder.h"

namespace octet::graph {
namespace {

using test::GraphBuilder;
using test::square_window;

Graph two_layers(std::uint32_t seed = 1, std::int64_t stride = 1) {
  GraphBuilder b(seed);
  const TensorId in = b.input({1, 4, 8, 8});
  const TensorId c = b.convolution(in, {square_window(3, stride, 1), 6, 2, {}});
  return b.finish({b.inner_product(c, 5, false)});
}

TEST(Describe, CountsMacsAndParametersOfOneImage) {
  const Graph graph = two_layers();
  const LayerInfo conv = layer_info(graph, graph.nodes[1]);
  EXPECT_EQ(conv.macs, 6 * 8 * 8 * 2 * 9);
  EXPECT_EQ(conv.params, 6 * 2 * 9 + 6);
  EXPECT_EQ(conv.op, "Convolution");
  EXPECT_EQ(conv.output_shape, (Shape{1, 6, 8, 8}));
  EXPECT_EQ(conv.inputs, std::vector<std::string>{"data"});
  const LayerInfo product = layer_info(graph, graph.nodes[2]);
  EXPECT_EQ(product.macs, 5 * 6 * 64);
  EXPECT_EQ(product.params, 5 * 6 * 64);
  EXPECT_EQ(layer_info(graph, graph.nodes[0]).macs, 0);
}

TEST(Describe, CountsPlaceholdersAsParameters) {
  Graph graph = two_layers();
  graph.nodes[1].weights = {Weights::placeholder({6, 2, 3, 3})};
  EXPECT_EQ(params(graph, graph.nodes[1]), 6 * 2 * 9);
}

TEST(Describe, SaysAttributesInOneLine) {
  const auto text = [](Op op, std::vector<TensorId> inputs = {0}) {
    return attributes(Node{"x", std::move(op), std::move(inputs), {}, {}, {}});
  };
  EXPECT_EQ(text(Convolution{square_window(7, 2, 3), 64, 1, {}}), "7x7 stride 2 pad 3");
  Window w = square_window(3);
  w.pad_left = 1, w.dilation_w = 2, w.kernel_w = 5;
  EXPECT_EQ(text(Convolution{w, 64, 4, Relu{}}, {0, 1}),
            "3x5 pad top 0 left 1 bottom 0 right 0 dilation 1x2 group 4 + residual + ReLU");
  EXPECT_EQ(text(Pooling{.window = square_window(3, 2)}), "max 3x3 stride 2 ceil");
  EXPECT_EQ(text(Pooling{.kind = PoolKind::kAverage, .global = true}), "average global");
  EXPECT_EQ(text(Eltwise{.coefficients = {1, -0.5f}}), "sum of 1, -0.5");
  EXPECT_EQ(text(InnerProduct{10, Relu{0.1f}}), "+ ReLU slope 0.1");
  EXPECT_EQ(text(InnerProduct{10, Relu{.limit = 6}}), "+ ReLU limit 6");
  EXPECT_EQ(text(Relu{0.1f, 6}), "slope 0.1 limit 6");
  EXPECT_EQ(text(Activation{ActivationFunction::kHardSigmoid, 0.2f, 0.5f}), "0.2 x + 0.5");
  EXPECT_EQ(text(Activation{ActivationFunction::kClip, -1, 6}), "from -1 to 6");
  EXPECT_EQ(text(Activation{ActivationFunction::kTanh}), "");
  EXPECT_EQ(text(Slice{16, 8}), "channels 16 to 23");
  EXPECT_EQ(text(ChannelShuffle{3}), "group 3");
  EXPECT_EQ(text(Pad{1, 2, 3, 4, 0}), "top 1 left 2 bottom 3 right 4");
  EXPECT_EQ(text(Pad{0, 0, 1, 1, -1}), "top 0 left 0 bottom 1 right 1 with -1");
}

TEST(Describe, OriginNamesWhatIsKnown) {
  EXPECT_EQ((Origin{"deploy.prototxt", 12, "conv1"}).to_string(), "deploy.prototxt:12: layer 'conv1'");
  EXPECT_EQ((Origin{"deploy.prototxt", 0, "conv1"}).to_string(), "deploy.prototxt: layer 'conv1'");
  EXPECT_EQ((Origin{"", 0, "conv1"}).to_string(), "layer 'conv1'");
  EXPECT_EQ((Origin{"deploy.prototxt", 3, ""}).to_string(), "deploy.prototxt:3");
}

TEST(Hash, LeavesOutNamesDeadLayersAndLayersThatDoNothing) {
  const std::string expected = hash(two_layers());
  EXPECT_EQ(expected.size(), 16u);

  Graph renamed = two_layers();
  renamed.name = "other";
  for (Tensor& t : renamed.tensors) t.name += "_other";
  for (Node& n : renamed.nodes) n.name += "_other";
  EXPECT_EQ(hash(renamed), expected);

  Graph with_dead = two_layers();
  with_dead.add_node("dead", Relu{}, {1});
  EXPECT_EQ(hash(with_dead), expected);

  GraphBuilder b;
  const TensorId in = b.input({1, 4, 8, 8});
  const TensorId c = b.identity(b.convolution(in, {square_window(3, 1, 1), 6, 2, {}}));
  EXPECT_EQ(hash(b.finish({b.inner_product(c, 5, false)})), expected);
}

TEST(Hash, SeesEveryChangeOfStructureAndWeights) {
  const std::string original = hash(two_layers());
  EXPECT_NE(hash(two_layers(2)), original);     // other weights
  EXPECT_NE(hash(two_layers(1, 2)), original);  // other stride
  const auto changed = [](const std::function<void(Graph&)>& change) {
    Graph graph = two_layers();
    change(graph);
    return hash(graph);
  };
  EXPECT_NE(changed([](Graph& g) { std::get<Convolution>(g.nodes[1].op).relu = Relu{}; }), original);
  const auto limited = [&](float limit) {
    return changed([limit](Graph& g) { std::get<Convolution>(g.nodes[1].op).relu = Relu{.limit = limit}; });
  };
  EXPECT_NE(limited(6), limited(7));
  const auto activated = [&](Activation activation) {
    return changed([activation](Graph& g) { g.outputs = {g.add_node("f", activation, {g.outputs[0]})}; });
  };
  EXPECT_NE(activated({ActivationFunction::kTanh}), activated({ActivationFunction::kSigmoid}));
  EXPECT_NE(activated({ActivationFunction::kClip, 0, 6}), activated({ActivationFunction::kClip, 0, 7}));
  EXPECT_NE(changed([](Graph& g) { g.nodes[1].weights.pop_back(); }), original);
  EXPECT_NE(changed([](Graph& g) { g.outputs = {1}; }), original);
  EXPECT_NE(changed([](Graph& g) {
              std::vector<float> w(g.nodes[2].weights[0].values().begin(),
                                   g.nodes[2].weights[0].values().end());
              w.back() += 1e-6f;
              g.nodes[2].weights[0] = Weights(g.nodes[2].weights[0].shape(), w);
            }),
            original);
}

}  // namespace
}  // namespace octet::graph
