#include "octet/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <span>

#include "octet/engine.h"
#include "octet/error.h"
#include "octet/reference.h"
#include "tests/support/graph_builder.h"

namespace octet {
namespace {

using test::GraphBuilder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

void expect_refusal(const std::function<void()>& call, ErrorCode code,
                    const ::testing::Matcher<std::string>& message) {
  try {
    call();
    ADD_FAILURE() << "taken";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    EXPECT_THAT(std::string(e.what()), message);
  }
}

/// data -> ReLU "layer1" -> ReLU "layer2", and a ReLU "layer3" of "layer1".
Network relu_network() {
  GraphBuilder b;
  const graph::TensorId x = b.relu(b.input({1, 2, 1, 1}), 0.5f);
  const graph::TensorId y = b.relu(x);
  b.relu(x, 0.25f);
  return Network(std::make_shared<const graph::Graph>(b.finish({y})));
}

TEST(Network, OpensABuiltInNetworkByName) {
  const Network network = Network::open("squeezenet-1.0");
  EXPECT_EQ(network.name(), "squeezenet-1.0");
  EXPECT_TRUE(network.synthetic_weights());
  ASSERT_EQ(network.inputs().size(), 1u);
  EXPECT_EQ(network.inputs()[0].shape, (Shape{1, 3, 227, 227}));
  EXPECT_EQ(network.outputs().size(), 1u);
  std::int64_t params = 0;
  for (const LayerInfo& layer : network.layers()) params += layer.params;
  EXPECT_EQ(params, 1'248'424);  // as its authors publish it
}

TEST(Network, TheSeedDecidesTheWeightsAndTheHash) {
  const std::string hash = Network::zoo("squeezenet-1.0", 7).hash();
  EXPECT_EQ(hash.size(), 16u);
  EXPECT_EQ(Network::zoo("squeezenet-1.0", 7).hash(), hash);
  EXPECT_NE(Network::zoo("squeezenet-1.0", 8).hash(), hash);
}

TEST(Network, AnUnknownNameListsTheKnownAndSuggestsTheNearest) {
  expect_refusal([] { Network::open("resnet50"); }, ErrorCode::kNotFound,
                 AllOf(HasSubstr("'resnet50'"), HasSubstr(".prototxt"), HasSubstr("alexnet"),
                       HasSubstr("did you mean 'resnet-50'?")));
  expect_refusal([] { Network::zoo("squeezenet"); }, ErrorCode::kNotFound,
                 HasSubstr("did you mean 'squeezenet-1.0'?"));
  expect_refusal([] { Network::open("model.caffemodel"); }, ErrorCode::kNotFound,
                 AllOf(HasSubstr(".prototxt"), Not(HasSubstr("did you mean"))));
  expect_refusal([] { Network::open(""); }, ErrorCode::kNotFound, HasSubstr("alexnet"));
  expect_refusal([] { Network::open(std::string(100'000, 'x')); }, ErrorCode::kNotFound,
                 HasSubstr("alexnet"));
}

TEST(Network, WeightsOfABuiltInNetworkAreAnError) {
  expect_refusal([] { Network::open("alexnet", "weights.caffemodel"); }, ErrorCode::kInvalidArgument,
                 HasSubstr("weights.caffemodel"));
}

TEST(Network, AMissingPrototxtIsAnErrorThatNamesIt) {
  expect_refusal([] { Network::open("no/such/file.prototxt"); }, ErrorCode::kNotFound,
                 HasSubstr("no/such/file.prototxt"));
}

TEST(Network, WithOutputKeepsOnlyWhatThatTensorNeeds) {
  const Network cut = relu_network().with_output("layer3");
  ASSERT_EQ(cut.outputs().size(), 1u);
  EXPECT_EQ(cut.outputs()[0].name, "layer3");
  EXPECT_EQ(cut.layers().size(), 3u);
  const std::vector<float> data = {-8, 2};
  const std::vector<std::span<const float>> inputs = {data};
  EXPECT_THAT(run_reference(cut, 1, inputs, 1), ElementsAre(ElementsAre(-1, 2)));
  EXPECT_EQ(relu_network().outputs()[0].name, "layer2");
}

TEST(Network, WithOutputTakesAnInputToo) {
  EXPECT_EQ(relu_network().with_output("data").outputs()[0].name, "data");
}

TEST(Network, WithOutputRefusesATensorThatIsNotThere) {
  expect_refusal([] { relu_network().with_output("fc9"); }, ErrorCode::kNotFound, HasSubstr("'fc9'"));
}

TEST(Network, ListsThePassesInTheirOrder) {
  std::vector<std::string> names;
  for (const PassInfo& pass : list_passes()) {
    names.push_back(pass.name);
    EXPECT_FALSE(pass.description.empty());
  }
  EXPECT_THAT(names, ElementsAre("merge_reshape", "fold_pad_into_convolution", "eliminate_dead_code",
                                 "remove_identity", "fold_batch_norm", "merge_channel_affine",
                                 "fold_affine_into_convolution", "fuse_residual", "fuse_relu"));
}

}  // namespace
}  // namespace octet
