#include "import/caffe/caffe_importer.h"

#include "graph/validate.h"
#include "import/caffe/caffemodel.h"
#include "import/caffe/network_builder.h"
#include "import/caffe/prototxt.h"
#include "import/caffe/weight_loader.h"

namespace octet::caffe {

graph::Graph import_caffe(const std::filesystem::path& prototxt,
                          const std::optional<std::filesystem::path>& caffemodel) {
  BuiltNetwork network = build_network(read_prototxt(prototxt));
  graph::infer_shapes(network.graph);
  std::vector<LayerBlobs> blobs = expected_blobs(network);
  if (caffemodel) {
    Caffemodel model(*caffemodel);
    load_weights(network.graph, blobs, model);
    graph::validate(network.graph);
    graph::check_weights_finite(network.graph);
  }
  return std::move(network.graph);
}

}  // namespace octet::caffe
