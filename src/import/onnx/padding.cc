#include "import/onnx/padding.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "graph/validate.h"

namespace octet::onnx {
namespace {

using graph::Node;
using graph::TensorId;

/// What becomes of a value of channel `c`; nullopt if the node is none of those that a border may pass.
std::optional<float> passed(const Node& node, float value, std::size_t c) {
  if (std::holds_alternative<graph::Identity>(node.op)) return value;
  if (const auto* affine = std::get_if<graph::ChannelAffine>(&node.op)) {
    if (affine->relu || !node.weights[0].empty() || node.weights[1].empty()) return std::nullopt;
    return value + node.weights[1].values()[c];
  }
  if (!graph::is_rounding(node.op)) return std::nullopt;
  const auto& rounding = std::get<graph::Activation>(node.op);
  constexpr float kLargest = 255;
  const float integer = std::clamp(std::nearbyint(value / rounding.a) + rounding.b, 0.0f, kLargest);
  return rounding.a * (integer - rounding.b);
}

class PaddingMover {
 public:
  explicit PaddingMover(graph::Graph& graph)
      : graph_(graph), producers_(graph.producers()), consumers_(graph.consumers()) {}

  void run() {
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n)
      if (std::holds_alternative<graph::Convolution>(graph_.nodes[n].op)) move_to(n);
    if (additions_.empty() && !moved_) return;
    insert_additions();
    graph::infer_shapes(graph_);
  }

 private:
  /// A node to be inserted before the one at `before`.
  struct Addition {
    std::size_t before;
    Node node;
  };

  bool is_for_one_reader(TensorId t) const {
    return consumers_[static_cast<std::size_t>(t)].size() == 1 &&
           std::find(graph_.outputs.begin(), graph_.outputs.end(), t) == graph_.outputs.end();
  }

  /// The nodes from a Pad of zeros on to just before the convolution; empty if there are none.
  std::vector<std::size_t> way_from_pad(const Node& convolution) const {
    std::vector<std::size_t> way;
    for (TensorId t = convolution.inputs[0];; t = graph_.nodes[way.back()].inputs[0]) {
      const int producer = producers_[static_cast<std::size_t>(t)];
      if (producer < 0 || !is_for_one_reader(t)) return {};
      way.push_back(static_cast<std::size_t>(producer));
      const Node& node = graph_.nodes[way.back()];
      if (const auto* pad = std::get_if<graph::Pad>(&node.op)) {
        std::reverse(way.begin(), way.end());
        return pad->value == 0 ? way : std::vector<std::size_t>();
      }
      if (!passed(node, 0, 0)) return {};
    }
  }

  void move_to(std::size_t n) {
    const auto& op = std::get<graph::Convolution>(graph_.nodes[n].op);
    const graph::Window& window = op.window;
    if (window.pad_top != 0 || window.pad_left != 0 || window.pad_bottom != 0 || window.pad_right != 0)
      return;
    const std::vector<std::size_t> way = way_from_pad(graph_.nodes[n]);
    if (way.size() < 2) return;  // next to each other they are for the optimiser
    std::vector<float> fill(static_cast<std::size_t>(graph_.shape(graph_.nodes[n].inputs[0])[1]), 0.0f);
    for (const std::size_t at : way)
      for (std::size_t c = 0; at != way.front() && c < fill.size(); ++c)
        fill[c] = *passed(graph_.nodes[at], fill[c], c);
    take_padding(graph_.nodes[way.front()], graph_.nodes[n]);
    if (std::any_of(fill.begin(), fill.end(), [](float value) { return value != 0; })) take_fill(n, fill);
    moved_ = true;
  }

  static void take_padding(Node& from, Node& convolution) {
    const auto pad = std::get<graph::Pad>(from.op);
    from.op = graph::Identity{"Pad"};
    graph::Window& window = std::get<graph::Convolution>(convolution.op).window;
    window.pad_top = pad.top, window.pad_left = pad.left;
    window.pad_bottom = pad.bottom, window.pad_right = pad.right;
  }

  void take_fill(std::size_t n, const std::vector<float>& fill) {
    Node& convolution = graph_.nodes[n];
    const Shape channels{static_cast<std::int64_t>(fill.size())};
    std::vector<float> negative(fill.size());
    std::transform(fill.begin(), fill.end(), negative.begin(), [](float value) { return -value; });
    const TensorId shifted = graph_.add_tensor(convolution.name + "@unshifted");
    additions_.push_back({n, Node{convolution.name + "@unshifted",
                                  graph::ChannelAffine{},
                                  {convolution.inputs[0]},
                                  {shifted},
                                  {graph::Weights(), graph::Weights(channels, negative)},
                                  convolution.origin}});
    convolution.inputs[0] = shifted;
    graph::Weights bias = bias_with(convolution, fill);
    convolution.weights.resize(1);
    convolution.weights.push_back(std::move(bias));
  }

  static graph::Weights bias_with(const Node& convolution, const std::vector<float>& fill) {
    const auto& op = std::get<graph::Convolution>(convolution.op);
    const std::span<const float> weights = convolution.weights[0].values();
    const Shape& shape = convolution.weights[0].shape();
    const auto inputs = static_cast<std::size_t>(shape[1]),
               taps = static_cast<std::size_t>(shape[2] * shape[3]);
    const auto outputs = static_cast<std::size_t>(shape[0]), groups = static_cast<std::size_t>(op.groups);
    std::vector<float> sums;
    for (std::size_t k = 0; k < outputs; ++k) {
      const std::span<const float> of_group =
          std::span(fill).subspan(k / (outputs / groups) * inputs, inputs);
      double sum =
          convolution.weights.size() > 1 ? static_cast<double>(convolution.weights[1].values()[k]) : 0.0;
      for (std::size_t c = 0; c < inputs; ++c)
        for (std::size_t t = 0; t < taps; ++t)
          sum += static_cast<double>(of_group[c]) * static_cast<double>(weights[(k * inputs + c) * taps + t]);
      sums.push_back(static_cast<float>(sum));
    }
    return {Shape{shape[0]}, sums};
  }

  void insert_additions() {
    for (auto addition = additions_.rbegin(); addition != additions_.rend(); ++addition)
      graph_.nodes.insert(graph_.nodes.begin() + static_cast<std::ptrdiff_t>(addition->before),
                          std::move(addition->node));
  }

  graph::Graph& graph_;
  std::vector<int> producers_;
  std::vector<std::vector<int>> consumers_;
  std::vector<Addition> additions_;  // in the order of the nodes
  bool moved_ = false;
};

}  // namespace

void give_padding_to_convolutions(graph::Graph& graph) { PaddingMover(graph).run(); }

}  // namespace octet::onnx
