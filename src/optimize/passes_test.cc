// Each rule on the smallest graph that shows it: what it rewrites, what it must leave alone, and that the
// rewritten graph computes the same (by the reference, which runs fused forms too).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "octet/error.h"
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> ops(const Graph& graph) {
  std::vector<std::string> names;
  for (const graph::Node& node : graph.nodes) names.emplace_back(op_name(node.op));
  return names;
}

std::vector<std::vector<float>> outputs_of(const Graph& graph) {
  std::vector<std::vector<float>> inputs;
  for (TensorId t : graph.inputs) {
    inputs.push_back(test::random_floats(static_cast<std::size_t>(graph.shape(t).elements()), 5));
  }
  const std::vector<std::span<const float>> spans(inputs.begin(), inputs.end());
  return reference::run_graph(graph, 1, spans, graph.outputs, 1);
}

std::vector<std::string> output_names(const Graph& graph) {
  std::vector<std::string> names;
  for (TensorId t : graph.outputs) names.push_back(graph.tensors[static_cast<std::size_t>(t)].name);
  return names;
}

/// Runs one pass; the result must be valid, keep the names of its outputs, and compute the same.
Graph apply(int (*pass)(Graph&), const Graph& before, int expected_changes) {
  Graph after = before;
  EXPECT_EQ(pass(after), expected_changes);
  graph::validate(after);
  EXPECT_EQ(output_names(after), output_names(before));
  const auto expected = outputs_of(before);
  const auto got = outputs_of(after);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const test::Difference d = test::compare(got[i], expected[i]);
    EXPECT_LT(d.max_error, 1e-5) << d.text;
  }
  return after;
}

const graph::Convolution kConv{square_window(3, 1, 1), 4, 1, {}};

TEST(EliminateDeadCode, RemovesWhatNoOutputNeedsAndKeepsInputs) {
  GraphBuilder b;
  const TensorId x = b.input({1, 3, 5, 5}, "x");
  b.input({1, 2}, "never_read");
  const TensorId y = b.relu(x);
  b.relu(b.convolution(y, kConv));
  const Graph after = apply(eliminate_dead_code, b.finish({y}), 2);
  EXPECT_THAT(ops(after), ElementsAre("Input", "Input", "ReLU"));
}

TEST(RemoveIdentity, ReadersReadTheInput) {
  GraphBuilder b;
  const TensorId x = b.relu(b.input({1, 3, 5, 5}));
  const TensorId y = b.identity(b.identity(x));
  const Graph after = apply(remove_identity, b.finish({b.sum({x, y})}), 2);
  EXPECT_THAT(ops(after), ElementsAre("Input", "ReLU", "Eltwise"));
  EXPECT_THAT(after.nodes[2].inputs, ElementsAre(x, x));
}

TEST(RemoveIdentity, AnOutputKeepsItsName) {
  GraphBuilder b;
  const TensorId x = b.relu(b.input({1, 3, 5, 5}));
  const TensorId y = b.identity(x);
  const Graph after = apply(remove_identity, b.finish({y, b.relu(x)}), 1);
  EXPECT_THAT(ops(after), ElementsAre("Input", "ReLU", "ReLU"));
}

TEST(RemoveIdentity, LeavesWhatLinksAnInputOrAnOutputToAnOutput) {
  GraphBuilder b;
  const TensorId in = b.input({1, 3, 5, 5});
  const TensorId x = b.relu(in);
  apply(remove_identity, b.finish({b.identity(in), x, b.identity(x)}), 0);
}

TEST(RemoveIdentity, RemovesASplitOfManyOutputs) {
  GraphBuilder b;
  const TensorId x = b.relu(b.input({1, 3, 5, 5}));
  const TensorId first = b.identity(x);
  Graph graph = b.graph();
  const TensorId second = graph.add_tensor("second");
  graph.nodes.back().outputs.push_back(second);
  const TensorId sum = graph.add_node("sum", graph::Eltwise{}, {first, second});
  graph.outputs = {sum, second};
  graph::infer_shapes(graph);
  const Graph after = apply(remove_identity, graph, 1);
  EXPECT_THAT(ops(after), ElementsAre("Input", "ReLU", "Eltwise"));
}

TEST(FoldBatchNorm, BecomesAnAffine) {
  GraphBuilder b;
  const Graph after = apply(fold_batch_norm, b.finish({b.batch_norm(b.input({1, 3, 5, 5}))}), 1);
  EXPECT_THAT(ops(after), ElementsAre("Input", "Scale"));
}

