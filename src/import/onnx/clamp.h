// Limits on both sides, which several operators ask for.
#pragma once

#include "import/onnx/node_import.h"

namespace octet::onnx {

/// The node's output is min(max(x, low), high); either limit may be infinite.
void clamp(NodeImport& n, graph::TensorId x, float low, float high);

}  // namespace octet::onnx
