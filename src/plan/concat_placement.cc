#include "plan/concat_placement.h"

#include "kernels/layout.h"

namespace octet::plan {
namespace {

bool made_by_a_kernel(const graph::Graph& graph, int producer) {
  if (producer < 0) return false;
  const graph::Op& op = graph.nodes[static_cast<std::size_t>(producer)].op;
  return !std::holds_alternative<graph::Input>(op) && !std::holds_alternative<graph::Identity>(op) &&
         !std::holds_alternative<graph::Flatten>(op) && !std::holds_alternative<graph::Reshape>(op);
}

}  // namespace

ConcatPlacement place_concats(const graph::Graph& graph) {
  ConcatPlacement placement;
  const std::vector<int> producers = graph.producers();
  for (const graph::Node& node : graph.nodes) {
    const auto* concat = std::get_if<graph::Concat>(&node.op);
    if (concat == nullptr || concat->axis != 1) continue;
    std::int64_t channel = 0;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const graph::TensorId t = node.inputs[i];
      const std::int64_t channels = graph.shape(t)[1];
      const bool last = i + 1 == node.inputs.size();
      const bool whole_blocks = channels % kernels::kChannelBlock == 0;
      if (channel % kernels::kChannelBlock == 0 && (whole_blocks || last) && !placement.contains(t) &&
          made_by_a_kernel(graph, producers[static_cast<std::size_t>(t)])) {
        placement[t] = {node.outputs[0], channel};
      }
      channel += channels;
    }
  }
  return placement;
}

}  // namespace octet::plan