TEST(FoldBatchNorm, RefusesAVarianceThatHasNoRoot) {
  GraphBuilder b;
  Graph graph = b.finish({b.batch_norm(b.input({1, 2, 5, 5}))});
  const std::vector<float> variance = {1, -1};
  graph.nodes[1].weights[1] = graph::Weights({2}, variance);
  try {
    fold_batch_norm(graph);
    FAIL() << "taken";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("layer 'layer1': variance -1"));
  }
}

TEST(MergeChannelAffine, AChainBecomesOne) {
  GraphBuilder b;
  TensorId x = b.input({1, 3, 5, 5});
  x = b.affine(b.affine(b.affine(b.affine(x), true, false), false, true));
  const Graph after = apply(merge_channel_affine, b.finish({x}), 3);
  EXPECT_THAT(ops(after), ElementsAre("Input", "Scale"));
}

TEST(MergeChannelAffine, StopsAtAReluASecondReaderAndAnOutput) {
  GraphBuilder b;
  const TensorId in = b.input({1, 3, 5, 5});
  const TensorId with_relu =
      b.node(graph::ChannelAffine{graph::Relu{}}, {in}, {b.random_weights({3}), b.random_weights({3})});
  const TensorId read_twice = b.affine(b.affine(with_relu));
  const TensorId an_output = b.affine(b.sum({b.affine(read_twice), read_twice}));
  // Merged: only the one that follows the affine after the ReLU.
  apply(merge_channel_affine, b.finish({an_output, b.affine(an_output)}), 1);
}

TEST(FoldAffineIntoConvolution, ScalesWeightsAndMakesABias) {
  for (const bool bias : {false, true}) {
    GraphBuilder b;
    graph::Convolution grouped = kConv;
    grouped.groups = 3, grouped.out_channels = 6;
    const TensorId c = b.convolution(b.input({1, 3, 5, 5}), grouped, bias);
    const Graph after = apply(fold_affine_into_convolution, b.finish({b.affine(b.affine(c))}), 2);
    EXPECT_THAT(ops(after), ElementsAre("Input", "Convolution"));
    EXPECT_EQ(after.nodes[1].weights.size(), 2u);
  }
}

TEST(FoldAffineIntoConvolution, FoldsIntoAnInnerProductAndKeepsAReluOnTheAffine) {
  GraphBuilder b;
  const TensorId p = b.inner_product(b.input({1, 3, 5, 5}), 7, false);
  const TensorId a =
      b.node(graph::ChannelAffine{graph::Relu{0.1f}}, {p}, {b.random_weights({7}), graph::Weights()});
  const Graph after = apply(fold_affine_into_convolution, b.finish({a}), 1);
  EXPECT_THAT(ops(after), ElementsAre("Input", "InnerProduct"));
  EXPECT_EQ(after.nodes[1].weights.size(), 1u);
  EXPECT_EQ(std::get<graph::InnerProduct>(after.nodes[1].op).relu, graph::Relu{0.1f});
}

TEST(FoldAffineIntoConvolution, LeavesWhatItCannotFold) {
  GraphBuilder b;
  const TensorId in = b.input({1, 4, 5, 5});
  graph::Convolution with_relu = kConv;
  with_relu.relu = graph::Relu{};
  const TensorId after_relu = b.affine(b.convolution(in, with_relu));
  const TensorId after_pool =
      b.affine(b.node(graph::Pooling{.window = square_window(3, 1, 1)}, {after_relu}));
  const TensorId output = b.convolution(after_pool, kConv);
  const TensorId after_output = b.affine(output);
  const TensorId twice = b.convolution(after_output, kConv);
  const TensorId end = b.sum({b.affine(twice), twice});
  apply(fold_affine_into_convolution, b.finish({output, end}), 0);
}

TEST(FuseResidual, TheConvolutionMovesToTheAdditionAndTakesItsRelu) {
  GraphBuilder b;
  const TensorId in = b.input({1, 4, 5, 5});
  const TensorId branch = b.convolution(in, kConv);
  const TensorId other = b.relu(in);  // made after the convolution that takes it
  const TensorId sum = b.node(graph::Eltwise{.coefficients = {1, 1}, .relu = graph::Relu{}}, {branch, other});
  const Graph after = apply(fuse_residual, b.finish({sum}), 1);
  EXPECT_THAT(ops(after), ElementsAre("Input", "ReLU", "Convolution"));
  EXPECT_THAT(after.nodes[2].inputs, ElementsAre(in, other));
}

