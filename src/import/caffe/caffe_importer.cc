#include "import/caffe/caffe_importer.h"

#include "graph/validate.h"
#include "import/caffe/caffemodel.h"
#include "import/caffe/network_builder.h"
#include "import/caffe/prototxt.h"
#include "import/caffe/weight_loader.h"

namespace octet::caffe {
namespace {

BuiltNetwork build_with_shapes(const Prototxt& prototxt) {
  BuiltNetwork network = build_network(prototxt);
  graph::infer_shapes(network.graph);
  return network;
}

void fill(graph::Graph& graph, std::vector<LayerBlobs>& blobs, Caffemodel&& model) {
  load_weights(graph, blobs, model);
  graph::validate(graph);
  graph::check_weights_finite(graph);
}

}  // namespace

graph::Graph import_caffe(const std::filesystem::path& prototxt,
                          const std::optional<std::filesystem::path>& caffemodel) {
  BuiltNetwork network = build_with_shapes(read_prototxt(prototxt));
  std::vector<LayerBlobs> blobs = expected_blobs(network);
  if (caffemodel) fill(network.graph, blobs, Caffemodel(*caffemodel));
  return std::move(network.graph);
}

graph::Graph import_caffe(const MemoryFile& prototxt, const MemoryFile& caffemodel) {
  const std::string text(reinterpret_cast<const char*>(prototxt.bytes.data()), prototxt.bytes.size());
  BuiltNetwork network = build_with_shapes(parse_prototxt(text, prototxt.name));
  std::vector<LayerBlobs> blobs = expected_blobs(network);
  fill(network.graph, blobs, Caffemodel(caffemodel.name, caffemodel.bytes));
  return std::move(network.graph);
}

}  // namespace octet::caffe
