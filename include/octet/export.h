// A network, or what a calibration knows of it, as a file for other engines. Files appear whole or not at
// all.
#pragma once

#include <filesystem>

#include "octet/api.h"
#include "octet/calibration.h"
#include "octet/network.h"
#include "octet/types.h"

namespace octet {

/// ONNX (opset 13, FP32, dynamic batch), as imported: nothing is folded or fused. The file appears whole or
/// not at all. Throws Error(kUnsupported) naming a layer that ONNX cannot say, Error(kIo).
OCTET_API void export_onnx(const Network& network, const std::filesystem::path& path);

struct QdqOptions {
  Precision precision = Precision::kInt8;  ///< or kMixed, of INT8 and FP32 layers
  /// The input is pictures' bytes, N x H x W x C, instead of FP32 planes less their mean. The calibration
  /// must know the mean.
  bool pixel_input = false;
};

/// ONNX of the optimised network in integers (opset 13, QDQ, FP32 outputs, dynamic batch): Octet's own s8
/// weights, s32 biases, scales and zero points, in the form that other engines turn into integer operators
/// (docs/export.md). Throws Error: kInvalidArgument (another precision), kUnsupported naming a layer that
/// cannot be said, kMismatch (a calibration of another network), kIo.
OCTET_API void export_qdq_onnx(const Network& network, const Calibration& calibration,
                               const QdqOptions& options, const std::filesystem::path& path);

/// A calibration cache for TensorRT of this version (8601: 8.6.1; 101401: 10.14.1), which takes no other's.
/// Its tensors are those of the network's FP32 export. Weights are TensorRT's own matter: neither their
/// rounding nor bias corrections are in it. Throws Error: kUnsupported unless the calibration's scheme is
/// kSymmetricInt8, kInvalidArgument, kIo.
OCTET_API void export_tensorrt_cache(const Calibration& calibration, int tensorrt_version,
                                     const std::filesystem::path& path);

}  // namespace octet
