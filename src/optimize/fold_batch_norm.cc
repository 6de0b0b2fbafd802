// (x - mean) / sqrt(variance + epsilon) = x * scale + shift; graph/batch_norm.h has the two factors.
#include "graph/batch_norm.h"
#include "optimize/pass.h"

namespace octet::optimize {

int fold_batch_norm(graph::Graph& graph) {
  int changes = 0;
  for (graph::Node& node : graph.nodes) {
    if (!std::holds_alternative<graph::BatchNorm>(node.op)) continue;
    node.weights = graph::batch_norm_as_affine(node);
    node.op = graph::ChannelAffine{};
    ++changes;
  }
  return changes;
}

}  // namespace octet::optimize
