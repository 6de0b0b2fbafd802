// Runs a graph node by node, as imported or after any pass, and gives the values of any of its tensors: what
// tests compare layer by layer. octet/reference.h is the same for a Network's outputs.
#pragma once

#include <span>
#include <vector>

#include "graph/graph.h"

namespace octet::reference {

/// Values of the tensors `wanted`, in that order, dense NCHW with `batch` images. `inputs`: one span of
/// batch * elements_per_image floats for each graph input. `threads` 0: all that the process may use; the
/// result does not depend on it. Layers that no wanted tensor depends on are not run, and a tensor is freed
/// after its last use. Throws Error: what graph::validate throws, kMismatch for weights without values,
/// kInvalidArgument for inputs, batch, threads or ids that make no sense, kMemoryLimit.
std::vector<std::vector<float>> run_graph(const graph::Graph& graph, int batch,
                                          std::span<const std::span<const float>> inputs,
                                          std::span<const graph::TensorId> wanted, int threads = 0);

/// The values of every tensor, by TensorId; empty for tensors that no node makes.
std::vector<std::vector<float>> run_graph_all(const graph::Graph& graph, int batch,
                                              std::span<const std::span<const float>> inputs,
                                              int threads = 0);

}  // namespace octet::reference
