#include "reference/interpreter.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <thread>

#include "base/limits.h"
#include "cpu/float_environment.h"
#include "graph/describe.h"
#include "graph/validate.h"
#include "octet/error.h"
#include "octet/reference.h"
#include "reference/operations.h"

namespace octet::reference {
namespace {

using graph::Graph;
using graph::Node;
using graph::TensorId;

std::size_t index(TensorId t) { return static_cast<std::size_t>(t); }

int settle_threads(int threads) {
  if (threads < 0 || threads > base::kMaxThreads) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("threads: expected 0 to {}, got {}", base::kMaxThreads, threads));
  }
  if (threads > 0) return threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

/// One run over a graph whose outputs are the wanted tensors.
class Interpreter {
 public:
  Interpreter(const Graph& graph, int batch, std::span<const std::span<const float>> inputs, int threads)
      : graph_(graph), batch_(batch), inputs_(inputs), parallel_(threads), values_(graph.tensors.size()) {}

  void run() {
    const std::vector<char> live = graph_.live_nodes();
    const std::vector<std::size_t> last_use = last_uses(live);
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (!live[n]) continue;
      node_ = &graph_.nodes[n];
      for (TensorId t : node_->outputs) {
        values_[index(t)].resize(static_cast<std::size_t>(batched(t).elements()));
      }
      std::visit([this](const auto& op) { execute(op); }, node_->op);
      for (TensorId t : node_->inputs) {
        if (last_use[index(t)] == n) values_[index(t)] = {};
      }
    }
  }

  std::vector<float>& values(TensorId t) { return values_[index(t)]; }

 private:
  static constexpr std::size_t kKept = static_cast<std::size_t>(-1);

  /// The node after which each tensor can go; kKept for the graph's outputs.
  std::vector<std::size_t> last_uses(const std::vector<char>& live) const {
    std::vector<std::size_t> last(graph_.tensors.size(), kKept);
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (!live[n]) continue;
      for (TensorId t : graph_.nodes[n].inputs) last[index(t)] = n;
    }
    for (TensorId t : graph_.outputs) last[index(t)] = kKept;
    return last;
  }

  Shape batched(TensorId t) const {
    Shape shape = graph_.shape(t);
    shape[0] = batch_;
    return shape;
  }
  Input in(std::size_t i = 0) const {
    const TensorId t = node_->inputs[i];
    return {batched(t), values_[index(t)]};
  }
  std::vector<Input> all_in() const {
    std::vector<Input> result;
    for (std::size_t i = 0; i < node_->inputs.size(); ++i) result.push_back(in(i));
    return result;
  }
  Output out() { return {batched(node_->outputs[0]), values_[index(node_->outputs[0])]}; }
  std::span<const float> weights(std::size_t i) const {
    if (i >= node_->weights.size()) return {};
    return node_->weights[i].values();
  }
  void copy_through() {
    for (TensorId t : node_->outputs) values_[index(t)] = values_[index(node_->inputs[0])];
  }

  void execute(const graph::Input&) {
    const auto at = std::find(graph_.inputs.begin(), graph_.inputs.end(), node_->outputs[0]);
    const std::span<const float> given = inputs_[static_cast<std::size_t>(at - graph_.inputs.begin())];
    values_[index(node_->outputs[0])].assign(given.begin(), given.end());
  }
  void execute(const graph::Convolution& op) {
    const std::span<const float> residual =
        node_->inputs.size() > 1 ? in(1).values : std::span<const float>();
    convolution(op, in(), weights(0), weights(1), residual, out(), parallel_);
  }
  void execute(const graph::InnerProduct& op) {
    inner_product(op, in(), weights(0), weights(1), out(), parallel_);
  }
  void execute(const graph::Pooling& op) { pooling(op, in(), out(), parallel_); }
  void execute(const graph::Relu& op) { relu(op, in(), out()); }
  void execute(const graph::Pad& op) { pad(op, in(), out()); }
  void execute(const graph::Slice& op) { slice(op, in(), out()); }
  void execute(const graph::ChannelShuffle& op) { channel_shuffle(op, in(), out()); }
  void execute(const graph::Activation& op) { activation(op, in(), out()); }
  void execute(const graph::Lrn& op) { lrn(op, in(), out(), parallel_); }
  void execute(const graph::BatchNorm& op) { batch_norm(op, in(), weights(0), weights(1), out()); }
  void execute(const graph::ChannelAffine& op) { channel_affine(op, in(), weights(0), weights(1), out()); }
  void execute(const graph::Concat& op) { concat(op, all_in(), out()); }
  void execute(const graph::Eltwise& op) { eltwise(op, all_in(), out()); }
  void execute(const graph::Softmax& op) { softmax(op, in(), out()); }
  void execute(const graph::Flatten&) { copy_through(); }
  void execute(const graph::Reshape&) { copy_through(); }
  void execute(const graph::Identity&) { copy_through(); }

  const Graph& graph_;
  const int batch_;
  const std::span<const std::span<const float>> inputs_;
  Parallel parallel_;
  std::vector<std::vector<float>> values_;  // by TensorId
  const Node* node_ = nullptr;
};

