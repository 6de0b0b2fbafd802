// y = x: readers of y read x. Where y is a graph output, and so must keep its name, the layer that makes x
// makes y instead, and readers of x read y. One that links a graph input, or another output, to an output
// stays: there is no layer before it that could take its name.
#include <algorithm>
#include <utility>

#include "optimize/pass.h"

namespace octet::optimize {
namespace {

using graph::TensorId;

void replace_reads(graph::Graph& graph, TensorId from, TensorId to) {
  for (graph::Node& node : graph.nodes) std::replace(node.inputs.begin(), node.inputs.end(), from, to);
}

bool is_output(const graph::Graph& graph, TensorId t) {
  return std::find(graph.outputs.begin(), graph.outputs.end(), t) != graph.outputs.end();
}

/// The layer that makes `t`, or null for a graph input.
graph::Node* maker(graph::Graph& graph, TensorId t) {
  for (graph::Node& node : graph.nodes) {
    if (std::find(node.outputs.begin(), node.outputs.end(), t) == node.outputs.end()) continue;
    return std::holds_alternative<graph::Input>(node.op) ? nullptr : &node;
  }
  return nullptr;
}

/// True if `output` of an identity is no longer needed because its readers, or its maker, were rewired.
bool bypass(graph::Graph& graph, graph::Node& identity, TensorId output) {
  const TensorId source = identity.inputs[0];
  if (!is_output(graph, output)) {
    replace_reads(graph, output, source);
    return true;
  }
  graph::Node* made_by = maker(graph, source);
  if (made_by == nullptr || is_output(graph, source)) return false;
  std::replace(made_by->outputs.begin(), made_by->outputs.end(), source, output);
  replace_reads(graph, source, output);  // this identity's own input included
  return true;
}

}  // namespace

int remove_identity(graph::Graph& graph) {
  for (graph::Node& node : graph.nodes) {
    if (!std::holds_alternative<graph::Identity>(node.op)) continue;
    std::vector<TensorId> kept;
    const std::vector<TensorId> outputs = std::exchange(node.outputs, {});
    for (TensorId output : outputs) {
      if (!bypass(graph, node, output)) kept.push_back(output);
    }
    node.outputs = std::move(kept);
  }
  return static_cast<int>(std::erase_if(graph.nodes, [](const graph::Node& n) { return n.outputs.empty(); }));
}

}  // namespace octet::optimize
