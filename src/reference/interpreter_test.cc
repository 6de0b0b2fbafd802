// The oracle itself is checked against values worked out by hand and against the definition of convolution
// written once more in the most literal way.
#include "reference/interpreter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "octet/error.h"
#include "octet/reference.h"
#include "tests/support/graph_builder.h"
#include "tests/support/tensors.h"

namespace octet::reference {
namespace {

using graph::Graph;
using graph::TensorId;
using test::GraphBuilder;
using test::square_window;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

/// The only output of `graph` for one image.
std::vector<float> run_one(const Graph& graph, const std::vector<std::vector<float>>& inputs, int batch = 1,
                           int threads = 1) {
  const std::vector<std::span<const float>> spans(inputs.begin(), inputs.end());
  return run_graph(graph, batch, spans, graph.outputs, threads)[0];
}

std::vector<float> run_op(const Shape& shape, const std::vector<float>& input, graph::Op op,
                          std::vector<graph::Weights> weights = {}) {
  GraphBuilder b;
  const TensorId in = b.input(shape);
  return run_one(b.finish({b.node(std::move(op), {in}, std::move(weights))}), {input});
}

std::vector<float> counting(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 1.0f);
  return values;
}

/// Convolution as the textbook has it, seven loops and nothing else.
std::vector<float> literal_convolution(const graph::Convolution& op, int images, const Shape& in,
                                       const Shape& out, const std::vector<float>& x,
                                       std::span<const float> w, std::span<const float> bias) {
  std::vector<float> y;
  const std::int64_t group_in = in[1] / op.groups;
  for (std::int64_t n = 0; n < images; ++n) {
    for (std::int64_t k = 0; k < out[1]; ++k) {
      const std::int64_t first_channel = k / (out[1] / op.groups) * group_in;
      for (std::int64_t oy = 0; oy < out[2]; ++oy) {
        for (std::int64_t ox = 0; ox < out[3]; ++ox) {
          double sum = bias.empty() ? 0.0 : static_cast<double>(bias[static_cast<std::size_t>(k)]);
          for (std::int64_t c = 0; c < group_in; ++c) {
            for (std::int64_t ky = 0; ky < op.window.kernel_h; ++ky) {
              for (std::int64_t kx = 0; kx < op.window.kernel_w; ++kx) {
                const std::int64_t iy =
                    oy * op.window.stride_h + ky * op.window.dilation_h - op.window.pad_top;
                const std::int64_t ix =
                    ox * op.window.stride_w + kx * op.window.dilation_w - op.window.pad_left;
                if (iy < 0 || iy >= in[2] || ix < 0 || ix >= in[3]) continue;
                const auto xi = ((n * in[1] + first_channel + c) * in[2] + iy) * in[3] + ix;
                const auto wi = ((k * group_in + c) * op.window.kernel_h + ky) * op.window.kernel_w + kx;
                sum += static_cast<double>(x[static_cast<std::size_t>(xi)]) *
                       static_cast<double>(w[static_cast<std::size_t>(wi)]);
              }
            }
          }
          y.push_back(static_cast<float>(sum));
        }
      }
    }
  }
  return y;
}

TEST(Reference, ConvolutionIsItsDefinition) {
  constexpr std::uint32_t kSeed = 20;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  for (int trial = 0; trial < 40; ++trial) {
    graph::Convolution op;
    op.groups = pick(1, 3);
    op.out_channels = op.groups * pick(1, 5);
    op.window = {.kernel_h = pick(1, 4),
                 .kernel_w = pick(1, 4),
                 .stride_h = pick(1, 3),
                 .stride_w = pick(1, 3),
                 .pad_top = pick(0, 3),
                 .pad_left = pick(0, 3),
                 .pad_bottom = pick(0, 3),
                 .pad_right = pick(0, 3),
                 .dilation_h = pick(1, 2),
                 .dilation_w = pick(1, 2)};
    const Shape in{1, op.groups * pick(1, 4), pick(7, 12), pick(7, 12)};
    const bool bias = pick(0, 1) == 1;
    const int batch = pick(1, 3);
    GraphBuilder b(static_cast<std::uint32_t>(trial));
    const Graph graph = b.finish({b.convolution(b.input(in), op, bias)});
    const Shape out = graph.shape(graph.outputs[0]);
    const std::vector<float> x = test::random_floats(static_cast<std::size_t>(in.elements() * batch),
                                                     static_cast<std::uint32_t>(trial));
    const auto& weights = graph.nodes[1].weights;
    const std::vector<float> expected = literal_convolution(
        op, batch, in, out, x, weights[0].values(), bias ? weights[1].values() : std::span<const float>());
    const test::Difference d = test::compare(run_one(graph, {x}, batch), expected);
    ASSERT_LT(d.max_error, 1e-6) << "trial " << trial << ": " << d.text;
  }
}

TEST(Reference, ResultsDoNotDependOnThreadsOrBatch) {
  GraphBuilder b;
  const TensorId in = b.input({1, 5, 9, 11});
  const TensorId c = b.relu(b.convolution(in, {square_window(3, 1, 1), 7, 1, {}}));
  const TensorId l = b.node(graph::Lrn{}, {c});
  const TensorId p = b.node(graph::Pooling{.window = square_window(3, 2)}, {l});
  const Graph graph = b.finish({b.inner_product(p, 6)});
  const std::vector<float> x = test::random_floats(5 * 9 * 11 * 3, 3);
  const std::vector<float> expected = run_one(graph, {x}, 3, 1);
  for (int threads : {2, 3, 8}) EXPECT_EQ(run_one(graph, {x}, 3, threads), expected) << threads << " threads";
  const std::vector<float> second_image(x.begin() + 5 * 9 * 11, x.begin() + 2 * 5 * 9 * 11);
  EXPECT_EQ(run_one(graph, {second_image}),
            (std::vector<float>(expected.begin() + 6, expected.begin() + 12)));
}

TEST(Reference, InnerProductTakesFeaturesInNchwOrder) {
  const std::vector<float> weights = {1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
  const std::vector<float> bias = {0.5f, -1};
  EXPECT_THAT(run_op({1, 2, 2, 2}, counting(8), graph::InnerProduct{2, {}},
                     {graph::Weights({2, 8}, weights), graph::Weights({2}, bias)}),
              ElementsAre(1.5f, 35.0f));
}

TEST(Reference, MaxPoolingClipsItsLastWindow) {
  // 1..16 in 4 x 4; windows of 3 from 0 and 2, the second reaching over the border.
  EXPECT_THAT(run_op({1, 1, 4, 4}, counting(16), graph::Pooling{.window = square_window(3, 2)}),
              ElementsAre(11, 12, 15, 16));
  EXPECT_THAT(run_op({1, 1, 2, 2}, {-4, -3, -2, -1}, graph::Pooling{.window = square_window(3, 1, 1)}),
              ElementsAre(-1, -1, -1, -1));
}

TEST(Reference, AveragePoolingCountsThePaddingAsCaffeDoes) {
  graph::Pooling op{.kind = graph::PoolKind::kAverage, .window = square_window(3, 2, 1)};
  // 1..9 in 3 x 3, padded to 5 x 5: each window of 3 x 3 lies inside the padded input.
  EXPECT_THAT(run_op({1, 1, 3, 3}, counting(9), op),
              Pointwise(FloatNear(1e-6f), std::vector<float>{12 / 9.0f, 16 / 9.0f, 24 / 9.0f, 28 / 9.0f}));
  op.divisor = graph::AverageDivisor::kValidOnly;
  EXPECT_THAT(run_op({1, 1, 3, 3}, counting(9), op), ElementsAre(3, 4, 6, 7));
  // Rounded up without padding, the second window is cut to one column and one row: it divides by what is
  // left.
  EXPECT_THAT(run_op({1, 1, 3, 3}, counting(9),
                     graph::Pooling{.kind = graph::PoolKind::kAverage, .window = square_window(2, 2)}),
              ElementsAre(3, 4.5f, 7.5f, 9));
  // Padding of 2 below a window of 3, rounded up: the last window reaches past the padded input by one row.
  const graph::Pooling past{
      .kind = graph::PoolKind::kAverage,
      .window = {.kernel_h = 3, .kernel_w = 1, .stride_h = 2, .pad_top = 1, .pad_bottom = 1}};
  EXPECT_THAT(run_op({1, 1, 4, 1}, counting(4), past),
              Pointwise(FloatNear(1e-6f), std::vector<float>{1, 3, 2}));
}

TEST(Reference, GlobalPoolingSeesTheWholeMap) {
  EXPECT_THAT(run_op({1, 2, 2, 3}, counting(12), graph::Pooling{.global = true}), ElementsAre(6, 12));
  EXPECT_THAT(
      run_op({1, 2, 2, 3}, counting(12), graph::Pooling{.kind = graph::PoolKind::kAverage, .global = true}),
      ElementsAre(3.5f, 9.5f));
}

TEST(Reference, LrnAcrossChannelsSumsItsNeighbours) {
  const graph::Lrn op{.size = 3, .alpha = 0.3f, .beta = 0.5f, .k = 2};
  const auto expected = [](float x, float squares) { return x / std::sqrt(2 + 0.1f * squares); };
  EXPECT_THAT(run_op({1, 4, 1, 1}, {1, 2, 3, 4}, op),
              Pointwise(FloatNear(1e-6f), std::vector<float>{expected(1, 5), expected(2, 14), expected(3, 29),
                                                             expected(4, 25)}));
}

TEST(Reference, LrnWithinAChannelDividesByTheWholeWindow) {
  const graph::Lrn op{.region = graph::LrnRegion::kWithinChannel, .size = 3, .alpha = 0.9f, .beta = 0.5f};
  const auto expected = [](float x, float squares) { return x / std::sqrt(1 + 0.1f * squares); };
  EXPECT_THAT(run_op({1, 2, 1, 3}, {1, 2, 3, 0, 5, 0}, op),
              Pointwise(FloatNear(1e-6f), std::vector<float>{expected(1, 5), expected(2, 14), expected(3, 13),
                                                             0, expected(5, 25), 0}));
}

TEST(Reference, SoftmaxSumsToOneAlongItsAxisHoweverLargeItsInput) {
  EXPECT_THAT(run_op({1, 2, 1, 2}, {1000, 0, 1000, std::log(3.0f)}, graph::Softmax{}),
              Pointwise(FloatNear(1e-6f), std::vector<float>{0.5f, 0.25f, 0.5f, 0.75f}));
  EXPECT_THAT(run_op({1, 2, 1, 2}, {7, 7, 0, std::log(3.0f)}, graph::Softmax{3}),
              Pointwise(FloatNear(1e-6f), std::vector<float>{0.5f, 0.5f, 0.25f, 0.75f}));
}

TEST(Reference, PointwiseOperationsDoWhatTheirNamesSay) {
  const std::vector<float> x = {-2, -0.5f, 0, 3};
  EXPECT_THAT(run_op({1, 4}, x, graph::Relu{}), ElementsAre(0, 0, 0, 3));
  EXPECT_THAT(run_op({1, 4}, x, graph::Relu{0.5f}), ElementsAre(-1, -0.25f, 0, 3));
  const std::vector<float> mean = {1, -1}, variance = {3, 0};
  EXPECT_THAT(run_op({1, 2, 1, 2}, x, graph::BatchNorm{1.0f},
                     {graph::Weights({2}, mean), graph::Weights({2}, variance)}),
              ElementsAre(-1.5f, -0.75f, 1, 4));
  const std::vector<float> scale = {2, -1}, shift = {1, 0.5f};
  EXPECT_THAT(run_op({1, 2, 1, 2}, x, graph::ChannelAffine{graph::Relu{}},
                     {graph::Weights({2}, scale), graph::Weights({2}, shift)}),
              ElementsAre(0, 0, 0.5f, 0));
  EXPECT_THAT(run_op({1, 2, 1, 2}, x, graph::ChannelAffine{}, {graph::Weights(), graph::Weights({2}, shift)}),
              ElementsAre(-1, 0.5f, 0.5f, 3.5f));
}

TEST(Reference, EltwiseSumsMultipliesAndPicks) {
  const auto run = [](graph::Eltwise op) {
    GraphBuilder b;
    const TensorId x = b.input({1, 3}, "x");
    const TensorId y = b.input({1, 3}, "y");
    return run_one(b.finish({b.node(std::move(op), {x, y})}), {{1, 2, 3}, {4, -5, 6}});
  };
  EXPECT_THAT(run({}), ElementsAre(5, -3, 9));
  EXPECT_THAT(run({.coefficients = {1, -2}}), ElementsAre(-7, 12, -9));
  EXPECT_THAT(run({.kind = graph::EltwiseKind::kProduct}), ElementsAre(4, -10, 18));
  EXPECT_THAT(run({.kind = graph::EltwiseKind::kMax}), ElementsAre(4, 2, 6));
  EXPECT_THAT(run({.kind = graph::EltwiseKind::kMin}), ElementsAre(1, -5, 3));
  EXPECT_THAT(run({.kind = graph::EltwiseKind::kQuotient}), ElementsAre(0.25f, -0.4f, 0.5f));
  EXPECT_THAT(run({.relu = graph::Relu{}}), ElementsAre(5, 0, 9));
  EXPECT_THAT(run({.relu = graph::Relu{.slope = 0.5f, .limit = 6}}), ElementsAre(5, -1.5f, 6));
}

TEST(Reference, EltwiseRepeatsOnePixelOverTheMapOfItsImageAndChannel) {
  GraphBuilder b;
  const TensorId x = b.input({1, 2, 1, 2}, "x");
  const TensorId gate = b.input({1, 2, 1, 1}, "gate");
  const TensorId y = b.node(graph::Eltwise{.kind = graph::EltwiseKind::kProduct}, {gate, x});
  EXPECT_THAT(run_one(b.finish({y}), {{1, 2, 3, 4, 5, 6, 7, 8}, {1, 10, 2, -1}}, 2),
              ElementsAre(1, 2, 30, 40, 10, 12, -7, -8));
}

TEST(Reference, SlicesAndShufflesChannelsOfEachImage) {
  const auto run = [](const graph::Op& op) {
    GraphBuilder b;
    const std::vector<float> x = {0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15};
    return run_one(b.finish({b.node(op, {b.input({1, 6, 1, 1})})}), {x}, 2);
  };
  EXPECT_THAT(run(graph::Slice{2, 3}), ElementsAre(2, 3, 4, 12, 13, 14));
  EXPECT_THAT(run(graph::ChannelShuffle{2}), ElementsAre(0, 3, 1, 4, 2, 5, 10, 13, 11, 14, 12, 15));
}

TEST(Reference, PadsEachPlane) {
  GraphBuilder b;
  const graph::Pad pad{.top = 1, .left = 0, .bottom = 0, .right = 2, .value = 9};
  const Graph graph = b.finish({b.node(pad, {b.input({1, 2, 1, 2})})});
  EXPECT_THAT(run_one(graph, {{1, 2, 3, 4}}), ElementsAre(9, 9, 9, 9, 1, 2, 9, 9, 9, 9, 9, 9, 3, 4, 9, 9));
}

TEST(Reference, LogSoftmaxIsTheLogarithm) {
  GraphBuilder b;
  const Graph graph = b.finish({b.node(graph::Softmax{.logarithm = true}, {b.input({1, 2})})});
  EXPECT_THAT(run_one(graph, {{0, 1000}}), ElementsAre(-1000, 0));
}

TEST(Reference, ActivationsAreTheirFunctions) {
  const auto run = [](graph::Activation op) {
    GraphBuilder b;
    return run_one(b.finish({b.node(op, {b.input({1, 3}, "x")})}), {{-4, 0, 1}});
  };
  using graph::ActivationFunction;
  using testing::FloatNear;
  EXPECT_THAT(run({ActivationFunction::kSigmoid}),
              ElementsAre(FloatNear(0.01798621f, 1e-8f), 0.5f, FloatNear(0.73105858f, 1e-7f)));
  EXPECT_THAT(run({ActivationFunction::kTanh}),
              ElementsAre(FloatNear(-0.99932930f, 1e-7f), 0, FloatNear(0.76159416f, 1e-7f)));
  EXPECT_THAT(run({ActivationFunction::kHardSigmoid, 0.25f, 0.5f}), ElementsAre(0, 0.5f, 0.75f));
  EXPECT_THAT(run({ActivationFunction::kHardSwish}), ElementsAre(0, 0, FloatNear(2 / 3.0f, 1e-7f)));
  EXPECT_THAT(run({ActivationFunction::kClip, -1.5f, 0.75f}), ElementsAre(-1.5f, 0, 0.75f));
}

TEST(Reference, ConcatKeepsEachImageTogether) {
  GraphBuilder b;
  const TensorId x = b.input({1, 1, 1, 2}, "x");
  const TensorId y = b.input({1, 2, 1, 2}, "y");
  const Graph graph = b.finish({b.node(graph::Concat{}, {x, y})});
  EXPECT_THAT(run_one(graph, {{1, 2, 3, 4}, {10, 20, 30, 40, 50, 60, 70, 80}}, 2),
              ElementsAre(1, 2, 10, 20, 30, 40, 3, 4, 50, 60, 70, 80));
}

TEST(Reference, RunsTheResidualAndTheReluOfAFusedConvolution) {
  GraphBuilder b;
  const TensorId in = b.input({1, 1, 1, 3});
  const std::vector<float> two = {2}, one = {1};
  const TensorId out = b.node(graph::Convolution{{}, 1, 1, graph::Relu{}}, {in, in},
                              {graph::Weights({1, 1, 1, 1}, two), graph::Weights({1}, one)});
  EXPECT_THAT(run_one(b.finish({out}), {{1, -1, 0}}), ElementsAre(4, 0, 1));
}

TEST(Reference, GivesEveryTensorAskedForInTheOrderAsked) {
  GraphBuilder b;
  const TensorId in = b.input({1, 1, 1, 2});
  const TensorId x = b.relu(in);
  const TensorId y = b.identity(x);
  const Graph graph = b.finish({y});
  const std::vector<float> data = {-1, 2};
  const std::vector<std::span<const float>> inputs = {data};
  const std::vector<TensorId> wanted = {y, in, x, in};
  EXPECT_THAT(run_graph(graph, 1, inputs, wanted, 1),
              ElementsAre(ElementsAre(0, 2), ElementsAre(-1, 2), ElementsAre(0, 2), ElementsAre(-1, 2)));
  EXPECT_THAT(run_graph_all(graph, 1, inputs, 1),
              ElementsAre(ElementsAre(-1, 2), ElementsAre(0, 2), ElementsAre(0, 2)));
}

TEST(Reference, RefusesCallsThatMakeNoSense) {
  GraphBuilder b;
  const TensorId in = b.input({1, 2, 3, 4});
  const Graph graph = b.finish({b.relu(in)});
  const std::vector<float> data(24);
  const std::vector<std::span<const float>> inputs = {data};
  const auto refusal = [](const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("taken");
  };
  EXPECT_THAT(refusal([&] { run_graph(graph, 0, inputs, graph.outputs); }), HasSubstr("at least 1, got 0"));
  EXPECT_THAT(refusal([&] { run_graph(graph, 2, inputs, graph.outputs); }),
              HasSubstr("'data': expected 48 floats for 2 images of 1x2x3x4, got 24"));
  EXPECT_THAT(refusal([&] { run_graph(graph, 1, {}, graph.outputs); }), HasSubstr("has 1 inputs, got 0"));
  EXPECT_THAT(refusal([&] { run_graph(graph, 1, inputs, graph.outputs, -1); }), HasSubstr("threads"));
  EXPECT_THAT(refusal([&] { run_graph(graph, 2'000'000'000, inputs, graph.outputs); }),
              HasSubstr("elements"));
  const std::vector<TensorId> unknown = {7};
  EXPECT_THAT(refusal([&] { run_graph(graph, 1, inputs, unknown); }), HasSubstr("output tensor 7"));
}

TEST(Reference, RefusesWeightsWithoutValues) {
  GraphBuilder b;
  const TensorId in = b.input({1, 2, 3, 4});
  Graph graph = b.finish({b.inner_product(in, 3)});
  graph.nodes[1].weights[0] = graph::Weights::placeholder({3, 24});
  const std::vector<float> data(24);
  EXPECT_THROW(run_one(graph, {data}), Error);
}

TEST(Reference, RunsANetworkOnItsOutputs) {
  GraphBuilder b;
  const TensorId in = b.input({1, 1, 1, 2});
  const TensorId x = b.relu(in);
  const Network network(std::make_shared<const Graph>(b.finish({x, b.relu(x, 0.5f)})));
  const std::vector<float> data = {-1, 2};
  const std::vector<std::span<const float>> inputs = {data};
  EXPECT_THAT(run_reference(network, 1, inputs), ElementsAre(ElementsAre(0, 2), ElementsAre(0, 2)));
}

}  // namespace
}  // namespace octet::reference
