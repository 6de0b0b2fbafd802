// reshape(reshape(x)) = reshape(x), and a reshape to the shape that x has is x. The first reshape may have
// other readers; it goes with the dead code if it has none.
#include "optimize/pass.h"

namespace octet::optimize {
namespace {

bool is_reshape(const graph::Op& op) {
  return std::holds_alternative<graph::Reshape>(op) || std::holds_alternative<graph::Flatten>(op);
}

graph::Reshape reshape_to(const Shape& shape) {
  std::vector<std::int64_t> dims = shape.dims();
  dims[0] = 0;  // the batch stays
  return {std::move(dims)};
}

}  // namespace

int merge_reshape(graph::Graph& graph) {
  const std::vector<int> producers = graph.producers();
  int changes = 0;
  for (graph::Node& node : graph.nodes) {
    if (!is_reshape(node.op)) continue;
    const int producer = producers[static_cast<std::size_t>(node.inputs[0])];
    const graph::Node& before = graph.nodes[static_cast<std::size_t>(producer)];
    const bool merged = is_reshape(before.op);
    if (merged) {
      node.inputs[0] = before.inputs[0];
      node.op = reshape_to(graph.shape(node.outputs[0]));
    }
    const bool nothing = graph.shape(node.inputs[0]) == graph.shape(node.outputs[0]);
    if (nothing) node.op = graph::Identity{"Reshape"};
    if (merged || nothing) ++changes;
  }
  return changes;
}

}  // namespace octet::optimize