void check_batch(const Graph& graph, int batch) {
  if (batch < 1) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("batch: expected at least 1, got {}", batch));
  }
  for (const Node& node : graph.nodes) {
    for (TensorId t : node.outputs) {
      if (graph.shape(t).elements() <= graph::kMaxElements / batch) continue;
      throw Error(ErrorCode::kMemoryLimit,
                  fmt::format("{}: {} images of {} are more than {} elements", graph::where(node), batch,
                              graph.shape(t).to_string(), graph::kMaxElements));
    }
  }
}

void check_inputs(const Graph& graph, int batch, std::span<const std::span<const float>> inputs) {
  if (inputs.size() != graph.inputs.size()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("network '{}' has {} inputs, got {}", graph.name,
                                                         graph.inputs.size(), inputs.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const graph::Tensor& tensor = graph.tensors[index(graph.inputs[i])];
    const auto expected = static_cast<std::size_t>(tensor.shape.elements() * batch);
    if (inputs[i].size() == expected) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("input '{}': expected {} floats for {} images of {}, got {}", tensor.name,
                            expected, batch, tensor.shape.to_string(), inputs[i].size()));
  }
}

}  // namespace

std::vector<std::vector<float>> run_graph(const Graph& graph, int batch,
                                          std::span<const std::span<const float>> inputs,
                                          std::span<const TensorId> wanted, int threads) {
  threads = settle_threads(threads);
  Graph asked = graph;
  asked.outputs.assign(wanted.begin(), wanted.end());
  graph::validate(asked);
  graph::check_weights_there(asked);
  check_batch(asked, batch);
  check_inputs(asked, batch, inputs);
  try {
    Interpreter interpreter(asked, batch, inputs, threads);
    interpreter.run();
    std::vector<std::vector<float>> result;
    for (TensorId t : wanted) result.push_back(interpreter.values(t));
    return result;
  } catch (const std::bad_alloc&) {
    throw Error(
        ErrorCode::kMemoryLimit,
        fmt::format("network '{}': not enough memory for the reference on {} images", graph.name, batch));
  }
}

std::vector<std::vector<float>> run_graph_all(const Graph& graph, int batch,
                                              std::span<const std::span<const float>> inputs, int threads) {
  std::vector<TensorId> made;
  for (const Node& node : graph.nodes) made.insert(made.end(), node.outputs.begin(), node.outputs.end());
  std::vector<std::vector<float>> values = run_graph(graph, batch, inputs, made, threads);
  std::vector<std::vector<float>> by_id(graph.tensors.size());
  for (std::size_t i = 0; i < made.size(); ++i) by_id[index(made[i])] = std::move(values[i]);
  return by_id;
}

}  // namespace octet::reference

namespace octet {

std::vector<std::vector<float>> run_reference(const Network& network, int batch,
                                              std::span<const std::span<const float>> inputs, int threads) {
  const cpu::ScopedFloatEnvironment float_environment(cpu::Denormals::kKept);
  const graph::Graph& graph = network.graph();
  return reference::run_graph(graph, batch, inputs, graph.outputs, threads);
}

}  // namespace octet
