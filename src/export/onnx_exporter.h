// graph -> ONNX file (opset 13, FP32 inputs and outputs, dynamic batch): the network as imported, so that it
// can be handed on to other engines, or optimised and in integers.
#pragma once

#include <filesystem>

#include "export/integer_form.h"
#include "graph/graph.h"

namespace octet::exporting {

/// FP32. Of a graph as imported batch normalisation stays a node and nothing is fused. The file appears whole
/// or not at all. Throws Error(kUnsupported) naming a layer that ONNX cannot say (a within-channel LRN),
/// Error(kMismatch) naming a layer whose weights are not there, Error(kIo).
void export_onnx(const graph::Graph& graph, const std::filesystem::path& path);

/// The same with integers as QDQ (qdq_tensors.h). `graph` is the one that `form` was made of: optimised.
/// Throws also Error(kUnsupported) naming a layer of 16 bits, and what making a layer's integers throws.
void export_qdq_onnx(const graph::Graph& graph, const IntegerForm& form, const std::filesystem::path& path);

}  // namespace octet::exporting
