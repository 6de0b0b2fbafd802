#include "quantize/shared_scales.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace octet::quantize {
namespace {

using graph::Node;
using graph::TensorId;

std::size_t index(TensorId t) { return static_cast<std::size_t>(t); }

bool is_zero_pad(const graph::Op& op) {
  const auto* pad = std::get_if<graph::Pad>(&op);
  return pad != nullptr && pad->value == 0;
}

bool rectifies(const std::optional<graph::Relu>& relu) { return relu && relu->slope == 0; }

/// Whether a node's output is never negative, `inputs` saying which of its inputs never are.
struct NeverNegative {
  std::vector<bool> inputs;

  bool all() const {
    return std::all_of(inputs.begin(), inputs.end(), [](bool b) { return b; });
  }
  bool any() const {
    return std::any_of(inputs.begin(), inputs.end(), [](bool b) { return b; });
  }

  bool operator()(const graph::Input&) const { return false; }
  bool operator()(const graph::Convolution& op) const { return rectifies(op.relu); }
  bool operator()(const graph::InnerProduct& op) const { return rectifies(op.relu); }
  bool operator()(const graph::ChannelAffine& op) const { return rectifies(op.relu); }
  bool operator()(const graph::BatchNorm&) const { return false; }
  bool operator()(const graph::Relu& op) const { return op.slope == 0 || all(); }
  bool operator()(const graph::Softmax& op) const { return !op.logarithm; }
  bool operator()(const graph::Eltwise& op) const {
    if (rectifies(op.relu)) return true;
    if (op.kind == graph::EltwiseKind::kMax) return any();
    return all() &&
           std::all_of(op.coefficients.begin(), op.coefficients.end(), [](float c) { return c >= 0; });
  }
  bool operator()(const graph::Pad& op) const { return op.value >= 0 && all(); }
  bool operator()(const graph::Activation& op) const {
    switch (op.function) {
      case graph::ActivationFunction::kSigmoid:
      case graph::ActivationFunction::kHardSigmoid:
        return true;
      case graph::ActivationFunction::kTanh:
      case graph::ActivationFunction::kHardSwish:
        return all();
      case graph::ActivationFunction::kClip:
        return op.a >= 0 || (op.b >= 0 && all());
      case graph::ActivationFunction::kRounding:
        return op.b == 0 || all();
    }
    return false;
  }
  /// Pooling, normalisation, concatenation, views.
  template <typename Op>
  bool operator()(const Op&) const {
    return all();
  }
};

/// Nonzero for tensors that a layer with weights depends on.
std::vector<char> feed_layers(const graph::Graph& graph) {
  std::vector<char> feeds(graph.tensors.size(), 0);
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    const bool needed = std::holds_alternative<graph::Convolution>(node.op) ||
                        std::holds_alternative<graph::InnerProduct>(node.op) ||
                        std::any_of(node.outputs.begin(), node.outputs.end(),
                                    [&](TensorId t) { return feeds[index(t)] != 0; });
    if (!needed) continue;
    for (const TensorId t : node.inputs) feeds[index(t)] = 1;
  }
  return feeds;
}

class Grouping {
 public:
  explicit Grouping(std::size_t tensors) : parent_(tensors) { std::iota(parent_.begin(), parent_.end(), 0); }
  TensorId root(TensorId t) {
    while (parent_[index(t)] != t) t = parent_[index(t)] = parent_[index(parent_[index(t)])];
    return t;
  }
  void tie(TensorId a, TensorId b) { parent_[index(root(b))] = root(a); }

 private:
  std::vector<TensorId> parent_;
};

}  // namespace

bool passes_values_on(const graph::Op& op) {
  const auto* pool = std::get_if<graph::Pooling>(&op);
  return (pool != nullptr && pool->kind == graph::PoolKind::kMax) || is_zero_pad(op) ||
         std::holds_alternative<graph::Concat>(op) || std::holds_alternative<graph::Flatten>(op) ||
         std::holds_alternative<graph::Reshape>(op) || std::holds_alternative<graph::Identity>(op) ||
         std::holds_alternative<graph::Slice>(op) || std::holds_alternative<graph::ChannelShuffle>(op);
}

std::vector<bool> never_negative_tensors(const graph::Graph& graph) {
  std::vector<bool> never_negative(graph.tensors.size(), false);
  for (const Node& node : graph.nodes) {
    NeverNegative rule;
    for (const TensorId t : node.inputs) rule.inputs.push_back(never_negative[index(t)]);
    const bool result = std::visit(rule, node.op);
    for (const TensorId t : node.outputs) never_negative[index(t)] = result;
  }
  return never_negative;
}

std::vector<ScaleGroup> shared_scales(const graph::Graph& graph) {
  const std::vector<char> live = graph.live_nodes();
  Grouping grouping(graph.tensors.size());
  const std::vector<bool> never_negative = never_negative_tensors(graph);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (!live[n] || !passes_values_on(node.op)) continue;
    for (const TensorId in : node.inputs)
      for (const TensorId out : node.outputs) grouping.tie(in, out);
  }

  const std::vector<char> feeds = feed_layers(graph);
  std::vector<ScaleGroup> groups;
  std::map<TensorId, std::size_t> group_of_root;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (!live[n]) continue;
    for (const TensorId t : node.outputs) {
      const auto [at, is_new] = group_of_root.emplace(grouping.root(t), groups.size());
      if (is_new) groups.push_back({.never_negative = true, .scores = true});
      ScaleGroup& group = groups[at->second];
      group.members.push_back(t);
      group.never_negative = group.never_negative && never_negative[index(t)];
      group.scores = group.scores && feeds[index(t)] == 0;
      if (!passes_values_on(node.op)) group.sources.push_back(t);
      if (std::holds_alternative<graph::Concat>(node.op)) group.leader = t;
    }
  }
  for (ScaleGroup& group : groups)
    if (group.sources.size() == 1) group.leader = group.sources[0];
  return groups;
}

std::string reason_for_fp32(const graph::Node& node) {
  if (std::holds_alternative<graph::Softmax>(node.op)) return "a softmax is computed in FP32";
  if (graph::is_rounding(node.op)) return "the network itself rounds here, in FP32";
  if (const auto* eltwise = std::get_if<graph::Eltwise>(&node.op))
    return eltwise->kind == graph::EltwiseKind::kQuotient ? "a quotient of tensors is computed in FP32" : "";
  if (std::holds_alternative<graph::Pad>(node.op))
    return is_zero_pad(node.op) ? "" : "a border of another value than 0 is made in FP32";
  if (const auto* concat = std::get_if<graph::Concat>(&node.op))
    return concat->axis == 1 ? "" : "a concatenation along another axis than the channels is made in FP32";
  return "";
}

}  // namespace octet::quantize
