#include "graph/describe.h"

#include <fmt/format.h>

#include <cmath>

#include "base/hash.h"
#include "graph/validate.h"

namespace octet::graph {
namespace {

std::string pair_text(const char* word, std::int64_t h, std::int64_t w) {
  return h == w ? fmt::format(" {} {}", word, h) : fmt::format(" {} {}x{}", word, h, w);
}

std::string window_text(const Window& w) {
  std::string text = fmt::format("{}x{}", w.kernel_h, w.kernel_w);
  if (w.stride_h != 1 || w.stride_w != 1) text += pair_text("stride", w.stride_h, w.stride_w);
  if (w.pad_top != w.pad_bottom || w.pad_left != w.pad_right) {
    text += fmt::format(" pad top {} left {} bottom {} right {}", w.pad_top, w.pad_left, w.pad_bottom,
                        w.pad_right);
  } else if (w.pad_top != 0 || w.pad_left != 0) {
    text += pair_text("pad", w.pad_top, w.pad_left);
  }
  if (w.dilation_h != 1 || w.dilation_w != 1) text += pair_text("dilation", w.dilation_h, w.dilation_w);
  return text;
}

std::string join_words(const std::string& a, const std::string& b) {
  return a.empty() || b.empty() ? a + b : a + " " + b;
}

std::string relu_attributes(const Relu& relu) {
  return join_words(relu.slope == 0 ? "" : fmt::format("slope {}", relu.slope),
                    std::isinf(relu.limit) ? "" : fmt::format("limit {}", relu.limit));
}

std::string relu_text(const std::optional<Relu>& relu) {
  return relu ? join_words("+ ReLU", relu_attributes(*relu)) : std::string();
}

struct AttributeText {
  const Node& node;

  std::string operator()(const Input&) const { return {}; }
  std::string operator()(const Convolution& op) const {
    std::string text = window_text(op.window);
    if (op.groups != 1) text += fmt::format(" group {}", op.groups);
    if (node.inputs.size() > 1) text += " + residual";
    return join_words(text, relu_text(op.relu));
  }
  std::string operator()(const InnerProduct& op) const { return relu_text(op.relu); }
  std::string operator()(const Pooling& op) const {
    const char* kind = op.kind == PoolKind::kMax ? "max" : "average";
    if (op.global) return fmt::format("{} global", kind);
    return fmt::format("{} {} {}", kind, window_text(op.window),
                       op.rounding == Rounding::kCeil ? "ceil" : "floor");
  }
  std::string operator()(const Relu& op) const { return relu_attributes(op); }
  std::string operator()(const Lrn& op) const {
    const bool across = op.region == LrnRegion::kAcrossChannels;
    return fmt::format("{} size {} alpha {} beta {} k {}", across ? "across" : "within", op.size, op.alpha,
                       op.beta, op.k);
  }
  std::string operator()(const BatchNorm& op) const { return fmt::format("epsilon {}", op.epsilon); }
  std::string operator()(const ChannelAffine& op) const { return relu_text(op.relu); }
  std::string operator()(const Concat& op) const {
    return op.axis == 1 ? std::string() : fmt::format("axis {}", op.axis);
  }
  std::string operator()(const Eltwise& op) const {
    constexpr const char* kWords[] = {"sum", "product", "max", "min", "quotient"};
    std::string text = kWords[static_cast<std::size_t>(op.kind)];
    if (!op.coefficients.empty()) text += fmt::format(" of {}", fmt::join(op.coefficients, ", "));
    return join_words(text, relu_text(op.relu));
  }
  std::string operator()(const Softmax& op) const {
    return op.axis == 1 ? std::string() : fmt::format("axis {}", op.axis);
  }
  std::string operator()(const Flatten& op) const {
    return op.axis == 1 ? std::string() : fmt::format("axis {}", op.axis);
  }
  std::string operator()(const Reshape& op) const { return fmt::format("to {}", fmt::join(op.dims, "x")); }
  std::string operator()(const Identity&) const { return {}; }
  std::string operator()(const Pad& op) const {
    const std::string text =
        fmt::format("top {} left {} bottom {} right {}", op.top, op.left, op.bottom, op.right);
    return op.value == 0 ? text : fmt::format("{} with {}", text, op.value);
  }
  std::string operator()(const Slice& op) const {
    return fmt::format("channels {} to {}", op.first, op.first + op.count - 1);
  }
  std::string operator()(const ChannelShuffle& op) const { return fmt::format("group {}", op.groups); }
  std::string operator()(const Activation& op) const {
    if (op.function == ActivationFunction::kClip) return fmt::format("from {} to {}", op.a, op.b);
    if (op.function == ActivationFunction::kRounding)
      return fmt::format("to bytes of scale {}, zero point {}", op.a, op.b);
    return has_parameters(op.function) ? fmt::format("{} x + {}", op.a, op.b) : std::string();
  }
};

/// Everything of an operation that changes what it computes, except shapes and weights.
struct AttributeHash {
  base::Hasher& hasher;

  void add(std::int64_t value) const { hasher.add(value); }
  void add_real(float value) const { hasher.add(static_cast<double>(value)); }
  void add_window(const Window& w) const {
    for (std::int64_t v : {w.kernel_h, w.kernel_w, w.stride_h, w.stride_w, w.pad_top, w.pad_left,
                           w.pad_bottom, w.pad_right, w.dilation_h, w.dilation_w}) {
      add(v);
    }
  }
  /// No limit leaves no trace: the hashes of networks without one are older than the attribute.
  void add_relu(const Relu& relu) const {
    add_real(relu.slope);
    if (!std::isinf(relu.limit)) add_real(relu.limit);
  }
  void add_relu(const std::optional<Relu>& relu) const {
    add(relu ? 1 : 0);
    if (relu) add_relu(*relu);
  }

