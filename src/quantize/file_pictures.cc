#include "quantize/file_pictures.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "graph/channel_shift.h"
#include "kernels/layout.h"

namespace octet::quantize {
namespace {

using graph::Node;
using graph::TensorId;

std::size_t place_of(int i) { return static_cast<std::size_t>(i); }

/// A convolution that is to read the input itself, and what to add to its input's channels.
struct FirstLayer {
  int node;
  std::vector<float> shift;
};

class FilePictures {
 public:
  explicit FilePictures(graph::Graph& graph)
      : graph_(graph), consumers_(graph.consumers()), goes_(graph.nodes.size(), 0) {}

  std::map<TensorId, std::vector<float>> take() {
    std::map<TensorId, std::vector<float>> means;
    for (const TensorId input : graph_.inputs) {
      if (auto mean = take_input(input)) means.emplace(input, std::move(*mean));
    }
    std::size_t n = 0;
    std::erase_if(graph_.nodes, [&](const Node&) { return goes_[n++] != 0; });
    return means;
  }

 private:
  Node& node(int n) { return graph_.nodes[place_of(n)]; }
  const std::vector<int>& readers(const Node& of) const { return consumers_[place_of(of.outputs[0])]; }
  bool is_output(const Node& of) const {
    return std::find(graph_.outputs.begin(), graph_.outputs.end(), of.outputs[0]) != graph_.outputs.end();
  }

  /// What a node adds to each channel, if it does nothing else.
  std::optional<std::span<const float>> shift_of(const Node& of) const {
    return is_output(of) ? std::nullopt : graph::channel_shift(of);
  }
  bool rounds_to_bytes(const Node& of) const {
    const auto* op = std::get_if<graph::Activation>(&of.op);
    return op != nullptr && graph::is_rounding(of.op) && op->a == 1 && op->b == 0 && !is_output(of);
  }
  static bool reads_bytes(const Node& of) {
    const auto* conv = std::get_if<graph::Convolution>(&of.op);
    return conv != nullptr && conv->groups == 1 && of.inputs.size() == 1 && !of.weights[0].scales().empty();
  }
  static bool is_padded(const graph::Window& w) {
    return w.pad_top != 0 || w.pad_left != 0 || w.pad_bottom != 0 || w.pad_right != 0;
  }

  /// The mean, if all that reads the input are first layers on bytes; these then read the input.
  std::optional<std::vector<float>> take_input(TensorId input) {
    const Shape shape = graph_.shape(input);
    const std::vector<int>& shifts = consumers_[place_of(input)];
    if (shape.rank() != 4 || shape[1] > kernels::kChannelQuad || shifts.empty()) return std::nullopt;
    const auto mean = shift_of(node(shifts[0]));
    if (!mean) return std::nullopt;
    std::vector<FirstLayer> layers;
    std::vector<int> between;
    for (const int n : shifts) {
      const auto same = shift_of(node(n));
      if (!same || !std::equal(mean->begin(), mean->end(), same->begin(), same->end())) return std::nullopt;
      between.push_back(n);
      if (!collect(readers(node(n)), *mean, layers, between)) return std::nullopt;
    }
    const std::vector<float> result(mean->begin(), mean->end());
    for (const FirstLayer& layer : layers) read_input(layer, input);
    for (const int n : between) goes_[place_of(n)] = 1;
    return result;
  }

  /// Roundings of the shifted input, and the layers that read them.
  bool collect(const std::vector<int>& roundings, std::span<const float> mean,
               std::vector<FirstLayer>& layers, std::vector<int>& between) {
    for (const int n : roundings) {
      if (!rounds_to_bytes(node(n))) return false;
      between.push_back(n);
      for (const int reader : readers(node(n))) {
        std::vector<float> shift(mean.begin(), mean.end());
        if (reads_bytes(node(reader))) {
          if (is_padded(std::get<graph::Convolution>(node(reader).op).window)) return false;
          layers.push_back({reader, std::move(shift)});
        } else if (!collect_padded(reader, std::move(shift), layers, between)) {
          return false;
        }
      }
    }
    return !roundings.empty();
  }

  /// Layers behind the subtraction of what fills their padding.
  bool collect_padded(int subtraction, std::vector<float> shift, std::vector<FirstLayer>& layers,
                      std::vector<int>& between) {
    const auto negative = shift_of(node(subtraction));
    if (!negative) return false;
    for (std::size_t c = 0; c < shift.size(); ++c) {
      if ((*negative)[c] != -std::nearbyint(shift[c])) return false;
      shift[c] += (*negative)[c];
    }
    between.push_back(subtraction);
    for (const int reader : readers(node(subtraction))) {
      if (!reads_bytes(node(reader))) return false;
      layers.push_back({reader, shift});
    }
    return true;
  }

  void read_input(const FirstLayer& layer, TensorId input) {
    Node& conv = node(layer.node);
    conv.inputs[0] = input;
    graph::Weights bias = graph::bias_with_shift(conv, layer.shift);
    conv.weights.resize(1);
    conv.weights.push_back(std::move(bias));
  }

  graph::Graph& graph_;
  const std::vector<std::vector<int>> consumers_;
  std::vector<char> goes_;  // by node
};

}  // namespace

std::map<TensorId, std::vector<float>> take_file_pictures(graph::Graph& graph) {
  return FilePictures(graph).take();
}

}  // namespace octet::quantize
