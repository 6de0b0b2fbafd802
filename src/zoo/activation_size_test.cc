// Synthetic weights must keep the signal alive and finite through every layer, or benchmarks would time
// denormals and infinities, and INT8 would have nothing to calibrate.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "graph/validate.h"
#include "reference/interpreter.h"
#include "tests/support/tensors.h"
#include "zoo/synthetic_weights.h"
#include "zoo/zoo.h"

namespace octet::zoo {
namespace {

double root_mean_square(std::span<const float> values) {
  double sum = 0;
  for (float v : values) sum += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

struct Case {
  const char* name;
  std::int64_t side;  // of the picture; 0: the network's own
};

/// The same network for smaller pictures, which the reference runs in a second: the closing average takes in
/// whatever is left of the map, and inner products get as many inputs as there are.
void shrink(graph::Graph& graph, std::int64_t side) {
  graph.tensors[static_cast<std::size_t>(graph.inputs[0])].shape = {1, 3, side, side};
  for (graph::Node& node : graph.nodes) {
    auto* pool = std::get_if<graph::Pooling>(&node.op);
    if (pool != nullptr && pool->kind == graph::PoolKind::kAverage) pool->global = true;
  }
  graph::infer_shapes(graph);
  for (graph::Node& node : graph.nodes) {
    if (!std::holds_alternative<graph::InnerProduct>(node.op)) continue;
    node.weights[0] = graph::Weights::placeholder(graph::weight_shapes(graph, node, true)[0]);
  }
}

class ActivationSize : public testing::TestWithParam<Case> {};

TEST_P(ActivationSize, StaysSaneInEveryLayerForUnitAndForPixelInputs) {
  graph::Graph graph = build(GetParam().name);
  if (GetParam().side > 0) shrink(graph, GetParam().side);
  fill_synthetic_weights(graph, 1);
  const auto image = static_cast<std::size_t>(graph.shape(graph.inputs[0]).elements());
  std::vector<float> input = test::random_floats(image, 1);
  const std::vector<float> pixels = test::random_floats(image, 2, -123, 132);
  input.insert(input.end(), pixels.begin(), pixels.end());
  const std::span<const float> in(input);
  const auto values = reference::run_graph_all(graph, 2, {&in, 1});

  for (const graph::Node& node : graph.nodes) {
    SCOPED_TRACE(node.name);
    const std::span<const float> both = values[static_cast<std::size_t>(node.outputs[0])];
    for (const auto& one : {both.first(both.size() / 2), both.last(both.size() / 2)}) {
      if (std::holds_alternative<graph::Softmax>(node.op)) {
        EXPECT_LT(*std::max_element(one.begin(), one.end()), 0.999f);
        continue;
      }
      const double size = root_mean_square(one);
      EXPECT_GE(size, 1e-3);
      EXPECT_LE(size, 1e3);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, ActivationSize,
                         testing::Values(Case{"alexnet", 0}, Case{"googlenet", 0}, Case{"resnet-50", 0},
                                         Case{"resnet-101", 96}, Case{"resnet-152", 96}, Case{"vgg-16", 96},
                                         Case{"vgg-19", 96}, Case{"squeezenet-1.0", 0}),
                         [](const auto& network) {
                           std::string name = network.param.name;
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
                           return name;
                         });

}  // namespace
}  // namespace octet::zoo
