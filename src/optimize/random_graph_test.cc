// Random graphs through each pass alone and through all of them: always valid, always the same result.
#include <gtest/gtest.h>

#include "optimize/optimizer.h"
#include "optimize/pass.h"
#include "reference/interpreter.h"
#include "tests/support/graph_builder.h"
#include "tests/support/tensors.h"

namespace octet::optimize {
namespace {

using graph::Graph;
using graph::TensorId;
using test::GraphBuilder;
using test::square_window;

/// Layers over maps of one shape, so that any tensor can meet any other in a sum or a concatenation; chains
/// that the passes look for are likelier than they would be by chance.
class RandomGraph {
 public:
  explicit RandomGraph(std::uint32_t seed) : builder_(seed) {}

  Graph build() {
    maps_.push_back(builder_.input({1, kChannels, 5, 5}, "x"));
    maps_.push_back(builder_.input({1, kChannels, 5, 5}, "y"));
    const int layers = pick(4, 18);
    for (int i = 0; i < layers; ++i) maps_.push_back(layer());
    std::vector<TensorId> outputs = {maps_.back()};
    if (pick(0, 2) == 0) outputs.push_back(flat_head(any()));
    if (pick(0, 2) == 0) {
      const TensorId extra = any();
      if (extra != maps_.back()) outputs.push_back(extra);
    }
    return builder_.finish(std::move(outputs));
  }

 private:
  static constexpr std::int64_t kChannels = 4;

  int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(builder_.random()); }
  TensorId latest() { return maps_.back(); }
  TensorId any() { return maps_[static_cast<std::size_t>(pick(0, static_cast<int>(maps_.size()) - 1))]; }
  /// Mostly the latest tensor, so that chains come about.
  TensorId source() { return pick(0, 3) == 0 ? any() : latest(); }
  float slope() { return pick(0, 2) == 0 ? 0.25f : 0.0f; }

  TensorId convolution(TensorId in) {
    const std::int64_t kernel = pick(0, 1) == 0 ? 1 : 3;
    return builder_.convolution(
        in, {square_window(kernel, 1, kernel / 2), kChannels, pick(0, 3) == 0 ? 2 : 1, {}}, pick(0, 1) == 0);
  }
  /// 3 x 3 pixels over a map with one more on each side, sometimes in two steps, sometimes not zeros.
  TensorId padded_convolution(TensorId in) {
    const float value = pick(0, 3) == 0 ? 0.5f : 0.0f;
    TensorId padded = builder_.node(graph::Pad{1, 0, 1, 0, value}, {in});
    padded = builder_.node(graph::Pad{0, 1, 0, 1}, {padded});
    return builder_.convolution(padded, {square_window(3), kChannels, 1, {}}, pick(0, 1) == 0);
  }
  TensorId sum() {
    const TensorId a = source();
    if (pick(0, 3) == 0) return builder_.node(graph::Eltwise{.coefficients = {0.5f, 1}}, {a, any()});
    if (pick(0, 4) == 0) return builder_.node(graph::Eltwise{.kind = graph::EltwiseKind::kMax}, {a, any()});
    return pick(0, 1) == 0 ? builder_.sum({a, any()}) : builder_.sum({any(), a});
  }
  TensorId layer() {
    switch (pick(0, 11)) {
      case 0:
      case 1:
        return convolution(source());
      case 2:
        return builder_.batch_norm(source());
      case 3:
        return builder_.affine(source(), pick(0, 2) != 0, pick(0, 2) != 0);
      case 4:
        return builder_.relu(source(), slope());
      case 5:
        return builder_.identity(source());
      case 6:
        return sum();
      case 7:
        return builder_.node(graph::Pooling{.window = square_window(3, 1, 1)}, {source()});
      case 8: {
        const TensorId both = builder_.node(graph::Concat{}, {source(), any()});
        return convolution(both);
      }
      case 9:
        return padded_convolution(source());
      case 10: {
        const TensorId flat = builder_.node(graph::Flatten{}, {source()});
        return builder_.node(graph::Reshape{{0, kChannels, 5, 5}}, {flat});
      }
      default:
        return builder_.relu(builder_.affine(builder_.batch_norm(convolution(source()))), slope());
    }
  }
  TensorId flat_head(TensorId in) {
    TensorId x = builder_.affine(builder_.inner_product(in, 6, pick(0, 1) == 0));
    if (pick(0, 1) == 0) x = builder_.relu(x);
    return builder_.node(graph::Softmax{}, {x});
  }

  GraphBuilder builder_;
  std::vector<TensorId> maps_;
};

std::vector<std::vector<float>> outputs_for_two(const Graph& graph) {
  std::vector<std::vector<float>> inputs;
  for (TensorId t : graph.inputs) {
    inputs.push_back(test::random_floats(static_cast<std::size_t>(graph.shape(t).elements() * 2),
                                         static_cast<std::uint32_t>(t)));
  }
  const std::vector<std::span<const float>> spans(inputs.begin(), inputs.end());
  return reference::run_graph(graph, 2, spans, graph.outputs, 1);
}

void expect_same(const Graph& before, const std::vector<std::vector<float>>& expected, const Graph& after) {
  ASSERT_NO_THROW(graph::validate(after));
  ASSERT_EQ(after.outputs.size(), before.outputs.size());
  const auto got = outputs_for_two(after);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(after.tensors[static_cast<std::size_t>(after.outputs[i])].name,
              before.tensors[static_cast<std::size_t>(before.outputs[i])].name);
    const test::Difference d = test::compare(got[i], expected[i]);
    EXPECT_LT(d.max_error, 1e-4) << "output " << i << ": " << d.text;
  }
}

TEST(RandomGraphs, ComputeTheSameAfterEachPassAndAfterAll) {
  constexpr std::uint32_t kFirstSeed = 1000;
  constexpr std::uint32_t kGraphs = 300;
  std::vector<int> changes(all_passes().size(), 0);
  for (std::uint32_t seed = kFirstSeed; seed < kFirstSeed + kGraphs; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Graph before = RandomGraph(seed).build();
    const auto expected = outputs_for_two(before);
    for (const Pass& pass : all_passes()) {
      SCOPED_TRACE(pass.name);
      Graph after = before;
      pass.run(after);
      expect_same(before, expected, after);
    }
    Graph after = before;
    const std::vector<PassReport> reports = optimize(after, {}, true);
    for (std::size_t i = 0; i < reports.size(); ++i) changes[i] += reports[i].changes;
    expect_same(before, expected, after);
    if (HasFailure()) return;
  }
  // A test that never meets a rule proves nothing about it.
  for (std::size_t i = 0; i < changes.size(); ++i) EXPECT_GT(changes[i], 20) << all_passes()[i].name;
}

TEST(RandomGraphs, NothingIsLeftForASecondRun) {
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Graph graph = RandomGraph(seed).build();
    optimize(graph);
    for (const PassReport& report : optimize(graph)) {
      // An Identity between an input and an output stays, and is not counted.
      EXPECT_EQ(report.changes, 0) << report.name;
    }
  }
}

}  // namespace
}  // namespace octet::optimize
