// The scales that a quantised network's own file has (ONNX's QuantizeLinear and DequantizeLinear), taken out
// of the graph into a Calibration, so that layers compute with the file's integers.
//
// An importer leaves each pair in the graph as a rounding (graph::ActivationFunction::kRounding). What
// becomes of one:
//   a scale     if a node before or behind it computes with integers: the tensor is held in bytes there.
//   a ReLU      besides, where values below zero may come and the zero point is 0: files leave out the ReLU
//               that the saturation does. Its limit is the largest byte, which stands for a left-out Clip.
//   a rounding  if no integers are near; if the tensor has another scale already, or is also read as it is;
//               if a layer could write the tensor in FP32 for what reads it so (scores), unless Octet's own
//               file says that it does. Then it stays, in FP32, in front of what reads it.
//
// Layers compute with integers where the file has both their input and their weights in 8 bits; others, and
// what has no scale around it, in FP32. A tensor without a scale has that of the tensors whose integers are
// passed on to it or from it (maxima, concatenations, views), since rounding and these can change places.
//
// Pictures: an input to which a mean is added and which then is rounded with scale 1 and zero point 0 holds
// bytes, and becomes what a calibration calls pixel_mean; the layers behind take the mean into their biases.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "graph/graph.h"
#include "octet/calibration.h"

namespace octet::quantize {

/// Takes the roundings out of `graph` (shapes inferred). Null, and the graph unchanged, if no layer of it
/// computes with integers. `written_in_fp32`: names of tensors that are not rounded for what reads them in
/// FP32.
std::shared_ptr<const Calibration> take_file_scales(graph::Graph& graph,
                                                    std::span<const std::string> written_in_fp32 = {});

}  // namespace octet::quantize
