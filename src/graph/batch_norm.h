// Batch normalisation with fixed statistics as a scale and a shift of each channel:
//   (x - mean) / sqrt(variance + epsilon) = x * scale + shift with
//   scale = 1 / sqrt(variance + epsilon)   and   shift = -mean * scale.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace octet::graph {

/// Weights of the ChannelAffine that computes what `node` does: {scale, shift}. `node` is a BatchNorm whose
/// weights have values. Throws Error(kInvalidNetwork) naming layer and channel where variance + epsilon is
/// not above 0.
std::vector<Weights> batch_norm_as_affine(const Node& node);

}  // namespace octet::graph
