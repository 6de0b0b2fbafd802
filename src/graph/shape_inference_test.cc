#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "graph/validate.h"
#include "octet/error.h"
#include "tests/support/graph_builder.h"

namespace octet::graph {
namespace {

using test::GraphBuilder;
using test::square_window;
using ::testing::AllOf;
using ::testing::HasSubstr;

Shape shape_after(const Shape& input, Op op) {
  GraphBuilder b;
  const TensorId in = b.input(input);
  return b.graph().shape(b.node(std::move(op), {in}));
}

/// The message with which a node over inputs of these shapes is refused; empty if it is taken.
std::string refusal(const std::vector<Shape>& inputs, Op op) {
  GraphBuilder b;
  std::vector<TensorId> in;
  for (const Shape& shape : inputs) in.push_back(b.input(shape, "data" + std::to_string(in.size())));
  try {
    b.node(std::move(op), in, {}, "the_layer");
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidNetwork);
    return e.what();
  }
  return {};
}

Convolution conv(const Window& window, std::int64_t out = 8, std::int64_t groups = 1) {
  return {window, out, groups, {}};
}
Pooling pool(const Window& window, Rounding rounding = Rounding::kCeil) {
  return {.window = window, .rounding = rounding};
}

TEST(ShapeInference, ConvolutionRoundsDown) {
  EXPECT_EQ(shape_after({1, 3, 227, 227}, conv(square_window(11, 4), 96)), (Shape{1, 96, 55, 55}));
  EXPECT_EQ(shape_after({1, 3, 224, 224}, conv(square_window(7, 2, 3), 64)), (Shape{1, 64, 112, 112}));
  EXPECT_EQ(shape_after({1, 3, 8, 8}, conv(square_window(3, 4))), (Shape{1, 8, 2, 2}));
}

TEST(ShapeInference, ConvolutionCountsDilationAndUnevenPadding) {
  Window w = square_window(3, 1, 2);
  w.dilation_h = w.dilation_w = 2;
  EXPECT_EQ(shape_after({1, 3, 10, 12}, conv(w)), (Shape{1, 8, 10, 12}));
  Window uneven = square_window(3);
  uneven.pad_bottom = uneven.pad_right = 1;
  EXPECT_EQ(shape_after({1, 3, 10, 12}, conv(uneven)), (Shape{1, 8, 9, 11}));
}

TEST(ShapeInference, PoolingRoundsUpAsCaffeDoes) {
  EXPECT_EQ(shape_after({1, 8, 55, 55}, pool(square_window(3, 2))), (Shape{1, 8, 27, 27}));
  EXPECT_EQ(shape_after({1, 8, 112, 112}, pool(square_window(3, 2))), (Shape{1, 8, 56, 56}));
  EXPECT_EQ(shape_after({1, 8, 112, 112}, pool(square_window(3, 2), Rounding::kFloor)),
            (Shape{1, 8, 55, 55}));
}

TEST(ShapeInference, PoolingDropsALastWindowThatStartsInThePadding) {
  // Rounded up there are 5 windows, the last from row 8 of 1 + 7 + 1: Caffe drops it.
  EXPECT_EQ(shape_after({1, 1, 7, 7}, pool(square_window(2, 2, 1))), (Shape{1, 1, 4, 4}));
  // From row 6 of 5, without padding.
  EXPECT_EQ(shape_after({1, 1, 5, 5}, pool(square_window(1, 3))), (Shape{1, 1, 2, 2}));
}

TEST(ShapeInference, GlobalPoolingLeavesOnePixel) {
  EXPECT_EQ(shape_after({1, 8, 7, 9}, Pooling{.global = true}), (Shape{1, 8, 1, 1}));
}

TEST(ShapeInference, ConcatAddsAlongItsAxis) {
  GraphBuilder b;
  const TensorId x = b.input({1, 3, 4, 4}, "x");
  const TensorId y = b.input({1, 5, 4, 4}, "y");
  EXPECT_EQ(b.graph().shape(b.node(Concat{}, {x, y})), (Shape{1, 8, 4, 4}));
}

TEST(ShapeInference, AxesFromTheEndAreSettled) {
  GraphBuilder b;
  const TensorId x = b.input({1, 3, 4, 5});
  b.node(Softmax{-3}, {x});
  EXPECT_EQ(std::get<Softmax>(b.graph().nodes.back().op).axis, 1);
  EXPECT_EQ(b.graph().shape(b.node(Flatten{-2}, {x})), (Shape{1, 3, 20}));
  EXPECT_EQ(b.graph().shape(b.node(Flatten{}, {x})), (Shape{1, 60}));
}

TEST(ShapeInference, ReshapeCopiesAndFillsIn) {
  EXPECT_EQ(shape_after({1, 6, 4, 5}, Reshape{{0, -1}}), (Shape{1, 120}));
  EXPECT_EQ(shape_after({1, 6, 4, 5}, Reshape{{0, 0, 2, -1}}), (Shape{1, 6, 2, 10}));
  EXPECT_THAT(refusal({{1, 6, 4, 5}}, Reshape{{0, 7, -1}}),
              AllOf(HasSubstr("the_layer"), HasSubstr("1x6x4x5"), HasSubstr("0x7x-1")));
  EXPECT_THAT(refusal({{1, 6, 4, 5}}, Reshape{{-1, -1}}), HasSubstr("more than one"));
  EXPECT_THAT(refusal({{1, 6, 4, 5}}, Reshape{{6, 20}}), HasSubstr("batch"));
  EXPECT_THAT(refusal({{1, 6, 4, 5}}, Reshape{{0, 0, 0, 0, 0}}), HasSubstr("cannot reshape"));
  EXPECT_THAT(refusal({{1, 6, 4, 5}}, Reshape{{0, -7}}), HasSubstr("-7"));
}

TEST(ShapeInference, NamesTheLayerAndTheShapesOfAWindowLargerThanItsInput) {
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, conv(square_window(7))),
              AllOf(HasSubstr("layer 'the_layer'"), HasSubstr("1x3x5x5"), HasSubstr("7")));
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, pool(square_window(6, 2))), HasSubstr("larger than the padded input"));
}

