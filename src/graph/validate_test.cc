#include "graph/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "octet/error.h"
#include "tests/support/graph_builder.h"

namespace octet::graph {
namespace {

using test::GraphBuilder;
using test::square_window;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// data -> convolution "layer1" -> ReLU "layer2".
Graph small_graph() {
  GraphBuilder b;
  const TensorId in = b.input({1, 3, 5, 5});
  return b.finish({b.relu(b.convolution(in, {square_window(3), 4, 1, {}}))});
}

void expect_refusal(const std::function<void(Graph&)>& spoil, ErrorCode code, const std::string& text) {
  Graph graph = small_graph();
  spoil(graph);
  try {
    validate(graph);
    FAIL() << "taken; expected: " << text;
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    EXPECT_THAT(e.what(), HasSubstr(text));
  }
}

TEST(Validate, TakesASoundGraph) { EXPECT_NO_THROW(validate(small_graph())); }

TEST(Validate, TakesPlaceholdersOfTheRightShapeOnly) {
  Graph graph = small_graph();
  graph.nodes[1].weights = {Weights::placeholder({4, 3, 3, 3})};
  EXPECT_NO_THROW(validate(graph));
  EXPECT_THROW(check_weights_there(graph), Error);
  graph.nodes[1].weights = {Weights::placeholder({4, 3, 3, 2})};
  EXPECT_THROW(validate(graph), Error);
}

TEST(Validate, RefusesWeightsOfAnotherShape) {
  expect_refusal(
      [](Graph& g) {
        g.nodes[1].weights[0] = GraphBuilder().random_weights({4, 3, 3, 5});
      },
      ErrorCode::kMismatch, "layer 'layer1': weight blob 0 is 4x3x3x5, expected 4x3x3x3");
  expect_refusal([](Graph& g) { g.nodes[1].weights.push_back(GraphBuilder().random_weights({4})); },
                 ErrorCode::kMismatch, "3 weight blobs");
  expect_refusal([](Graph& g) { g.nodes[1].weights.clear(); }, ErrorCode::kMismatch, "is missing");
}

TEST(Validate, RefusesNamesWithControlCharacters) {
  expect_refusal([](Graph& g) { g.nodes[1].name = "\x1b]0;title\x07"; }, ErrorCode::kInvalidNetwork,
                 "'\\x1b]0;title\\x07': a name has a control character");
  expect_refusal([](Graph& g) { g.tensors[1].name = "a\nb"; }, ErrorCode::kInvalidNetwork,
                 "control character");
  expect_refusal([](Graph& g) { g.name = "n\x7f"; }, ErrorCode::kInvalidNetwork, "control character");
}

TEST(Validate, RefusesAGraphWithoutEnds) {
  expect_refusal([](Graph& g) { g.outputs.clear(); }, ErrorCode::kInvalidNetwork, "no output");
  expect_refusal([](Graph& g) { g.inputs.clear(); }, ErrorCode::kInvalidNetwork, "no input");
  expect_refusal([](Graph& g) { g.outputs = {17}; }, ErrorCode::kInvalidNetwork, "output tensor 17");
  expect_refusal([](Graph& g) { g.inputs = {1}; }, ErrorCode::kInvalidNetwork, "input tensor 1");
  expect_refusal([](Graph& g) { g.inputs = {0, 0}; }, ErrorCode::kInvalidNetwork, "input tensor 0");
}

TEST(Validate, RefusesBrokenWiring) {
  expect_refusal([](Graph& g) { g.nodes[2].inputs = {2}; }, ErrorCode::kInvalidNetwork, "not produced");
  expect_refusal([](Graph& g) { g.nodes[2].inputs = {-1}; }, ErrorCode::kInvalidNetwork, "does not exist");
  expect_refusal([](Graph& g) { g.nodes[2].outputs = {1}; }, ErrorCode::kInvalidNetwork, "produced twice");
  expect_refusal([](Graph& g) { g.nodes[2].outputs = {}; }, ErrorCode::kInvalidNetwork, "one output");
  expect_refusal([](Graph& g) { g.tensors[2].name = "data"; }, ErrorCode::kInvalidNetwork, "named 'data'");
  expect_refusal(
      [](Graph& g) {
        g.tensors[2].shape = {1, 4, 9, 9};
      },
      ErrorCode::kInvalidNetwork, "stored as 1x4x9x9, inferred as 1x4x3x3");
}

TEST(Validate, NamesTheWeightThatIsNotFinite) {
  for (float bad : {NAN, -NAN, INFINITY, -INFINITY}) {
    for (std::size_t at : {std::size_t{0}, std::size_t{20'000}, std::size_t{39'999}}) {
      GraphBuilder b;
      const TensorId in = b.input({1, 100, 1, 1});
      Graph graph = b.finish({b.inner_product(in, 400)});
      EXPECT_NO_THROW(check_weights_finite(graph));
      std::vector<float> values(graph.nodes[1].weights[0].values().begin(),
                                graph.nodes[1].weights[0].values().end());
      values[at] = bad;
      graph.nodes[1].weights[0] = Weights({400, 100}, values);
      try {
        check_weights_finite(graph);
        FAIL() << "taken";
      } catch (const Error& e) {
        EXPECT_EQ(e.code(), ErrorCode::kInvalidNetwork);
        EXPECT_THAT(e.what(), AllOf(HasSubstr("'layer1'"), HasSubstr("blob 0"),
                                    HasSubstr("element " + std::to_string(at))));
      }
    }
  }
}

TEST(Validate, TakesTheLargestAndSmallestFiniteWeights) {
  GraphBuilder b;
  const TensorId in = b.input({1, 4, 1, 1});
  Graph graph = b.finish({b.affine(in)});
  const std::vector<float> extremes = {3.4028234e38f, -3.4028234e38f, 1e-45f, -0.0f};
  graph.nodes[1].weights[0] = Weights({4}, extremes);
  EXPECT_NO_THROW(check_weights_finite(graph));
}

}  // namespace
}  // namespace octet::graph
