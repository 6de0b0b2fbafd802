// ONNX file -> graph: the file as a table (onnx_model.h), its needed nodes in order (node_order.h), and each
// node turned into nodes of the graph or into a constant (operators.h).
//
// The batch is free in the graph, whatever batch the file says: what the file computes of its inputs' shapes
// is followed with the batch as a symbol (constant.h).
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace octet::onnx {

/// The network with its weights and all shapes inferred. External data is read from the file's own folder.
/// Throws Error (kNotFound, kIo, kParse, kInvalidNetwork, kUnsupported, kMemoryLimit) naming file, node or
/// initializer.
/// `written_in_fp32`, if given: the tensors of which a file that Octet wrote says so.
graph::Graph import_onnx(const std::filesystem::path& path,
                         std::vector<std::string>* written_in_fp32 = nullptr);
/// The same of a file in memory, which has no external data; `name` is for messages.
graph::Graph import_onnx(const std::string& name, std::span<const std::byte> bytes);

}  // namespace octet::onnx
