// Which nodes of a file are needed for its outputs, and in which order they can be computed.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_set>
#include <vector>

#include "import/onnx/onnx_model.h"

namespace octet::onnx {

/// Indices of the nodes that an output depends on, each behind those whose outputs it reads; in the file's
/// order as far as that allows. `given`: names that no node makes (inputs and initializers).
/// Throws Error(kInvalidNetwork) for a name that is made twice or by nothing, and for a cycle, whose nodes it
/// names.
std::vector<std::size_t> order_nodes(const ModelEntry& model, const std::string& file,
                                     const std::unordered_set<std::string>& given);

}  // namespace octet::onnx