TEST(FuseResidual, OfTwoConvolutionsTheLaterTakesTheOther) {
  GraphBuilder b;
  const TensorId in = b.input({1, 4, 5, 5});
  const TensorId projection = b.convolution(in, {square_window(1), 4, 1, {}});
  const TensorId branch = b.convolution(in, kConv);
  const Graph after = apply(fuse_residual, b.finish({b.sum({projection, branch})}), 1);
  EXPECT_THAT(ops(after), ElementsAre("Input", "Convolution", "Convolution"));
  EXPECT_THAT(after.nodes[2].inputs, ElementsAre(in, projection));
}

TEST(MergeReshape, SkipsTheFirstOfTwoAndMakesNothingOfWhatChangesNothing) {
  GraphBuilder b;
  const TensorId x = b.relu(b.input({1, 6, 5, 4}));
  const TensorId grouped = b.node(graph::Reshape{{0, 2, 3, 5, 4}}, {x});
  const TensorId back = b.node(graph::Reshape{{0, 6, 5, 4}}, {grouped});
  const TensorId flat = b.node(graph::Flatten{}, {grouped});
  const Graph after = apply(merge_reshape, b.finish({b.relu(back), flat}), 2);
  EXPECT_THAT(ops(after), ElementsAre("Input", "ReLU", "Reshape", "Reshape", "Reshape", "ReLU"));
  EXPECT_TRUE(std::holds_alternative<graph::Identity>(after.nodes[3].op));
  EXPECT_THAT(after.nodes[4].inputs, ElementsAre(x));
}

TEST(FoldPadIntoConvolution, AddsZerosToTheConvolutionsPadding) {
  GraphBuilder b;
  const TensorId x = b.relu(b.input({1, 4, 5, 5}));
  const TensorId inner = b.node(graph::Pad{.top = 1, .left = 2}, {x});
  const TensorId outer = b.node(graph::Pad{.bottom = 3, .right = 4}, {inner});
  const TensorId y = b.convolution(outer, {square_window(3, 1, 1), 4, 1, {}});
  const Graph after = apply(fold_pad_into_convolution, b.finish({y, b.relu(inner)}), 2);
  const auto& window = std::get<graph::Convolution>(after.nodes[4].op).window;
  EXPECT_THAT(after.nodes[4].inputs, ElementsAre(x));
  EXPECT_THAT((std::array{window.pad_top, window.pad_left, window.pad_bottom, window.pad_right}),
              ElementsAre(2, 3, 4, 5));
}

TEST(FoldPadIntoConvolution, LeavesOtherValuesAndOtherReaders) {
  GraphBuilder b;
  const TensorId in = b.input({1, 4, 5, 5});
  const TensorId ones = b.node(graph::Pad{1, 1, 1, 1, 1}, {in});
  const TensorId zeros = b.node(graph::Pad{1, 1, 1, 1, 0}, {in});
  const TensorId pooled = b.node(graph::Pooling{.window = square_window(3)}, {zeros});
  apply(fold_pad_into_convolution, b.finish({b.convolution(ones, kConv), pooled}), 0);
}

TEST(MergeReshape, LeavesASingleReshape) {
  GraphBuilder b;
  const TensorId flat = b.node(graph::Flatten{}, {b.relu(b.input({1, 6, 5, 4}))});
  EXPECT_THAT(ops(apply(merge_reshape, b.finish({b.inner_product(flat, 3)}), 0)),
              ElementsAre("Input", "ReLU", "Flatten", "InnerProduct"));
}

TEST(FuseResidual, LeavesASumThatRepeatsOnePixel) {
  GraphBuilder b;
  const TensorId in = b.input({1, 4, 5, 5}), gate = b.input({1, 4, 1, 1}, "gate");
  const TensorId over_a_map = b.sum({b.convolution(in, kConv), gate});
  const TensorId of_a_pixel = b.sum({in, b.convolution(gate, {square_window(1), 4, 1, {}})});
  apply(fuse_residual, b.finish({over_a_map, of_a_pixel}), 0);
}

TEST(FuseResidual, LeavesWhatIsNoPlainSumOfTwo) {
  GraphBuilder b;
  const TensorId in = b.input({1, 4, 5, 5});
  const auto conv = [&] { return b.convolution(in, kConv); };
  const TensorId weighted = b.node(graph::Eltwise{.coefficients = {1, 0.5f}}, {conv(), in});
  const TensorId product = b.node(graph::Eltwise{.kind = graph::EltwiseKind::kProduct}, {conv(), in});
  const TensorId three = b.sum({conv(), in, in});
  const TensorId same = conv();
  const TensorId doubled = b.sum({same, same});
  const TensorId after_relu = b.sum({b.relu(conv()), in});
  const TensorId seen = conv();
  const TensorId of_seen = b.sum({seen, in});
  apply(fuse_residual, b.finish({weighted, product, three, doubled, after_relu, seen, of_seen}), 0);
}

