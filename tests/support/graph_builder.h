// Small graphs for tests, written in one line a layer, with weights from a seed.
#pragma once

#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "graph/validate.h"

namespace octet::test {

class GraphBuilder {
 public:
  explicit GraphBuilder(std::uint32_t seed = 1) : random_(seed) { graph_.name = "test"; }

  graph::TensorId input(Shape shape, std::string name = "data") {
    const graph::TensorId t = graph_.add_node(std::move(name), graph::Input{}, {});
    graph_.tensors[static_cast<std::size_t>(t)].shape = std::move(shape);
    graph_.inputs.push_back(t);
    return t;
  }

  /// Any node; weights as given.
  graph::TensorId node(graph::Op op, std::vector<graph::TensorId> inputs,
                       std::vector<graph::Weights> weights = {}, std::string name = {}) {
    if (name.empty()) name = "layer" + std::to_string(graph_.nodes.size());
    const graph::TensorId t = graph_.add_node(name, std::move(op), std::move(inputs), std::move(weights));
    graph::infer_shapes(graph_);
    return t;
  }

  graph::TensorId convolution(graph::TensorId in, graph::Convolution op, bool bias = true,
                              std::string name = {}) {
    const std::int64_t taps = graph_.shape(in)[1] / op.groups * op.window.kernel_h * op.window.kernel_w;
    const float size = 1.0f / static_cast<float>(taps);
    std::vector<graph::Weights> weights = {random_weights(
        {op.out_channels, graph_.shape(in)[1] / op.groups, op.window.kernel_h, op.window.kernel_w}, -2 * size,
        3 * size)};
    if (bias) weights.push_back(random_weights({op.out_channels}));
    return node(op, {in}, std::move(weights), std::move(name));
  }
  graph::TensorId inner_product(graph::TensorId in, std::int64_t out_features, bool bias = true) {
    const std::int64_t features = graph_.shape(in).elements_per_image();
    std::vector<graph::Weights> weights = {random_weights({out_features, features})};
    if (bias) weights.push_back(random_weights({out_features}));
    return node(graph::InnerProduct{out_features, {}}, {in}, std::move(weights));
  }
  graph::TensorId batch_norm(graph::TensorId in) {
    const Shape channels{graph_.shape(in)[1]};
    return node(graph::BatchNorm{}, {in}, {random_weights(channels), random_weights(channels, 0.1f, 2.0f)});
  }
  graph::TensorId affine(graph::TensorId in, bool scale = true, bool shift = true) {
    const Shape channels{graph_.shape(in)[1]};
    return node(graph::ChannelAffine{}, {in},
                {scale ? random_weights(channels) : graph::Weights(),
                 shift ? random_weights(channels) : graph::Weights()});
  }
  graph::TensorId relu(graph::TensorId in, float slope = 0,
                       float limit = std::numeric_limits<float>::infinity()) {
    return node(graph::Relu{slope, limit}, {in});
  }
  graph::TensorId sum(std::vector<graph::TensorId> in) { return node(graph::Eltwise{}, std::move(in)); }
  graph::TensorId identity(graph::TensorId in) { return node(graph::Identity{"Dropout"}, {in}); }

  graph::Weights random_weights(Shape shape, float low = -1, float high = 1) {
    std::uniform_real_distribution<float> distribution(low, high);
    std::vector<float> values(static_cast<std::size_t>(shape.elements()));
    for (float& v : values) v = distribution(random_);
    return {std::move(shape), values};
  }
  std::mt19937& random() { return random_; }

  const graph::Graph& graph() const { return graph_; }
  /// The finished graph, checked.
  graph::Graph finish(std::vector<graph::TensorId> outputs) {
    graph_.outputs = std::move(outputs);
    graph::validate(graph_);
    return graph_;
  }

 private:
  graph::Graph graph_;
  std::mt19937 random_;
};

/// `kernel` x `kernel` with the same stride and padding both ways.
inline graph::Window square_window(std::int64_t kernel, std::int64_t stride = 1, std::int64_t pad = 0) {
  return {.kernel_h = kernel,
          .kernel_w = kernel,
          .stride_h = stride,
          .stride_w = stride,
          .pad_top = pad,
          .pad_left = pad,
          .pad_bottom = pad,
          .pad_right = pad};
}

}  // namespace octet::test