TEST(ShapeInference, RefusesWindowsThatMakeNoSense) {
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, conv(square_window(0))), HasSubstr("kernel height"));
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, conv(square_window(3, 0))), HasSubstr("stride"));
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, conv(square_window(3, 1, -1))), HasSubstr("padding"));
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, conv(square_window(std::int64_t{1} << 62))),
              HasSubstr("kernel height"));
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, pool(square_window(2, 1, 2))), HasSubstr("smaller than"));
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, conv(square_window(3), 8, 2)), HasSubstr("groups"));
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, conv(square_window(3), 8, 0)), HasSubstr("groups"));
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, conv(square_window(3), -1)), HasSubstr("output channels"));
  EXPECT_THAT(refusal({{1, 12}}, conv(square_window(1))), HasSubstr("4 dimensions"));
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, Lrn{.size = 4}), HasSubstr("odd"));
}

TEST(ShapeInference, RefusesInputsThatDisagree) {
  EXPECT_THAT(refusal({{1, 3, 5, 5}, {1, 3, 5, 4}}, Eltwise{}),
              AllOf(HasSubstr("1x3x5x5"), HasSubstr("1x3x5x4")));
  EXPECT_THAT(refusal({{1, 3, 5, 5}, {1, 3, 4, 5}}, Concat{}), HasSubstr("disagree"));
  EXPECT_THAT(refusal({{1, 3, 5, 5}, {1, 3}}, Concat{}), HasSubstr("disagree"));
  EXPECT_THAT(refusal({{1, 3, 5, 5}, {1, 3, 5, 5}}, Eltwise{.coefficients = {1, 2, 3}}),
              HasSubstr("3 coeff"));
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, Eltwise{}), HasSubstr("at least 2 input"));
}

TEST(ShapeInference, RefusesAxesOutOfRange) {
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, Softmax{4}), HasSubstr("axis 4"));
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, Softmax{0}), HasSubstr("axis 0"));
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, Flatten{-5}), HasSubstr("axis -5"));
}

TEST(ShapeInference, RefusesSizesBeyondTheLimitsBeforeTheyOverflow) {
  const std::int64_t big = std::int64_t{1} << 23;
  EXPECT_THAT(refusal({{1, big, big, big}}, Relu{}), HasSubstr("exceed"));
  EXPECT_THAT(refusal({{1, 3, std::int64_t{1} << 40, 1}}, Relu{}), HasSubstr("data0"));
  EXPECT_THAT(refusal({{1, 3, -5, 1}}, Relu{}), HasSubstr("1x3x-5x1"));
  EXPECT_THAT(refusal({{2, 3, 5, 5}}, Relu{}), HasSubstr("batch"));
  EXPECT_THAT(refusal({{1, big, 1, 1}}, conv(square_window(1), big)), HasSubstr("weights exceed"));
  EXPECT_THAT(refusal({{1, big, 16, 1}}, InnerProduct{big, {}}), HasSubstr("weights exceed"));
}

TEST(ShapeInference, RefusesAReluWithoutAMeaning) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, Relu{kNan}), HasSubstr("slope is nan"));
  for (const float limit : {0.0f, -1.0f, kNan}) {
    EXPECT_THAT(refusal({{1, 3, 5, 5}}, Relu{.limit = limit}), HasSubstr("limit is"));
    EXPECT_THAT(refusal({{1, 3, 5, 5}}, InnerProduct{3, Relu{.limit = limit}}), HasSubstr("limit is"));
  }
}

