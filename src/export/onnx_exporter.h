// graph -> ONNX file (opset 13, FP32, dynamic batch), so that any imported network can be handed on to other
// engines.
#pragma once

#include <filesystem>

#include "graph/graph.h"

namespace octet::exporting {

/// Writes the network as imported: batch normalisation stays a node, nothing is fused. The file appears whole
/// or not at all. Throws Error(kUnsupported) naming a layer that ONNX cannot say (a within-channel LRN),
/// Error(kMismatch) naming a layer whose weights are not there, Error(kIo).
void export_onnx(const graph::Graph& graph, const std::filesystem::path& path);

}  // namespace octet::exporting
