// Inputs of a quantised network's file that hold pictures: x + mean, rounded with scale 1 and zero point 0,
// is a picture's bytes where x is a picture less its mean. A part of file_scales.h.
//
//   conv(round(x + mean) - halo) + b  =  conv(x) + (b + sum of w * (mean - halo))
//
// with padding of zeros on both sides, if x + mean are bytes; the halo is there where the file pads before it
// adds the mean, and must then be the mean, rounded.
#pragma once

#include <map>
#include <vector>

#include "graph/graph.h"

namespace octet::quantize {

/// Makes the first layers of `graph` read such inputs themselves; the inputs with their means, one a channel.
std::map<graph::TensorId, std::vector<float>> take_file_pictures(graph::Graph& graph);

}  // namespace octet::quantize
