// The blobs that a network's layers must have in a caffemodel, and their way into the graph: checked all
// before anything is allocated, then read straight from the file into the tensors.
#pragma once

#include <string>
#include <vector>

#include "import/caffe/caffemodel.h"
#include "import/caffe/network_builder.h"

namespace octet::caffe {

/// One layer's blobs as the file must hold them.
struct LayerBlobs {
  std::size_t node = 0;
  std::string layer;
  std::vector<Shape> shapes;     // as stored, one a blob
  bool transposed = false;       // blob 0 is to be transposed
  bool shift_only = false;       // blob 0 is the node's weight 1
  bool divided_by_last = false;  // the last blob divides the others (BatchNorm)
};

/// Needs inferred shapes. Gives the graph's nodes weights with shapes and no values, as many as their layers
/// have. Throws Error(kInvalidNetwork, kUnsupported).
std::vector<LayerBlobs> expected_blobs(BuiltNetwork& network);

/// Fills the weights. Throws Error: kMismatch naming the layer, kInvalidNetwork for values that are not
/// finite.
void load_weights(graph::Graph& graph, const std::vector<LayerBlobs>& expected, Caffemodel& model);

}  // namespace octet::caffe
