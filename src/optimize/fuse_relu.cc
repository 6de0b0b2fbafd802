// relu(f(x)): the layer f applies the ReLU as it writes its result, if it can carry one (Convolution,
// InnerProduct, ChannelAffine, Eltwise) and nothing else reads f(x).
#include "optimize/pass.h"
#include "optimize/rewriter.h"

namespace octet::optimize {
namespace {

/// The slot for a ReLU, null where the operation has none.
std::optional<graph::Relu>* relu_slot(graph::Op& op) {
  return std::visit(
      [](auto& o) -> std::optional<graph::Relu>* {
        if constexpr (requires { o.relu; }) return &o.relu;
        return nullptr;
      },
      op);
}

}  // namespace

int fuse_relu(graph::Graph& graph) {
  Rewriter rewriter(graph);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const graph::Node& node = graph.nodes[n];
    const auto* relu = std::get_if<graph::Relu>(&node.op);
    if (relu == nullptr) continue;
    const int producer = rewriter.sole_producer(node.inputs[0]);
    if (producer < 0) continue;
    std::optional<graph::Relu>* slot = relu_slot(graph.nodes[static_cast<std::size_t>(producer)].op);
    if (slot == nullptr || slot->has_value()) continue;
    *slot = *relu;
    rewriter.absorb(producer, static_cast<int>(n));
  }
  return rewriter.finish();
}

}  // namespace octet::optimize
