#include "import/onnx/padding.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "graph/channel_shift.h"
#include "graph/validate.h"

namespace octet::onnx {
namespace {

using graph::Node;
using graph::TensorId;

/// What becomes of a value of channel `c`; nullopt if the node is none of those that a border may pass.
std::optional<float> passed(const Node& node, float value, std::size_t c) {
  if (std::holds_alternative<graph::Identity>(node.op)) return value;
  if (const auto shift = graph::channel_shift(node)) return value + (*shift)[c];
  if (!graph::is_rounding(node.op)) return std::nullopt;
  const auto& rounding = std::get<graph::Activation>(node.op);
  constexpr float kLargest = 255;
  const float integer = std::clamp(std::nearbyint(value / rounding.a) + rounding.b, 0.0f, kLargest);
  return rounding.a * (integer - rounding.b);
}

class PaddingMover {
 public:
  explicit PaddingMover(graph::Graph& graph)
      : graph_(graph),
        producers_(graph.producers()),
        consumers_(graph.consumers()),
        goes_(graph.nodes.size(), 0),
        subtractions_(graph.nodes.size()) {}

  void run() {
    const std::size_t nodes = graph_.nodes.size();
    for (std::size_t n = 0; n < nodes; ++n)
      if (std::holds_alternative<graph::Convolution>(graph_.nodes[n].op)) move_to(n);
    if (std::count(goes_.begin(), goes_.end(), 0) == static_cast<std::ptrdiff_t>(nodes)) return;
    std::vector<Node> all;
    for (std::size_t n = 0; n < nodes; ++n) {
      if (subtractions_[n]) all.push_back(std::move(*subtractions_[n]));
      if (goes_[n] == 0) all.push_back(std::move(graph_.nodes[n]));
    }
    graph_.nodes = std::move(all);
    graph::infer_shapes(graph_);
  }

 private:
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
    Node& convolution = graph_.nodes[n];
    graph::Window& window = std::get<graph::Convolution>(convolution.op).window;
    if (window.pad_top != 0 || window.pad_left != 0 || window.pad_bottom != 0 || window.pad_right != 0)
      return;
    const std::vector<std::size_t> way = way_from_pad(convolution);
    const auto is_identity = [&](std::size_t at) {
      return std::holds_alternative<graph::Identity>(graph_.nodes[at].op);
    };
    // Next to each other they are for the optimiser.
    if (way.empty() || std::all_of(way.begin() + 1, way.end(), is_identity)) return;
    std::vector<float> fill(static_cast<std::size_t>(graph_.shape(convolution.inputs[0])[1]), 0.0f);
    TensorId map = graph_.nodes[way.front()].inputs[0];
    for (const std::size_t at : way) {
      Node& node = graph_.nodes[at];
      goes_[at] = static_cast<char>(at == way.front() || is_identity(at));
      if (goes_[at] != 0) continue;
      for (std::size_t c = 0; c < fill.size(); ++c) fill[c] = *passed(node, fill[c], c);
      node.inputs[0] = map;
      map = node.outputs[0];
    }
    const auto& pad = std::get<graph::Pad>(graph_.nodes[way.front()].op);
    window.pad_top = pad.top, window.pad_left = pad.left;
    window.pad_bottom = pad.bottom, window.pad_right = pad.right;
    convolution.inputs[0] = map;
    if (std::any_of(fill.begin(), fill.end(), [](float value) { return value != 0; })) take_fill(n, fill);
  }

  void take_fill(std::size_t n, const std::vector<float>& fill) {
    Node& convolution = graph_.nodes[n];
    const Shape channels{static_cast<std::int64_t>(fill.size())};
    std::vector<float> negative(fill.size());
    std::transform(fill.begin(), fill.end(), negative.begin(), [](float value) { return -value; });
    const std::string name = convolution.name + "@unshifted";
    const TensorId shifted = graph_.add_tensor(name);
    subtractions_[n] = Node{name,
                            graph::ChannelAffine{},
                            {convolution.inputs[0]},
                            {shifted},
                            {graph::Weights(), graph::Weights(channels, negative)},
                            convolution.origin};
    convolution.inputs[0] = shifted;
    graph::Weights bias = graph::bias_with_shift(convolution, fill);
    convolution.weights.resize(1);
    convolution.weights.push_back(std::move(bias));
  }

  graph::Graph& graph_;
  std::vector<int> producers_;
  std::vector<std::vector<int>> consumers_;
  std::vector<char> goes_;                         // by node
  std::vector<std::optional<Node>> subtractions_;  // of the fill, by the convolution before which they stand
};

}  // namespace

void give_padding_to_convolutions(graph::Graph& graph) { PaddingMover(graph).run(); }

}  // namespace octet::onnx
