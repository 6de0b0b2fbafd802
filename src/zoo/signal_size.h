// How large synthetic weights must be: a walk through the graph that estimates the root mean square of every
// tensor and from it the distribution of every weight.
//
// The rules, beside He's: the first layer brings the input to the network's working size (1, or where there
// is LRN the size at which its sum begins to matter); a batch norm's statistics are those of the signal it
// sees, so its result has size 1; the branch of a residual block is damped, so that 50 blocks in a row do not
// blow up; the last layer makes scores small enough that a softmax does not saturate.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace octet::zoo {

/// A normal distribution.
struct Distribution {
  double mean = 0;
  double deviation = 0;
};

/// By node, then by weight as Node::weights has them (empty for nodes that take none).
std::vector<std::vector<Distribution>> plan_weights(const graph::Graph& graph);

}  // namespace octet::zoo
