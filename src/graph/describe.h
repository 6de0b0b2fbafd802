// A graph in words and numbers, for `inspect`, errors and hashes.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace octet::graph {

/// The node's origin, or its name where that is unknown: errors start with it.
std::string where(const Node& node);
std::int64_t macs(const Graph& graph, const Node& node);    // one image
std::int64_t params(const Graph& graph, const Node& node);  // placeholders included
std::string attributes(const Node& node);                   // "7x7 stride 2 pad 3", "max 3x3 stride 2 ceil"
LayerInfo layer_info(const Graph& graph, const Node& node);
std::string hash(const Graph& graph);  // 16 hex digits over structure and weights, names left out

}  // namespace octet::graph
