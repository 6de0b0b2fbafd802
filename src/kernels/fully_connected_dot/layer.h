// Fully connected layers of integers and BF16: a convolution whose window is the whole map, in arithmetic,
// weights and packing (conv_dot/contract.h, conv_dot/packing.h). What differs is the walk: rows are images,
// so one image is bound by reading the weights, and more images share that reading.
#pragma once

#include "kernels/kernel.h"
#include "kernels/op_desc.h"

namespace octet::kernels::fully_connected_dot {

/// The description if it is a layer of `input` that this family computes, else null.
const FullyConnectedDesc* as_fully_connected(const OpDesc& op, DataType input);

/// The same layer as a convolution. (Its weights are {out, channels, height, width}, the NCHW order of
/// features.)
ConvDesc to_convolution(const FullyConnectedDesc& desc);

/// The bias map of a layer's only pixel is a bias.
inline IntegerWeights with_bias(IntegerWeights weights) {
  if (weights.bias.empty()) weights.bias = weights.bias_map;
  return weights;
}

/// Estimated microseconds of one image on one core that does `gops` 10^9 operations a second: the arithmetic,
/// or the reading of the weights once for `images` images, whichever is longer. Below 0 if `op` is not a
/// layer of `input`.
double cost(const OpDesc& op, int images, DataType input, double gops);

}  // namespace octet::kernels::fully_connected_dot
