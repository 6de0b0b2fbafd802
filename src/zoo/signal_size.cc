#include "zoo/signal_size.h"

#include <algorithm>
#include <cmath>

namespace octet::zoo {
namespace {

using graph::Graph;
using graph::Node;
using graph::TensorId;

// Between the two inputs that synthetic weights meet, each a factor of eleven away: uniform values in [-1,
// 1], of size 0.58, and pixels less their mean, of size 70.
constexpr double kInputSize = 6.5;
constexpr double kScoreSize = 0.5;
constexpr double kResidualGain = 0.25;
constexpr double kBiasShare = 0.02;     // of the signal's size
constexpr double kChannelSpread = 0.1;  // of a batch norm's statistics and a scale's factors
constexpr double kMaxPoolGain = 1.5;    // roughly, for 2x2 and 3x3 windows of rectified values
constexpr double kAveragePoolGain = 0.75;
const double kRootTwo = std::sqrt(2.0);

std::size_t at(int index) { return static_cast<std::size_t>(index); }

template <typename T>
bool is(const Node& node) {
  return std::holds_alternative<T>(node.op);
}

bool multiplies(const Node& node) { return is<graph::Convolution>(node) || is<graph::InnerProduct>(node); }

class Walk {
 public:
  explicit Walk(const Graph& graph)
      : graph_(graph),
        consumers_(graph.consumers()),
        producers_(graph.producers()),
        size_(graph.tensors.size(), kInputSize),
        damped_(graph.nodes.size(), false),
        read_by_layer_(graph.tensors.size(), false) {
    for (const Node& node : graph.nodes) {
      const auto* lrn = std::get_if<graph::Lrn>(&node.op);
      if (lrn == nullptr || !(lrn->alpha > 0) || !(lrn->k > 0)) continue;
      const double size_that_matters =
          std::sqrt(static_cast<double>(lrn->k) / static_cast<double>(lrn->alpha)) / 4;
      working_size_ = std::clamp(size_that_matters, 1.0, 64.0);
    }
    find_last_layers();
    find_residual_branches();
  }

  std::vector<std::vector<Distribution>> run() {
    std::vector<std::vector<Distribution>> plan(graph_.nodes.size());
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      double out = 0;
      plan[n] = visit(node, n, out);
      // The bounds are against nonsense, as a sum whose coefficients are all zero.
      for (TensorId t : node.outputs) size_[at(t)] = std::min(1e6, std::max(1e-6, out));
    }
    return plan;
  }

 private:
  /// Marks the tensors on whose value a later convolution or inner product depends.
  void find_last_layers() {
    for (std::size_t n = graph_.nodes.size(); n-- > 0;) {
      const Node& node = graph_.nodes[n];
      bool read = multiplies(node);
      for (TensorId t : node.outputs) read = read || read_by_layer_[at(t)];
      for (TensorId t : node.inputs) {
        if (read) read_by_layer_[at(t)] = true;
      }
    }
  }

  /// Of the inputs of a sum the deepest, counted in convolutions, is the branch and the others are shortcuts;
  /// the layer that decides the branch's size is damped.
  void find_residual_branches() {
    std::vector<int> depth(graph_.tensors.size(), 0);
    for (const Node& node : graph_.nodes) {
      int deepest = 0;
      TensorId branch = -1;
      for (TensorId t : node.inputs) {
        if (depth[at(t)] >= deepest) deepest = depth[at(t)], branch = t;
      }
      for (TensorId t : node.outputs) depth[at(t)] = deepest + (multiplies(node) ? 1 : 0);
      const auto* sum = std::get_if<graph::Eltwise>(&node.op);
      if (sum && sum->kind == graph::EltwiseKind::kSum) damp(branch);
    }
  }

  void damp(TensorId branch) {
    while (branch >= 0) {
      const int maker = producers_[at(branch)];
      const Node& node = graph_.nodes[at(maker)];
      if (multiplies(node) || is<graph::ChannelAffine>(node)) {
        damped_[at(maker)] = true;
        return;
      }
      if (!is<graph::Identity>(node)) return;
      branch = node.inputs[0];
    }
  }

