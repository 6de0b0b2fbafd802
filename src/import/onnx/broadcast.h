// Constants that meet a tensor of the graph element by element.
#pragma once

#include <optional>
#include <vector>

#include "import/onnx/constant.h"

namespace octet::onnx {

/// The value for each channel (axis 1) of a constant of floats that NumPy's broadcasting repeats over all
/// other dimensions of `shape`; nullopt if it differs along one of those, or does not fit.
std::optional<std::vector<float>> values_by_channel(const Constant& constant, const Shape& shape);

}  // namespace octet::onnx