TEST(FuseRelu, GoesIntoEveryLayerThatCanCarryIt) {
  GraphBuilder b;
  TensorId x = b.input({1, 4, 5, 5});
  x = b.relu(b.convolution(x, kConv), 0.1f);
  x = b.relu(b.affine(x));
  x = b.relu(b.sum({x, x}));
  x = b.relu(b.inner_product(x, 5));
  const Graph after = apply(fuse_relu, b.finish({x}), 4);
  EXPECT_THAT(ops(after), ElementsAre("Input", "Convolution", "Scale", "Eltwise", "InnerProduct"));
  EXPECT_EQ(std::get<graph::Convolution>(after.nodes[1].op).relu, graph::Relu{0.1f});
}

TEST(FuseRelu, LeavesASecondReluASecondReaderAnOutputAndOtherLayers) {
  GraphBuilder b;
  const TensorId in = b.input({1, 4, 5, 5});
  const TensorId twice = b.relu(b.relu(b.convolution(in, kConv), 0.2f), 0.3f);  // the first one goes
  const TensorId shared = b.convolution(twice, kConv);
  const TensorId pooled = b.relu(b.node(graph::Pooling{.window = square_window(3, 1, 1)}, {shared}));
  const TensorId output = b.convolution(pooled, kConv);
  apply(fuse_relu, b.finish({b.sum({b.relu(shared), b.relu(in)}), output, b.relu(output)}), 1);
}

/// conv -> BatchNorm -> Scale, as ResNet's files have it, with a ReLU or without.
TensorId normalised_convolution(GraphBuilder& b, TensorId in, std::int64_t kernel, bool with_relu) {
  const TensorId c = b.convolution(in, {square_window(kernel, 1, kernel / 2), 4, 1, {}}, false);
  const TensorId scaled = b.affine(b.batch_norm(c));
  return with_relu ? b.relu(scaled) : scaled;
}

TEST(Optimize, AResNetBlockBecomesConvolutionsOnly) {
  GraphBuilder b;
  const TensorId in = b.input({1, 4, 6, 6});
  const TensorId projection = normalised_convolution(b, in, 1, false);
  TensorId branch = normalised_convolution(b, in, 1, true);
  branch = normalised_convolution(b, branch, 3, true);
  branch = normalised_convolution(b, branch, 1, false);
  const Graph before = b.finish({b.relu(b.sum({projection, branch}))});
  Graph after = before;
  const std::vector<PassReport> reports = optimize(after, {}, true);
  EXPECT_THAT(ops(after), ElementsAre("Input", "Convolution", "Convolution", "Convolution", "Convolution"));
  EXPECT_TRUE(std::get<graph::Convolution>(after.nodes[4].op).relu);
  EXPECT_EQ(after.nodes[4].inputs.size(), 2u);
  EXPECT_EQ(reports.size(), all_passes().size());
  const test::Difference d = test::compare(outputs_of(after)[0], outputs_of(before)[0]);
  EXPECT_LT(d.max_error, 1e-5) << d.text;
}

TEST(Optimize, DisabledPassesAreReportedAndNotRun) {
  GraphBuilder b;
  Graph graph = b.finish({b.relu(b.convolution(b.input({1, 4, 5, 5}), kConv))});
  const std::vector<std::string> disabled = {"fuse_relu"};
  const std::vector<PassReport> reports = optimize(graph, disabled);
  EXPECT_THAT(ops(graph), ElementsAre("Input", "Convolution", "ReLU"));
  EXPECT_EQ(reports.back().name, "fuse_relu");
  EXPECT_FALSE(reports.back().enabled);
  EXPECT_EQ(reports.back().changes, 0);
}

TEST(Optimize, AnUnknownPassIsAnErrorThatListsTheKnown) {
  GraphBuilder b;
  Graph graph = b.finish({b.relu(b.input({1, 4, 5, 5}))});
  const std::vector<std::string> disabled = {"fuse_everything"};
  try {
    optimize(graph, disabled);
    FAIL() << "taken";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(e.what(), HasSubstr("fuse_everything"));
    EXPECT_THAT(e.what(), HasSubstr("fuse_residual"));
  }
}

TEST(Optimize, WeightsWithoutValuesAreAnError) {
  GraphBuilder b;
  Graph graph = b.finish({b.inner_product(b.input({1, 4}), 2)});
  graph.nodes[1].weights[0] = graph::Weights::placeholder({2, 4});
  EXPECT_THROW(optimize(graph), Error);
}

}  // namespace
}  // namespace octet::optimize
