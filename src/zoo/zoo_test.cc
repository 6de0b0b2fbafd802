#include "zoo/zoo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "graph/describe.h"
#include "graph/validate.h"
#include "import/caffe/caffe_importer.h"
#include "octet/error.h"

namespace octet::zoo {
namespace {

using graph::Graph;
using graph::Node;

struct Published {
  const char* name;
  std::int64_t params;  // with batch norm statistics
  std::int64_t macs;    // convolutions and inner products, one image
  Shape input;
  const char* output;
  const char* prototxt;  // under ../shared/models
};

// Parameters and MACs of AlexNet, VGG and GoogLeNet are their papers' and netscope's. ResNet: the 25,557,032
// / 44,549,160 / 60,192,808 trained parameters usually quoted, plus a mean and a variance for each of 26,560
// / 52,672 / 75,712 normalised channels, plus the 64 biases of the 50-layer file's first convolution.
const Published kPublished[] = {
    {"alexnet", 60965224, 724406816, {1, 3, 227, 227}, "prob", "caffe/bvlc_alexnet.prototxt"},
    {"googlenet", 6998552, 1582671872, {1, 3, 224, 224}, "prob", "caffe/bvlc_googlenet.prototxt"},
    {"resnet-50",
     25557032 + 2 * 26560 + 64,
     3857973248,
     {1, 3, 224, 224},
     "prob",
     "caffe/ResNet-50-deploy.prototxt"},
    {"resnet-101",
     44549160 + 2 * 52672,
     7570194432,
     {1, 3, 224, 224},
     "prob",
     "caffe/ResNet-101-deploy.prototxt"},
    {"resnet-152",
     60192808 + 2 * 75712,
     11282415616,
     {1, 3, 224, 224},
     "prob",
     "caffe/ResNet-152-deploy.prototxt"},
    {"vgg-16",
     138357544,
     15470264320,
     {1, 3, 224, 224},
     "prob",
     "caffe/VGG_ILSVRC_16_layers_deploy.prototxt"},
    {"vgg-19",
     143667240,
     19632062464,
     {1, 3, 224, 224},
     "prob",
     "caffe/VGG_ILSVRC_19_layers_deploy.prototxt"},
    {"squeezenet-1.0", 1248424, 861339936, {1, 3, 227, 227}, "pool_final", "squeezenet_v1.0/deploy.prototxt"},
};

const std::string& tensor_name(const Graph& graph, graph::TensorId id) {
  return graph.tensors[static_cast<std::size_t>(id)].name;
}

class ZooNetwork : public testing::TestWithParam<Published> {};

TEST_P(ZooNetwork, HasThePublishedParametersAndMacs) {
  const Graph graph = build(GetParam().name);
  std::int64_t params = 0, macs = 0;
  for (const Node& node : graph.nodes) {
    params += graph::params(graph, node);
    macs += graph::macs(graph, node);
  }
  EXPECT_EQ(params, GetParam().params);
  EXPECT_EQ(macs, GetParam().macs);
}

TEST_P(ZooNetwork, HasOneInputAndOneOutputOfAThousandClasses) {
  const Graph graph = build(GetParam().name);
  EXPECT_EQ(graph.name, GetParam().name);
  ASSERT_EQ(graph.inputs.size(), 1u);
  EXPECT_EQ(tensor_name(graph, graph.inputs[0]), "data");
  EXPECT_EQ(graph.shape(graph.inputs[0]), GetParam().input);
  ASSERT_EQ(graph.outputs.size(), 1u);
  EXPECT_EQ(tensor_name(graph, graph.outputs[0]), GetParam().output);
  EXPECT_EQ(graph.shape(graph.outputs[0]).elements(), 1000);
}

TEST_P(ZooNetwork, EqualsItsPrototxtLayerByLayer) {
  const std::filesystem::path prototxt = std::filesystem::path("../shared/models") / GetParam().prototxt;
  if (!std::filesystem::exists(prototxt)) GTEST_SKIP() << prototxt << " is not here";
  const Graph built = build(GetParam().name);
  const Graph imported = caffe::import_caffe(prototxt, std::nullopt);

  ASSERT_EQ(built.nodes.size(), imported.nodes.size());
  for (std::size_t n = 0; n < built.nodes.size(); ++n) {
    const LayerInfo got = graph::layer_info(built, built.nodes[n]);
    const LayerInfo expected = graph::layer_info(imported, imported.nodes[n]);
    SCOPED_TRACE(expected.name);
    EXPECT_EQ(got.name, expected.name);
    EXPECT_EQ(got.op, expected.op);
    EXPECT_EQ(got.inputs, expected.inputs);
    EXPECT_EQ(got.outputs, expected.outputs);
    EXPECT_EQ(got.output_shape, expected.output_shape);
    EXPECT_EQ(got.attributes, expected.attributes);
    EXPECT_EQ(got.params, expected.params);
    EXPECT_EQ(got.macs, expected.macs);
  }
  // Over everything that decides the result: attributes to the last digit, wiring, inputs, outputs.
  EXPECT_EQ(graph::hash(built), graph::hash(imported));
}

INSTANTIATE_TEST_SUITE_P(All, ZooNetwork, testing::ValuesIn(kPublished), [](const auto& network) {
  std::string name = network.param.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
});

TEST(Zoo, ListsEveryNetworkThatThisTestKnows) {
  std::vector<std::string> expected;
  for (const Published& network : kPublished) expected.emplace_back(network.name);
  EXPECT_EQ(names(), expected);
}

TEST(Zoo, AnUnknownNameIsAnErrorThatListsTheNames) {
  try {
    build("resnet-51");
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), testing::HasSubstr("'resnet-51'"));
    for (const std::string& name : names()) EXPECT_THAT(error.what(), testing::HasSubstr(name));
  }
}

}  // namespace
}  // namespace octet::zoo
