#include "zoo/synthetic_weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/hash.h"
#include "graph/describe.h"
#include "graph/validate.h"
#include "import/caffe/caffe_importer.h"
#include "zoo/zoo.h"

namespace octet::zoo {
namespace {

using graph::Graph;

Graph filled(const std::string& name, std::uint64_t seed, int threads = 0) {
  Graph graph = build(name);
  fill_synthetic_weights(graph, seed, threads);
  return graph;
}

const graph::Node& find(const Graph& graph, const std::string& name) {
  for (const graph::Node& node : graph.nodes) {
    if (node.name == name) return node;
  }
  throw std::runtime_error("no layer " + name);
}

struct Moments {
  double mean = 0, deviation = 0, kurtosis = 0, neighbour_correlation = 0, largest = 0;
};

Moments moments(std::span<const float> values) {
  Moments m;
  const auto count = static_cast<double>(values.size());
  for (float v : values) m.mean += static_cast<double>(v) / count;
  double second = 0, fourth = 0, neighbours = 0, previous = 0;
  for (float v : values) {
    const double d = static_cast<double>(v) - m.mean;
    second += d * d / count, fourth += d * d * d * d / count, neighbours += d * previous / count;
    previous = d;
    m.largest = std::max(m.largest, std::abs(d));
  }
  m.deviation = std::sqrt(second);
  m.kurtosis = fourth / (second * second);
  m.neighbour_correlation = neighbours / second;
  return m;
}

TEST(SyntheticWeights, CompleteEveryNetwork) {
  for (const std::string& name : names()) {
    SCOPED_TRACE(name);
    const Graph graph = filled(name, 1);
    EXPECT_TRUE(graph.synthetic_weights);
    EXPECT_NO_THROW(graph::validate(graph));
    EXPECT_NO_THROW(graph::check_weights_finite(graph));
  }
}

TEST(SyntheticWeights, AreTheSameForAnyNumberOfThreads) {
  const std::string hash = graph::hash(filled("googlenet", 7, 1));
  EXPECT_EQ(graph::hash(filled("googlenet", 7, 3)), hash);
}

std::string values_hash(const Graph& graph) {
  base::Hasher hasher;
  for (const graph::Node& node : graph.nodes) {
    for (const graph::Weights& weights : node.weights) hasher.add(weights.values());
  }
  return hasher.hex();
}

// Made on x86-64 with GCC 12: another outcome elsewhere is another arithmetic, and breaks every golden hash.
TEST(SyntheticWeights, AreTheSameOnEveryMachine) {
  EXPECT_EQ(values_hash(filled("squeezenet-1.0", 1)), "af4feab8be23e144");
  EXPECT_EQ(values_hash(filled("resnet-50", 42)), "7b69bd0b3753416d");
}

TEST(SyntheticWeights, DependOnTheSeedAndTheLayer) {
  const Graph one = filled("squeezenet-1.0", 1), two = filled("squeezenet-1.0", 2);
  EXPECT_NE(graph::hash(one), graph::hash(two));
  const auto fire2 = find(one, "fire2/conv1x1_1").weights[0].values();
  const auto fire3 = find(one, "fire3/conv1x1_1").weights[0].values();
  int equal = 0;
  for (std::size_t i = 0; i < std::min(fire2.size(), fire3.size()); ++i) equal += fire2[i] == fire3[i];
  EXPECT_LT(equal, 5);
}

TEST(SyntheticWeights, AreNormalAndUncorrelated) {
  const Graph graph = filled("alexnet", 3);
  const graph::Node& fc6 = find(graph, "fc6");
  const Moments m = moments(fc6.weights[0].values());  // 37.7 million values
  const double expected = std::sqrt(2.0 / 9216);
  EXPECT_NEAR(m.mean / expected, 0, 1e-3);
  EXPECT_NEAR(m.deviation / expected, 1, 1e-3);
  EXPECT_NEAR(m.kurtosis, 2.9, 0.01);  // twelve uniform numbers: 3 - 1.2 / 12
  EXPECT_NEAR(m.neighbour_correlation, 0, 1e-3);
  EXPECT_GT(m.largest / expected, 4.5);
  EXPECT_LE(m.largest / expected, 6.01);
}

TEST(SyntheticWeights, KeepTheWeightsThatAreThere) {
  Graph graph = build("squeezenet-1.0");
  graph::Node& conv1 = graph.nodes[1];
  ASSERT_EQ(conv1.name, "conv1");
  const std::vector<float> own(static_cast<std::size_t>(conv1.weights[0].shape().elements()), 0.5f);
  conv1.weights[0] = graph::Weights(conv1.weights[0].shape(), own);
  fill_synthetic_weights(graph, 1);
  EXPECT_EQ(conv1.weights[0].values().back(), 0.5f);
  EXPECT_FALSE(conv1.weights[1].empty());
}

TEST(SyntheticWeights, LeaveAFinishedNetworkAsItIs) {
  Graph graph = filled("squeezenet-1.0", 1);
  graph.synthetic_weights = false;
  const std::string hash = graph::hash(graph);
  fill_synthetic_weights(graph, 2);
  EXPECT_EQ(graph::hash(graph), hash);
  EXPECT_FALSE(graph.synthetic_weights);
}

TEST(SyntheticWeights, DampTheBranchAndNotTheShortcut) {
  const Graph graph = filled("resnet-50", 1);
  const auto mean_scale = [&](const char* layer) {
    return moments(find(graph, layer).weights[0].values()).mean;
  };
  EXPECT_NEAR(mean_scale("scale2a_branch2c"), 0.25, 0.02);
  EXPECT_NEAR(mean_scale("scale5c_branch2c"), 0.25, 0.02);
  EXPECT_NEAR(mean_scale("scale2a_branch1"), 1, 0.05);
  EXPECT_NEAR(mean_scale("scale2a_branch2b"), 1, 0.05);
  for (float variance : find(graph, "bn_conv1").weights[1].values()) EXPECT_GT(variance, 0);
}

TEST(SyntheticWeights, OfAnImportedFileEqualThoseOfTheZoo) {
  const std::filesystem::path prototxt = "../shared/models/caffe/ResNet-50-deploy.prototxt";
  if (!std::filesystem::exists(prototxt)) GTEST_SKIP() << prototxt << " is not here";
  Graph imported = caffe::import_caffe(prototxt, std::nullopt);
  fill_synthetic_weights(imported, 5);
  EXPECT_EQ(graph::hash(imported), graph::hash(filled("resnet-50", 5)));
}

}  // namespace
}  // namespace octet::zoo
