#include "quantize/shared_scales.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/graph_builder.h"

namespace octet::quantize {
namespace {

using graph::TensorId;
using testing::ElementsAre;

const ScaleGroup& group_of(const std::vector<ScaleGroup>& groups, TensorId t) {
  for (const ScaleGroup& group : groups)
    if (std::find(group.members.begin(), group.members.end(), t) != group.members.end()) return group;
  throw std::logic_error("tensor without a group");
}

graph::Convolution convolution(std::int64_t out, bool relu) {
  graph::Convolution op{.window = test::square_window(3, 1, 1), .out_channels = out};
  if (relu) op.relu = graph::Relu{};
  return op;
}

TEST(SharedScales, ConcatenationMaximumAndViewsPassTheScaleOn) {
  test::GraphBuilder build;
  const TensorId in = build.input({1, 3, 8, 8});
  const TensorId a = build.convolution(in, convolution(4, true));
  const TensorId b = build.convolution(in, convolution(5, true));
  const TensorId joined = build.node(graph::Concat{}, {a, b});
  const TensorId pooled = build.node(
      graph::Pooling{.kind = graph::PoolKind::kMax, .window = test::square_window(2, 2)}, {joined});
  const TensorId flat = build.node(graph::Flatten{}, {pooled});
  const TensorId fc = build.inner_product(flat, 3);
  const auto groups = shared_scales(build.finish({fc}));
  ASSERT_EQ(groups.size(), 3u);
  const ScaleGroup& group = group_of(groups, joined);
  EXPECT_THAT(group.members, ElementsAre(a, b, joined, pooled, flat));
  EXPECT_THAT(group.sources, ElementsAre(a, b));
  EXPECT_EQ(group.leader, joined);
  EXPECT_TRUE(group.never_negative);
  EXPECT_EQ(group_of(groups, in).leader, in);
  EXPECT_EQ(group_of(groups, fc).leader, fc);
  EXPECT_FALSE(group_of(groups, fc).never_negative);
}

TEST(SharedScales, APoolOfOneTensorIsLedByThatTensor) {
  test::GraphBuilder build;
  const TensorId in = build.input({1, 3, 8, 8});
  const TensorId a = build.convolution(in, convolution(4, false));
  const TensorId pooled =
      build.node(graph::Pooling{.kind = graph::PoolKind::kMax, .window = test::square_window(2, 2)}, {a});
  const TensorId average =
      build.node(graph::Pooling{.kind = graph::PoolKind::kAverage, .global = true}, {pooled});
  const auto groups = shared_scales(build.finish({average}));
  EXPECT_THAT(group_of(groups, pooled).members, ElementsAre(a, pooled));
  EXPECT_EQ(group_of(groups, pooled).leader, a);
  EXPECT_THAT(group_of(groups, average).members, ElementsAre(average));
}

TEST(SharedScales, ScoresAreWhatNoLayerReadsAnyMore) {
  test::GraphBuilder build;
  const TensorId in = build.input({1, 3, 8, 8});
  const TensorId a = build.convolution(in, convolution(4, true));
  const TensorId pooled =
      build.node(graph::Pooling{.kind = graph::PoolKind::kAverage, .window = test::square_window(2, 2)}, {a});
  const TensorId last = build.convolution(pooled, convolution(5, true));
  const TensorId average =
      build.node(graph::Pooling{.kind = graph::PoolKind::kAverage, .global = true}, {last});
  const auto groups = shared_scales(build.finish({average}));
  for (const TensorId t : {in, a, pooled}) EXPECT_FALSE(group_of(groups, t).scores);
  for (const TensorId t : {last, average}) EXPECT_TRUE(group_of(groups, t).scores);
}

TEST(SharedScales, OneSignedInputMakesAConcatenationSigned) {
  test::GraphBuilder build;
  const TensorId in = build.input({1, 3, 8, 8});
  const TensorId a = build.convolution(in, convolution(4, true));
  const TensorId b = build.convolution(in, convolution(5, false));
  const TensorId joined = build.node(graph::Concat{}, {a, b});
  EXPECT_FALSE(group_of(shared_scales(build.finish({joined})), a).never_negative);
}

TEST(SharedScales, WhatIsNeverNegativeFollowsFromTheOperations) {
  test::GraphBuilder build;
  const TensorId in = build.input({1, 4, 8, 8});
  const TensorId positive = build.relu(in);
  const TensorId leaky = build.relu(in, 0.1f);
  const TensorId lrn = build.node(graph::Lrn{}, {positive});
  const TensorId average = build.node(
      graph::Pooling{.kind = graph::PoolKind::kAverage, .window = test::square_window(2)}, {positive});
  const TensorId sum = build.sum({positive, lrn});
  const TensorId difference = build.node(graph::Eltwise{.coefficients = {1, -1}}, {positive, lrn});
  const TensorId largest = build.node(graph::Eltwise{.kind = graph::EltwiseKind::kMax}, {positive, in});
  const TensorId mixed = build.sum({positive, in});
  const TensorId softmax = build.node(graph::Softmax{}, {in});
  const TensorId affine = build.affine(positive);
  using graph::Activation, graph::ActivationFunction;
  const TensorId sigmoid = build.node(Activation{ActivationFunction::kSigmoid}, {in});
  const TensorId clipped = build.node(Activation{ActivationFunction::kClip, 0.5f, 2}, {in});
  const TensorId clipped_below = build.node(Activation{ActivationFunction::kClip, -1, 2}, {in});
  const TensorId swish = build.node(Activation{ActivationFunction::kHardSwish}, {in});
  const auto graph = build.finish({leaky, average, sum, difference, largest, mixed, softmax, affine, sigmoid,
                                   clipped, clipped_below, swish});
  const auto groups = shared_scales(graph);
  for (const TensorId t : {positive, lrn, average, sum, largest, softmax, sigmoid, clipped})
    EXPECT_TRUE(group_of(groups, t).never_negative) << graph.tensors[static_cast<std::size_t>(t)].name;
  for (const TensorId t : {in, leaky, difference, mixed, affine, clipped_below, swish})
    EXPECT_FALSE(group_of(groups, t).never_negative) << graph.tensors[static_cast<std::size_t>(t)].name;
}

TEST(SharedScales, DeadTensorsHaveNone) {
  test::GraphBuilder build;
  const TensorId in = build.input({1, 4, 8, 8});
  const TensorId used = build.relu(in);
  build.relu(used);
  EXPECT_EQ(shared_scales(build.finish({used})).size(), 2u);
}

TEST(ReasonForFp32, NamesWhatHasNoIntegerArithmetic) {
  graph::Node node;
  node.op = graph::Softmax{};
  EXPECT_THAT(reason_for_fp32(node), testing::HasSubstr("softmax"));
  node.op = graph::Eltwise{.kind = graph::EltwiseKind::kQuotient};
  EXPECT_THAT(reason_for_fp32(node), testing::HasSubstr("quotient"));
  node.op = graph::Concat{.axis = 2};
  EXPECT_THAT(reason_for_fp32(node), testing::HasSubstr("axis"));
  for (const graph::Op& op :
       {graph::Op(graph::Eltwise{}), graph::Op(graph::Pooling{}), graph::Op(graph::Lrn{})}) {
    node.op = op;
    EXPECT_EQ(reason_for_fp32(node), "");
  }
}

}  // namespace
}  // namespace octet::quantize
