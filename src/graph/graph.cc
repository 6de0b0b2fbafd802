#include "graph/graph.h"

#include <fmt/format.h>

#include <algorithm>

namespace octet {

std::string Origin::to_string() const {
  std::string text = file;
  if (!file.empty() && line > 0) text += fmt::format(":{}", line);
  if (layer.empty()) return text;
  return text.empty() ? fmt::format("layer '{}'", layer) : fmt::format("{}: layer '{}'", text, layer);
}

namespace graph {

Weights::Weights(Shape shape, std::span<const float> values) : shape_(std::move(shape)) {
  auto storage = std::make_shared<base::AlignedBuffer>(values.size_bytes());
  std::copy(values.begin(), values.end(), storage->floats());
  storage_ = std::move(storage);
}

Weights Weights::with_scales(std::shared_ptr<const std::vector<float>> scales) const {
  Weights result = *this;
  result.scales_ = std::move(scales);
  return result;
}

TensorId Graph::add_tensor(std::string tensor_name) {
  tensors.push_back({std::move(tensor_name), {}});
  return static_cast<TensorId>(tensors.size()) - 1;
}

TensorId Graph::add_node(std::string node_name, Op op, std::vector<TensorId> node_inputs,
                         std::vector<Weights> weights, Origin origin, std::string output) {
  const TensorId tensor = add_tensor(output.empty() ? node_name : std::move(output));
  nodes.push_back({std::move(node_name),
                   std::move(op),
                   std::move(node_inputs),
                   {tensor},
                   std::move(weights),
                   std::move(origin)});
  return tensor;
}

std::vector<std::vector<int>> Graph::consumers() const {
  std::vector<std::vector<int>> result(tensors.size());
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    for (TensorId t : nodes[n].inputs) result[static_cast<std::size_t>(t)].push_back(static_cast<int>(n));
  }
  return result;
}

std::vector<int> Graph::producers() const {
  std::vector<int> result(tensors.size(), -1);
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    for (TensorId t : nodes[n].outputs) result[static_cast<std::size_t>(t)] = static_cast<int>(n);
  }
  return result;
}

std::vector<char> Graph::live_nodes() const {
  std::vector<char> needed(tensors.size(), 0);
  std::vector<char> live(nodes.size(), 0);
  for (TensorId t : outputs) needed[static_cast<std::size_t>(t)] = 1;
  for (std::size_t n = nodes.size(); n-- > 0;) {
    const Node& node = nodes[n];
    live[n] = std::holds_alternative<Input>(node.op) ||
              std::any_of(node.outputs.begin(), node.outputs.end(),
                          [&](TensorId t) { return needed[static_cast<std::size_t>(t)] != 0; });
    if (!live[n]) continue;
    for (TensorId t : node.inputs) needed[static_cast<std::size_t>(t)] = 1;
  }
  return live;
}

const char* to_string(ActivationFunction function) {
  switch (function) {
    case ActivationFunction::kSigmoid:
      return "Sigmoid";
    case ActivationFunction::kTanh:
      return "Tanh";
    case ActivationFunction::kHardSigmoid:
      return "HardSigmoid";
    case ActivationFunction::kHardSwish:
      return "HardSwish";
    case ActivationFunction::kClip:
      return "Clip";
    case ActivationFunction::kRounding:
      return "Rounding";
  }
  return "Activation";
}

bool has_parameters(ActivationFunction function) {
  return function == ActivationFunction::kHardSigmoid || function == ActivationFunction::kClip ||
         function == ActivationFunction::kRounding;
}

bool is_rounding(const Op& op) {
  const auto* activation = std::get_if<Activation>(&op);
  return activation != nullptr && activation->function == ActivationFunction::kRounding;
}

namespace {

struct OpName {
  const char* operator()(const Input&) const { return "Input"; }
  const char* operator()(const Convolution&) const { return "Convolution"; }
  const char* operator()(const InnerProduct&) const { return "InnerProduct"; }
  const char* operator()(const Pooling&) const { return "Pooling"; }
  const char* operator()(const Relu&) const { return "ReLU"; }
  const char* operator()(const Lrn&) const { return "LRN"; }
  const char* operator()(const BatchNorm&) const { return "BatchNorm"; }
  const char* operator()(const ChannelAffine&) const { return "Scale"; }
  const char* operator()(const Concat&) const { return "Concat"; }
  const char* operator()(const Eltwise&) const { return "Eltwise"; }
  const char* operator()(const Softmax& op) const { return op.logarithm ? "LogSoftmax" : "Softmax"; }
  const char* operator()(const Flatten&) const { return "Flatten"; }
  const char* operator()(const Reshape&) const { return "Reshape"; }
  const char* operator()(const Pad&) const { return "Pad"; }
  const char* operator()(const Slice&) const { return "Slice"; }
  const char* operator()(const ChannelShuffle&) const { return "ChannelShuffle"; }
  const char* operator()(const Activation& op) const { return to_string(op.function); }
  const char* operator()(const Identity& op) const { return op.was.empty() ? "Identity" : op.was.c_str(); }
};

}  // namespace

const char* op_name(const Op& op) { return std::visit(OpName{}, op); }

}  // namespace graph
}  // namespace octet
