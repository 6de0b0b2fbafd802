// A calibration as TensorRT's own calibrators keep it, so that TensorRT computes an exported network in INT8
// without calibrating: a header line with its version and the calibrator's name, then "tensor: scale" a line,
// the scale's FP32 bits as 8 hexadecimal digits. TensorRT holds tensors in -127..127 around 0.
#pragma once

#include <string>

#include "octet/calibration.h"

namespace octet::exporting {

/// Throws Error: kUnsupported for a scheme or tensor that is not symmetric, kInvalidArgument for a version
/// below 1.
std::string tensorrt_cache(const Calibration& calibration, int tensorrt_version);

}  // namespace octet::exporting