TEST(ShapeInference, AnElementwiseInputOfOnePixelIsRepeated) {
  GraphBuilder b;
  const TensorId gate = b.input({1, 3, 1, 1}), map = b.input({1, 3, 5, 4}, "map");
  for (const std::vector<TensorId>& inputs : {std::vector{gate, map}, std::vector{map, gate, map}}) {
    const TensorId y = b.node(Eltwise{.kind = EltwiseKind::kProduct}, inputs);
    EXPECT_EQ(b.graph().shape(y), (Shape{1, 3, 5, 4}));
  }
  EXPECT_EQ(b.graph().shape(b.sum({gate, gate})), (Shape{1, 3, 1, 1}));
  EXPECT_THAT(refusal({{1, 3, 5, 5}, {1, 1, 1, 1}}, Eltwise{}), HasSubstr("disagree"));
  EXPECT_THAT(refusal({{1, 3, 5, 5}, {1, 3, 1, 5}}, Eltwise{}), HasSubstr("disagree"));
}

TEST(ShapeInference, SlicesAreOfTheChannelsThatThereAre) {
  GraphBuilder b;
  const TensorId in = b.input({1, 6, 5, 4});
  EXPECT_EQ(b.graph().shape(b.node(Slice{2, 4}, {in})), (Shape{1, 4, 5, 4}));
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  for (const Slice& slice :
       {Slice{-1, 2}, Slice{0, 0}, Slice{3, 4}, Slice{0, 7}, Slice{1, kHuge}, Slice{kHuge, 1}})
    EXPECT_THAT(refusal({{1, 6, 5, 4}}, slice), HasSubstr("of 1x6x5x4"));
  EXPECT_THAT(refusal({{1, 6, 5, 4}}, ChannelShuffle{4}), HasSubstr("4 groups do not divide 6 channels"));
  EXPECT_THAT(refusal({{1, 6, 5, 4}}, ChannelShuffle{0}), HasSubstr("number of groups"));
}

TEST(ShapeInference, PadsHeightAndWidth) {
  GraphBuilder b;
  EXPECT_EQ(b.graph().shape(b.node(Pad{1, 2, 3, 4, 0}, {b.input({1, 6, 5, 4})})), (Shape{1, 6, 9, 10}));
  EXPECT_THAT(refusal({{1, 6, 5, 4}}, Pad{.bottom = -1}), HasSubstr("bottom padding"));
  EXPECT_THAT(refusal({{1, 6}}, Pad{}), HasSubstr("4 dimensions"));
  EXPECT_THAT(refusal({{1, 6, 5, 4}}, Pad{.value = std::numeric_limits<float>::infinity()}),
              HasSubstr("finite"));
}

TEST(ShapeInference, RefusesActivationsWithoutAMeaning) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, Activation{ActivationFunction::kClip, 2, 1}),
              HasSubstr("lower one first"));
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, Activation{ActivationFunction::kClip, 0, kNan}),
              HasSubstr("0 and nan"));
  EXPECT_THAT(refusal({{1, 3, 5, 5}}, Activation{ActivationFunction::kHardSigmoid, kInfinity, 0}),
              HasSubstr("finite"));
}

TEST(ShapeInference, RefusesALayerBeforeItsInput) {
  GraphBuilder b;
  const TensorId in = b.input({1, 3, 5, 5});
  const TensorId x = b.relu(in);
  b.relu(x);
  Graph graph = b.graph();
  std::swap(graph.nodes[1], graph.nodes[2]);
  try {
    infer_shapes(graph);
    FAIL() << "taken";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), AllOf(HasSubstr("layer2"), HasSubstr("'layer1' is not produced")));
  }
}

TEST(ShapeInference, WeightsHaveTheShapesThatCaffeGivesThem) {
  GraphBuilder b;
  const TensorId in = b.input({1, 6, 5, 4});
  const TensorId c = b.convolution(in, conv(square_window(3), 8, 2));
  EXPECT_EQ(weight_shapes(b.graph(), b.graph().nodes.back(), true), (std::vector<Shape>{{8, 3, 3, 3}, {8}}));
  EXPECT_EQ(weight_shapes(b.graph(), b.graph().nodes.back(), false), (std::vector<Shape>{{8, 3, 3, 3}, {}}));
  b.inner_product(c, 10);
  EXPECT_EQ(weight_shapes(b.graph(), b.graph().nodes.back(), true), (std::vector<Shape>{{10, 48}, {10}}));
  b.batch_norm(in);
  EXPECT_EQ(weight_shapes(b.graph(), b.graph().nodes.back(), true), (std::vector<Shape>{{6}, {6}}));
}

}  // namespace
}  // namespace octet::graph
