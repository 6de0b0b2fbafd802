#include "import/onnx/padding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <span>

#include "reference/interpreter.h"
#include "tests/support/graph_builder.h"
#include "tests/support/tensors.h"

namespace octet::onnx {
namespace {

using graph::TensorId;
using test::GraphBuilder;
using test::square_window;

constexpr graph::Pad kPad{.top = 1, .left = 2, .bottom = 0, .right = 1};

template <class Op>
std::size_t count(const graph::Graph& graph) {
  return static_cast<std::size_t>(
      std::count_if(graph.nodes.begin(), graph.nodes.end(),
                    [](const graph::Node& node) { return std::holds_alternative<Op>(node.op); }));
}

/// Input of 4 x 7 x 6, what `make` adds to it, a convolution in two groups.
graph::Graph network(const std::function<TensorId(GraphBuilder&, TensorId)>& make, bool bias = true,
                     std::int64_t pad = 0) {
  GraphBuilder b(3);
  const TensorId map = make(b, b.input({1, 4, 7, 6}));
  return b.finish({b.convolution(map, {square_window(3, 1, pad), 6, 2, {}}, bias)});
}

void expect_same_values(const graph::Graph& a, const graph::Graph& b) {
  const auto input = test::random_floats(std::size_t{2} * 4 * 7 * 6, 5, -3, 3);
  const std::span<const float> in(input);
  const auto got = reference::run_graph(a, 2, std::span(&in, 1), a.outputs),
             expected = reference::run_graph(b, 2, std::span(&in, 1), b.outputs);
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const test::Difference difference = test::compare(got[i], expected[i]);
    EXPECT_LE(difference.max_error, 1e-6) << difference.text;
  }
}

TEST(Padding, BehindAShiftAndARoundingBecomesTheConvolutions) {
  const graph::Activation rounding{graph::ActivationFunction::kRounding, 0.25f, 100};
  for (const bool bias : {false, true})
    for (const bool rounded : {false, true}) {
      const graph::Graph before = network(
          [&](GraphBuilder& b, TensorId t) {
            t = b.identity(b.node(kPad, {t}));
            t = b.affine(t, false);
            return rounded ? b.identity(b.node(rounding, {t})) : t;
          },
          bias);
      graph::Graph after = before;
      give_padding_to_convolutions(after);
      graph::validate(after);
      EXPECT_EQ(count<graph::Pad>(after) + count<graph::Identity>(after), 0u);
      const auto& window = std::get<graph::Convolution>(after.nodes.back().op).window;
      EXPECT_EQ(window.pad_top, 1);
      EXPECT_EQ(window.pad_left, 2);
      EXPECT_EQ(window.pad_bottom, 0);
      EXPECT_EQ(window.pad_right, 1);
      expect_same_values(after, before);
    }
}

TEST(Padding, OfARoundingWhoseZeroStaysZeroNeedsNoSubtraction) {
  graph::Graph graph = network([](GraphBuilder& b, TensorId t) {
    return b.node(graph::Activation{graph::ActivationFunction::kRounding, 0.5f, 7}, {b.node(kPad, {t})});
  });
  give_padding_to_convolutions(graph);
  EXPECT_EQ(graph.nodes.size(), 3u);
  EXPECT_EQ(count<graph::ChannelAffine>(graph), 0u);
}

TEST(Padding, StaysWhereTheWayIsNotForTheConvolutionAlone) {
  const auto shifted = [](const graph::Pad& pad) {
    return [pad](GraphBuilder& b, TensorId t) { return b.affine(b.node(pad, {t}), false); };
  };
  graph::Pad ones = kPad;
  ones.value = 1;
  GraphBuilder two(3);
  const TensorId read_twice = two.affine(two.node(kPad, {two.input({1, 4, 7, 6})}), false);
  const graph::Convolution conv{square_window(3), 6, 2, {}};
  const TensorId results[] = {two.convolution(read_twice, conv), two.relu(read_twice)};
  GraphBuilder output(3);
  const TensorId written = output.affine(output.node(kPad, {output.input({1, 4, 7, 6})}), false);
  const TensorId result = output.convolution(written, conv);
  const graph::Graph graphs[] = {
      network(shifted(ones)),                                                            // no zeros
      network(shifted(kPad), true, 1),                                                   // padding of its own
      network([](GraphBuilder& b, TensorId t) { return b.affine(b.node(kPad, {t})); }),  // scaled
      network([](GraphBuilder& b, TensorId t) { return b.node(kPad, {t}); }),            // the optimiser's
      two.finish({results[0], results[1]}),                                              // another reader
      output.finish({result, written})};                                                 // an output
  for (const graph::Graph& before : graphs) {
    graph::Graph after = before;
    give_padding_to_convolutions(after);
    EXPECT_EQ(count<graph::Pad>(after), 1u);
    EXPECT_EQ(after.nodes.size(), before.nodes.size());
  }
}

}  // namespace
}  // namespace octet::onnx
