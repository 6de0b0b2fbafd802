// Shifts by channel in front of convolutions: what a node adds, and where that goes when the node does.
#pragma once

#include <optional>
#include <span>

#include "graph/graph.h"

namespace octet::graph {

/// What the node adds to each channel, if it does nothing else. Lies in the node's weights.
std::optional<std::span<const float>> channel_shift(const Node& node);

/// The bias with which a convolution gives the same of x as it gives now of x + shift, `shift` by input
/// channel, as long as no window reaches over a border whose padding is not shifted: bias + sum over the taps
/// of shift * weight, in double. Its weights must have values.
Weights bias_with_shift(const Node& convolution, std::span<const float> shift);

}  // namespace octet::graph
