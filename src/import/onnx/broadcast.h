// Constants and tensors of the graph that meet element by element, by NumPy's rules.
#pragma once

#include <optional>
#include <vector>

#include "import/onnx/constant.h"
#include "import/onnx/node_import.h"

namespace octet::onnx {

/// The value for each channel (axis 1) of a constant of floats that is repeated over all other dimensions of
/// `shape`; nullopt if it differs along one of those, or does not fit.
std::optional<std::vector<float>> values_by_channel(const Constant& constant, const Shape& shape);

/// The node's output is x * scale + shift; nullptr: none. The constants are repeated over `x`; where they
/// differ within a channel, each element of `x` is taken for a channel. Throws Error(kUnsupported) where `x`
/// would be repeated.
void scale_and_shift(NodeImport& n, graph::TensorId x, const Constant* scale, const Constant* shift);
/// The same as a part of the node.
graph::TensorId scaled_and_shifted(NodeImport& n, graph::TensorId x, const Constant* scale,
                                   const Constant* shift);

/// The tensors of all inputs, made alike: of one shape, or one pixel {N, C, 1, 1} of it. Single channels {N,
/// 1, H, W} are repeated.
std::vector<graph::TensorId> alike_tensors(NodeImport& n);

}  // namespace octet::onnx
