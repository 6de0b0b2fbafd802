// Tensors of the graph with their values in another order. The graph has two operations for that: a channel
// shuffle transposes a matrix right behind the batch, a slice takes neighbouring channels. Between reshapes
// they make any permutation of the dimensions behind the batch and any choice along one of them.
//
// These functions append parts of what a node does; the batch, dimension 0, stays where it is.
#pragma once

#include <vector>

#include "import/onnx/node_import.h"

namespace octet::onnx {

/// The values of `x` with its dimensions in the order of `permutation`, which begins with 0. The result's
/// shape is any that keeps this order: a reshape should follow.
graph::TensorId permute(NodeImport& n, graph::TensorId x, const std::vector<std::size_t>& permutation);

/// {N, A..., K, B...}, where `axis` is that of K, as {N, K, product of A, product of B}: what treats channels
/// then treats that axis. The same tensor if it is the channels already.
graph::TensorId axis_to_channels(NodeImport& n, graph::TensorId x, std::size_t axis);
/// Back to `dims` = {1, A..., K, B...}; K may have changed.
graph::TensorId channels_to_axis(NodeImport& n, graph::TensorId x, const Dims& dims, std::size_t axis);

/// Along `axis` the values at `start`, `start` + `step` ...; `step` > 0.
graph::TensorId take(NodeImport& n, graph::TensorId x, std::size_t axis, std::int64_t start,
                     std::int64_t count, std::int64_t step);
/// Along `axis` the values at `indices`, each of which is there. Throws Error(kUnsupported) if they are too
/// many runs of neighbours, since each becomes a node.
graph::TensorId take(NodeImport& n, graph::TensorId x, std::size_t axis,
                     const std::vector<std::int64_t>& indices);

}  // namespace octet::onnx
