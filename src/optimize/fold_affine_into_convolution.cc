// scale[o] * (sum of w[o][i] * x[i] + b[o]) + shift[o]
//   = sum of (scale[o] * w[o][i]) * x[i] + (scale[o] * b[o] + shift[o])
// for a convolution or an inner product, whose output features are the affine's channels one to one, if
// nothing else reads the value between and neither a residual nor a ReLU stands there.
#include <cmath>
#include <memory>
#include <vector>

#include "optimize/affine.h"
#include "optimize/pass.h"
#include "optimize/rewriter.h"

namespace octet::optimize {
namespace {

/// The ReLU slot of a node whose weights can take an affine, null for any other.
std::optional<graph::Relu>* foldable(graph::Node& node) {
  if (node.weights.empty() || node.weights[0].empty() || node.inputs.size() != 1) return nullptr;
  std::optional<graph::Relu>* relu = nullptr;
  if (auto* conv = std::get_if<graph::Convolution>(&node.op)) relu = &conv->relu;
  if (auto* product = std::get_if<graph::InnerProduct>(&node.op)) relu = &product->relu;
  return relu != nullptr && !relu->has_value() ? relu : nullptr;
}

/// Integers stay what they are, but for their sign, if their scale takes the factor.
std::shared_ptr<const std::vector<float>> scaled_scales(std::span<const float> old,
                                                        const AffineView& affine) {
  if (old.empty()) return nullptr;
  auto scales = std::make_shared<std::vector<float>>(old.begin(), old.end());
  for (std::size_t o = 0; o < scales->size(); ++o)
    (*scales)[o] = static_cast<float>(static_cast<double>(old[o]) * std::abs(affine.scale(o)));
  return scales;
}

void scale_weights(graph::Node& node, const AffineView& affine) {
  const Shape shape = node.weights[0].shape();
  const std::span<const float> old = node.weights[0].values();
  const auto outputs = static_cast<std::size_t>(shape[0]);
  const std::size_t taps = old.size() / outputs;
  std::vector<float> scaled(old.size());
  for (std::size_t o = 0; o < outputs; ++o) {
    const double scale = affine.scale(o);
    for (std::size_t i = o * taps; i < (o + 1) * taps; ++i) {
      scaled[i] = static_cast<float>(static_cast<double>(old[i]) * scale);
    }
  }
  const bool had_bias = node.weights.size() > 1 && !node.weights[1].empty();
  std::vector<graph::Weights> weights = {
      graph::Weights(shape, scaled).with_scales(scaled_scales(node.weights[0].scales(), affine))};
  if (had_bias || affine.has_shift()) {
    std::vector<float> bias(outputs);
    for (std::size_t o = 0; o < outputs; ++o) {
      const double old_bias = had_bias ? static_cast<double>(node.weights[1].values()[o]) : 0.0;
      bias[o] = static_cast<float>(old_bias * affine.scale(o) + affine.shift(o));
    }
    weights.emplace_back(Shape{shape[0]}, bias);
  }
  node.weights = std::move(weights);
}

}  // namespace

int fold_affine_into_convolution(graph::Graph& graph) {
  Rewriter rewriter(graph);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const graph::Node& affine = graph.nodes[n];
    const auto* op = std::get_if<graph::ChannelAffine>(&affine.op);
    if (op == nullptr) continue;
    const int producer = rewriter.sole_producer(affine.inputs[0]);
    if (producer < 0) continue;
    graph::Node& node = graph.nodes[static_cast<std::size_t>(producer)];
    std::optional<graph::Relu>* relu = foldable(node);
    if (relu == nullptr) continue;
    scale_weights(node, AffineView(affine));
    *relu = op->relu;
    rewriter.absorb(producer, static_cast<int>(n));
  }
  return rewriter.finish();
}

}  // namespace octet::optimize