  void operator()(const Input&) const {}
  void operator()(const Convolution& op) const { add_window(op.window), add(op.groups), add_relu(op.relu); }
  void operator()(const InnerProduct& op) const { add_relu(op.relu); }
  void operator()(const Pooling& op) const {
    add(static_cast<std::int64_t>(op.kind)), add(op.global ? 1 : 0);
    // A global pool's window is whatever the map is.
    if (!op.global) {
      add_window(op.window), add(static_cast<std::int64_t>(op.rounding));
      add(static_cast<std::int64_t>(op.divisor));
    }
  }
  void operator()(const Relu& op) const { add_relu(op); }
  void operator()(const Lrn& op) const {
    add(static_cast<std::int64_t>(op.region)), add(op.size);
    add_real(op.alpha), add_real(op.beta), add_real(op.k);
  }
  void operator()(const BatchNorm& op) const { add_real(op.epsilon); }
  void operator()(const ChannelAffine& op) const { add_relu(op.relu); }
  void operator()(const Concat& op) const { add(op.axis); }
  void operator()(const Eltwise& op) const {
    add(static_cast<std::int64_t>(op.kind)), add(static_cast<std::int64_t>(op.coefficients.size()));
    for (float c : op.coefficients) add_real(c);
    add_relu(op.relu);
  }
  void operator()(const Softmax& op) const {
    add(op.axis);
    if (op.logarithm) add(1);  // else no trace: hashes are older than the attribute
  }
  void operator()(const Flatten&) const {}  // the output's shape says it all
  void operator()(const Reshape&) const {}
  void operator()(const Identity&) const {}
  void operator()(const Pad& op) const {
    add(op.top), add(op.left), add(op.bottom), add(op.right), add_real(op.value);
  }
  void operator()(const Slice& op) const { add(op.first), add(op.count); }
  void operator()(const ChannelShuffle& op) const { add(op.groups); }
  void operator()(const Activation& op) const {
    add(static_cast<std::int64_t>(op.function));
    if (has_parameters(op.function)) add_real(op.a), add_real(op.b);
  }
};

void add_shape(base::Hasher& hasher, const Shape& shape) {
  hasher.add(static_cast<std::int64_t>(shape.rank()));
  for (std::int64_t d : shape.dims()) hasher.add(d);
}

}  // namespace

std::string where(const Node& node) {
  if (!node.origin.layer.empty()) return node.origin.to_string();
  Origin named = node.origin;
  named.layer = node.name;
  return named.to_string();
}

std::int64_t macs(const Graph& graph, const Node& node) {
  const bool counted =
      std::holds_alternative<Convolution>(node.op) || std::holds_alternative<InnerProduct>(node.op);
  if (!counted) return 0;
  const Shape weights = weight_shapes(graph, node, false)[0];
  return weights.elements_per_image() * graph.shape(node.outputs[0]).elements();
}

std::int64_t params(const Graph& /*graph*/, const Node& node) {
  std::int64_t total = 0;
  for (const Weights& w : node.weights) {
    if (!w.empty() || w.missing()) total += w.shape().elements();
  }
  return total;
}

std::string attributes(const Node& node) { return std::visit(AttributeText{node}, node.op); }

LayerInfo layer_info(const Graph& graph, const Node& node) {
  LayerInfo info;
  info.name = node.name;
  info.op = op_name(node.op);
  for (TensorId t : node.inputs) info.inputs.push_back(graph.tensors[static_cast<std::size_t>(t)].name);
  for (TensorId t : node.outputs) info.outputs.push_back(graph.tensors[static_cast<std::size_t>(t)].name);
  info.output_shape = graph.shape(node.outputs[0]);
  info.macs = macs(graph, node);
  info.params = params(graph, node);
  info.attributes = attributes(node);
  info.origin = node.origin;
  return info;
}

std::string hash(const Graph& graph) {
  base::Hasher hasher;
  const std::vector<char> live = graph.live_nodes();
  // Tensors are numbered in the order in which they are made, an Identity's output as its input, so that
  // names, ids, dead layers and layers that do nothing leave no trace.
  std::vector<std::int64_t> number(graph.tensors.size(), -1);
  std::int64_t next = 0;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (!live[n]) continue;
    if (std::holds_alternative<Identity>(node.op)) {
      for (TensorId t : node.outputs) {
        number[static_cast<std::size_t>(t)] = number[static_cast<std::size_t>(node.inputs[0])];
      }
      continue;
    }
    hasher.add(static_cast<std::int64_t>(node.op.index()));
    hasher.add(static_cast<std::int64_t>(node.inputs.size()));
    for (TensorId t : node.inputs) hasher.add(number[static_cast<std::size_t>(t)]);
    add_shape(hasher, graph.shape(node.outputs[0]));
    std::visit(AttributeHash{hasher}, node.op);
    for (std::size_t i = 0; i < 2; ++i) {
      const bool there = i < node.weights.size() && !node.weights[i].empty();
      hasher.add(std::int64_t{there});
      if (!there) continue;
      add_shape(hasher, node.weights[i].shape());
      hasher.add(node.weights[i].values());
      // No scales leave no trace: the hashes of networks without them are older.
      if (!node.weights[i].scales().empty()) hasher.add(node.weights[i].scales());
    }
    number[static_cast<std::size_t>(node.outputs[0])] = next++;
  }
  for (const std::vector<TensorId>* list : {&graph.inputs, &graph.outputs}) {
    hasher.add(static_cast<std::int64_t>(list->size()));
    for (TensorId t : *list) hasher.add(number[static_cast<std::size_t>(t)]);
  }
  return hasher.hex();
}

}  // namespace octet::graph