  /// Whether a tensor's only way on leads into a ReLU, past layers that work on each channel alone.
  bool relu_follows(TensorId tensor) const {
    while (consumers_[at(tensor)].size() == 1) {
      const Node& next = graph_.nodes[at(consumers_[at(tensor)][0])];
      if (is<graph::Relu>(next)) return true;
      if (!is<graph::BatchNorm>(next) && !is<graph::ChannelAffine>(next) && !is<graph::Identity>(next)) {
        return false;
      }
      tensor = next.outputs[0];
    }
    return false;
  }

  bool is_input(TensorId tensor) const {
    const int maker = producers_[at(tensor)];
    return maker >= 0 && is<graph::Input>(graph_.nodes[at(maker)]);
  }

  std::vector<Distribution> visit(const Node& node, std::size_t n, double& out) const {
    if (node.inputs.empty()) return out = kInputSize, std::vector<Distribution>{};
    const double in = size_[at(node.inputs[0])];
    out = in;
    if (multiplies(node)) return layer(node, n, in, out);
    if (is<graph::BatchNorm>(node)) {
      out = 1;
      return {{0, kChannelSpread * in}, {in * in, kChannelSpread * in * in}};
    }
    if (is<graph::ChannelAffine>(node)) {
      const double gain = damped_[n] ? kResidualGain : 1;
      out = gain * in;
      return {{gain, kChannelSpread * gain}, {0, kBiasShare * in}};
    }
    out = size_without_weights(node, in);
    return {};
  }

  std::vector<Distribution> layer(const Node& node, std::size_t n, double in, double& out) const {
    const Shape& weights = node.weights.empty() ? Shape{1, 1} : node.weights[0].shape();
    const double fan_in = static_cast<double>(std::max<std::int64_t>(1, weights.elements_per_image()));
    out = is_input(node.inputs[0]) ? working_size_ : in;
    if (!read_by_layer_[at(node.outputs[0])]) out = kScoreSize;
    if (relu_follows(node.outputs[0])) out *= kRootTwo;
    if (damped_[n]) out *= kResidualGain;
    return {{0, out / in / std::sqrt(fan_in)}, {0, kBiasShare * out}};
  }

  double size_without_weights(const Node& node, double in) const {
    if (is<graph::Relu>(node)) {
      // A ReLU takes half the energy of a signal around zero. A residual sum is not one: its shortcut is
      // rectified already.
      const int maker = producers_[at(node.inputs[0])];
      return is<graph::Eltwise>(graph_.nodes[at(maker)]) ? in : in / kRootTwo;
    }
    if (const auto* pool = std::get_if<graph::Pooling>(&node.op)) {
      return in * (pool->kind == graph::PoolKind::kMax ? kMaxPoolGain : kAveragePoolGain);
    }
    if (is<graph::Concat>(node)) return concatenated_size(node);
    if (const auto* eltwise = std::get_if<graph::Eltwise>(&node.op)) return combined_size(node, *eltwise);
    return in;
  }

  double concatenated_size(const Node& node) const {
    double energy = 0, elements = 0;
    for (TensorId t : node.inputs) {
      const double share = static_cast<double>(graph_.shape(t).elements());
      energy += share * size_[at(t)] * size_[at(t)];
      elements += share;
    }
    return std::sqrt(energy / elements);
  }

  double combined_size(const Node& node, const graph::Eltwise& eltwise) const {
    double energy = 0, product = 1, largest = 0;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const double size = size_[at(node.inputs[i])];
      const double weighted =
          eltwise.coefficients.empty() ? size : size * static_cast<double>(eltwise.coefficients[i]);
      energy += weighted * weighted;
      product *= size;
      largest = std::max(largest, size);
    }
    switch (eltwise.kind) {
      case graph::EltwiseKind::kSum:
        return std::sqrt(energy);
      case graph::EltwiseKind::kProduct:
        return product;
      case graph::EltwiseKind::kQuotient:
        return size_[at(node.inputs[0])] / size_[at(node.inputs[1])];
      case graph::EltwiseKind::kMax:
      case graph::EltwiseKind::kMin:
        return largest;
    }
    return largest;
  }

  const Graph& graph_;
  const std::vector<std::vector<int>> consumers_;
  const std::vector<int> producers_;
  std::vector<double> size_;  // estimated root mean square, by tensor
  std::vector<bool> damped_;  // by node
  std::vector<bool> read_by_layer_;
  double working_size_ = 1;
};

}  // namespace

std::vector<std::vector<Distribution>> plan_weights(const Graph& graph) { return Walk(graph).run(); }

}  // namespace octet::zoo
