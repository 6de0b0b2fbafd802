// Which node of an optimised graph computes in which precision, and how each tensor is stored: decided from
// the precision asked for and the calibration, before anything is lowered.
//
// With the scales of a quantised network's own file (CalibrationMethod::kFile) kInt8 means: as the file says.
// Layers have the precision that it gives them, and everything else computes with integers where it has
// scales for all that is read and written.
//
// Otherwise convolutions and fully connected layers have the precision asked for (kMixed: their own, from the
// calibration). Everything else follows what feeds it: the highest precision among the layers that made its
// inputs, if it has integer arithmetic for that, else FP32. A tensor is stored as its producer's precision
// writes it, unless a consumer (or the network's caller) wants more: layers that can write FP32 then do.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "kernels/layout.h"
#include "octet/calibration.h"

namespace octet::quantize {

struct TensorScheme {
  DataType stored = DataType::kFloat32;
  std::optional<kernels::Quantization> u8;  ///< where the calibration knows the tensor
  kernels::Quantization s16;                ///< where a kInt16 layer needs it
  std::span<const float> pixel_mean;        ///< of an input that holds pictures; lies in the calibration
};

struct Scheme {
  std::vector<DataType> nodes;        ///< by node: type of the integers, or FP32 or BF16, it computes with
  std::vector<TensorScheme> tensors;  ///< by TensorId
};

/// Whether there are kernels of this type for an operation without weights of taps.
bool computes_in(const graph::Op& op, DataType type);
/// Whether a node can write FP32 whatever it computes with.
bool writes_fp32(const graph::Op& op, DataType type);
/// Whether it is a convolution or fully connected layer.
bool has_weights_of_taps(const graph::Op& op);
/// Whether its output is its input, or a part of it, looked at in another shape: it may take a copy, but
/// never another type.
bool is_view(const graph::Op& op);

/// `calibration` is needed for kInt8, kInt16 and kMixed and must outlive the scheme. Throws Error:
/// kInvalidArgument (no calibration), kMismatch (a tensor or layer is missing in it, or it has one that the
/// graph lacks).
Scheme make_scheme(const graph::Graph& graph, Precision precision, const Calibration* calibration);

}  // namespace octet::quantize
