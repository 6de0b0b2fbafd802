// What the passes leave of the study's networks: the promise that a ResNet ends as bare convolutions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "optimize/optimizer.h"
#include "reference/interpreter.h"
#include "tests/support/tensors.h"
#include "zoo/synthetic_weights.h"
#include "zoo/zoo.h"

namespace octet::optimize {
namespace {

using graph::Graph;
using ::testing::ElementsAre;
using ::testing::Pair;

Graph filled(const std::string& name) {
  Graph graph = zoo::build(name);
  zoo::fill_synthetic_weights(graph, 1);
  return graph;
}

std::map<std::string, int> count_ops(const Graph& graph) {
  std::map<std::string, int> counts;
  for (const graph::Node& node : graph.nodes) ++counts[op_name(node.op)];
  return counts;
}

TEST(StudyNetworks, ResNet50EndsAsBareConvolutions) {
  Graph graph = filled("resnet-50");
  optimize(graph, {}, true);
  EXPECT_THAT(count_ops(graph), ElementsAre(Pair("Convolution", 53), Pair("InnerProduct", 1),
                                            Pair("Input", 1), Pair("Pooling", 2), Pair("Softmax", 1)));
  int residuals = 0;
  for (const graph::Node& node : graph.nodes) residuals += node.inputs.size() == 2 ? 1 : 0;
  EXPECT_EQ(residuals, 16);
}

TEST(StudyNetworks, NoReluOrDropoutIsLeftWhereALayerCanTakeIt) {
  for (const char* name : {"alexnet", "googlenet", "squeezenet-1.0"}) {
    Graph graph = filled(name);
    optimize(graph, {}, true);
    EXPECT_EQ(count_ops(graph).count("ReLU"), 0u) << name;
    EXPECT_EQ(count_ops(graph).count("Dropout"), 0u) << name;
  }
}

TEST(StudyNetworks, ResNet50ComputesTheSameOptimised) {
  const Graph before = filled("resnet-50");
  Graph after = before;
  optimize(after);
  const std::vector<float> image = test::random_floats(3 * 224 * 224, 11);
  const std::vector<std::span<const float>> inputs = {image};
  const auto expected = reference::run_graph(before, 1, inputs, before.outputs);
  const auto got = reference::run_graph(after, 1, inputs, after.outputs);
  const test::Difference d = test::compare(got[0], expected[0]);
  EXPECT_LT(d.max_error, 1e-4) << d.text;
}

}  // namespace
}  // namespace octet::optimize
