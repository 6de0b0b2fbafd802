// A layer whose results reach no output computes nothing that anyone sees. Inputs stay, read or not: they are
// part of what the caller passes.
#include <utility>

#include "optimize/pass.h"

namespace octet::optimize {

int eliminate_dead_code(graph::Graph& graph) {
  const std::vector<char> live = graph.live_nodes();
  std::vector<graph::Node> kept;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (live[n]) kept.push_back(std::move(graph.nodes[n]));
  }
  const auto removed = static_cast<int>(graph.nodes.size() - kept.size());
  graph.nodes = std::move(kept);
  return removed;
}

}  // namespace octet::optimize
