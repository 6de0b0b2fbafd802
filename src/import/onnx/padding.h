// Padding that stands before a shift or a rounding, as quantisers and exporters of pictures write it, becomes
// the convolution's own.
#pragma once

#include "graph/graph.h"

namespace octet::onnx {

/// Where a Pad of zeros reaches a convolution without padding through nothing but identities, shifts by
/// channel and roundings, the map goes that way without its border, and the convolution pads. What the
/// border's zeros would have become, the fill, is taken from the map first and added to the bias, so that the
/// border is 0 again:
///
///   conv(fill around x) = conv(0 around (x - fill)) + sum over the taps of fill * weight
///
/// So the first layer of a network that takes pictures less their mean computes on bytes alone.
void give_padding_to_convolutions(graph::Graph& graph);

}  // namespace octet::onnx
