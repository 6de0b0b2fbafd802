// (x * s1 + t1) * s2 + t2 = x * (s1 * s2) + (t1 * s2 + t2), channel by channel, if nothing reads the value
// between and no ReLU stands there.
#include "optimize/affine.h"
#include "optimize/pass.h"
#include "optimize/rewriter.h"

namespace octet::optimize {

int merge_channel_affine(graph::Graph& graph) {
  Rewriter rewriter(graph);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    graph::Node& second = graph.nodes[n];
    const auto* second_op = std::get_if<graph::ChannelAffine>(&second.op);
    if (second_op == nullptr) continue;
    const int producer = rewriter.sole_producer(second.inputs[0]);
    if (producer < 0) continue;
    graph::Node& first = graph.nodes[static_cast<std::size_t>(producer)];
    auto* first_op = std::get_if<graph::ChannelAffine>(&first.op);
    if (first_op == nullptr || first_op->relu) continue;

    const auto channels = static_cast<std::size_t>(graph.shape(second.inputs[0])[1]);
    const AffineView a(first);
    const AffineView b(second);
    std::vector<float> scale(channels);
    std::vector<float> shift(channels);
    for (std::size_t c = 0; c < channels; ++c) {
      scale[c] = static_cast<float>(a.scale(c) * b.scale(c));
      shift[c] = static_cast<float>(a.shift(c) * b.scale(c) + b.shift(c));
    }
    const Shape shape{static_cast<std::int64_t>(channels)};
    first.weights = {graph::Weights(shape, scale), graph::Weights(shape, shift)};
    first_op->relu = second_op->relu;
    rewriter.absorb(producer, static_cast<int>(n));
  }
  return rewriter.finish();
}

}  // namespace octet::optimize
