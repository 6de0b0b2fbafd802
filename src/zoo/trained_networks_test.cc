#include "zoo/trained_networks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>

#include "graph/describe.h"
#include "import/caffe/caffe_importer.h"

namespace octet::zoo {
namespace {

graph::Graph import(const TrainedNetwork& trained) {
  return caffe::import_caffe(caffe::MemoryFile{trained.prototxt.name, trained.prototxt.bytes},
                             caffe::MemoryFile{trained.caffemodel.name, trained.caffemodel.bytes});
}

TEST(TrainedNetworks, AreTheFilesOfTheSourceTree) {
  const TrainedNetwork& octet_20 = trained_networks().at(0);
  for (const EmbeddedFile& file : {octet_20.prototxt, octet_20.caffemodel}) {
    std::ifstream stream("src/zoo/octet_20/" + file.name, std::ios::binary);
    ASSERT_TRUE(stream) << file.name;
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    const std::string embedded(reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size());
    EXPECT_TRUE(text == embedded) << file.name << ": " << text.size() << " and " << embedded.size()
                                  << " bytes";
  }
  EXPECT_LT(octet_20.caffemodel.bytes.size(), 1'000'000u);
}

TEST(TrainedNetworks, Octet20HasTheKindsOfLayersOfTheStudysNetworks) {
  const graph::Graph graph = import(trained_networks().at(0));
  EXPECT_EQ(graph.name, "octet-20");
  EXPECT_FALSE(graph.synthetic_weights);
  ASSERT_EQ(graph.inputs.size(), 1u);
  EXPECT_EQ(graph.shape(graph.inputs[0]), (Shape{1, 3, 40, 40}));
  ASSERT_EQ(graph.outputs.size(), 1u);
  EXPECT_EQ(graph.shape(graph.outputs[0]).elements(), 20);
  std::map<std::string, int> layers;
  std::int64_t params = 0, macs = 0;
  for (const graph::Node& node : graph.nodes) {
    ++layers[graph::op_name(node.op)];
    params += graph::params(graph, node);
    macs += graph::macs(graph, node);
    for (const graph::Weights& weights : node.weights) EXPECT_FALSE(weights.missing()) << node.name;
  }
  EXPECT_EQ(params, 161'364);  // 160,884 trained, and a mean and a variance for each of 240 channels
  EXPECT_EQ(macs, 10'331'520);
  for (const char* kind : {"Convolution", "LRN", "BatchNorm", "Scale", "ReLU", "Pooling", "Eltwise", "Concat",
                           "InnerProduct", "Softmax"})
    EXPECT_GE(layers[kind], 1) << kind;
}

}  // namespace
}  // namespace octet::zoo
