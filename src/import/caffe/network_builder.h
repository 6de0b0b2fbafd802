// Prototxt -> graph without shapes and weights: which layers take part, which tensor each bottom means, and
// what the network's inputs and outputs are.
//
// A Caffe blob may be written several times (in-place layers: bottom and top are the same blob). Each writing
// gets a tensor of its own. The last one has the blob's name, since that is what a user means by it; the one
// that layer L wrote before it is named "blob@L".
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"
#include "import/caffe/layer_ops.h"
#include "import/caffe/prototxt.h"

namespace octet::caffe {

/// A node that has blobs in a caffemodel, by the name that its layer has there.
struct WeightedNode {
  std::size_t node = 0;  // index in Graph::nodes
  std::string layer;
  LayerOp op;
};

struct BuiltNetwork {
  graph::Graph graph;
  std::vector<WeightedNode> weighted;
};

/// Throws Error (kInvalidNetwork, kUnsupported, kParse) naming file, line and layer.
BuiltNetwork build_network(const Prototxt& prototxt);

}  // namespace octet::caffe
