// conv(x) + r: the convolution adds r to its sum before it writes the result, if nothing else reads conv(x).
// The convolution moves to the addition's place, where r is known. Of two convolutions the later one takes
// the other's result. Neither may be one pixel that the sum repeats.
#include <algorithm>

#include "optimize/pass.h"
#include "optimize/rewriter.h"

namespace octet::optimize {
namespace {

bool is_plain_sum_of_two(const graph::Graph& graph, const graph::Node& node) {
  const auto* op = std::get_if<graph::Eltwise>(&node.op);
  return op != nullptr && op->kind == graph::EltwiseKind::kSum && node.inputs.size() == 2 &&
         graph.shape(node.inputs[0]) == graph.shape(node.inputs[1]) &&
         std::all_of(op->coefficients.begin(), op->coefficients.end(), [](float c) { return c == 1.0f; });
}

bool takes_residual(const graph::Node& node) {
  const auto* conv = std::get_if<graph::Convolution>(&node.op);
  return conv != nullptr && !conv->relu && node.inputs.size() == 1;
}

}  // namespace

int fuse_residual(graph::Graph& graph) {
  Rewriter rewriter(graph);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const graph::Node& sum = graph.nodes[n];
    if (!is_plain_sum_of_two(graph, sum)) continue;
    int chosen = -1;
    graph::TensorId residual = -1;
    for (std::size_t i = 0; i < 2; ++i) {
      const int producer = rewriter.sole_producer(sum.inputs[i]);
      if (producer <= chosen || !takes_residual(graph.nodes[static_cast<std::size_t>(producer)])) continue;
      chosen = producer;
      residual = sum.inputs[1 - i];
    }
    if (chosen < 0) continue;
    graph::Node& conv = graph.nodes[static_cast<std::size_t>(chosen)];
    conv.inputs.push_back(residual);
    std::get<graph::Convolution>(conv.op).relu = std::get<graph::Eltwise>(sum.op).relu;
    rewriter.absorb_and_move(chosen, static_cast<int>(n));
  }
  return rewriter.finish();
}

}  // namespace octet::optimize
