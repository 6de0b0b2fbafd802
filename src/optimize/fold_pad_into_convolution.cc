// A convolution of a map with zeros around it = a convolution with more padding. The padded map may have
// other readers; it goes with the dead code if it has none.
#include "optimize/pass.h"

namespace octet::optimize {

int fold_pad_into_convolution(graph::Graph& graph) {
  const std::vector<int> producers = graph.producers();
  int changes = 0;
  for (graph::Node& node : graph.nodes) {
    auto* conv = std::get_if<graph::Convolution>(&node.op);
    if (conv == nullptr) continue;
    for (;;) {
      const int producer = producers[static_cast<std::size_t>(node.inputs[0])];
      const graph::Node& before = graph.nodes[static_cast<std::size_t>(producer)];
      const auto* pad = std::get_if<graph::Pad>(&before.op);
      if (pad == nullptr || pad->value != 0) break;
      conv->window.pad_top += pad->top, conv->window.pad_bottom += pad->bottom;
      conv->window.pad_left += pad->left, conv->window.pad_right += pad->right;
      node.inputs[0] = before.inputs[0];
      ++changes;
    }
  }
  return changes;
}

}  // namespace octet::optimize
