#include "zoo/network_builder.h"

#include <utility>

#include "graph/validate.h"

namespace octet::zoo {
namespace {

graph::Window square(std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
  return {.kernel_h = kernel,
          .kernel_w = kernel,
          .stride_h = stride,
          .stride_w = stride,
          .pad_top = pad,
          .pad_left = pad,
          .pad_bottom = pad,
          .pad_right = pad};
}

}  // namespace

NetworkBuilder::Blob NetworkBuilder::add(const std::string& name, graph::Op op, std::vector<Blob> in,
                                         bool bias) {
  has_bias_.push_back(bias);
  return graph_.add_node(name, std::move(op), std::move(in), {}, Origin{{}, 0, name});
}

NetworkBuilder::Blob NetworkBuilder::add_in_place(const std::string& name, graph::Op op, Blob in, bool bias) {
  const Blob out = add(name, std::move(op), {in}, bias);
  const std::size_t maker = static_cast<std::size_t>(graph_.producers()[static_cast<std::size_t>(in)]);
  graph::Tensor& before = graph_.tensors[static_cast<std::size_t>(in)];
  graph_.tensors[static_cast<std::size_t>(out)].name = before.name;
  before.name += "@" + graph_.nodes[maker].name;
  return out;
}

NetworkBuilder::Blob NetworkBuilder::input(std::int64_t height, std::int64_t width,
                                           const std::string& layer) {
  has_bias_.push_back(false);
  const Blob blob = graph_.add_node(layer, graph::Input{}, {}, {}, Origin{{}, 0, layer}, "data");
  graph_.tensors[static_cast<std::size_t>(blob)].shape = {1, 3, height, width};
  graph_.inputs.push_back(blob);
  return blob;
}

NetworkBuilder::Blob NetworkBuilder::convolution(const std::string& name, Blob in,
                                                 const ConvolutionSpec& spec) {
  return add(name,
             graph::Convolution{.window = square(spec.kernel, spec.stride, spec.pad),
                                .out_channels = spec.out_channels,
                                .groups = spec.groups},
             {in}, spec.bias);
}

NetworkBuilder::Blob NetworkBuilder::inner_product(const std::string& name, Blob in,
                                                   std::int64_t out_features) {
  return add(name, graph::InnerProduct{.out_features = out_features}, {in}, true);
}

NetworkBuilder::Blob NetworkBuilder::add_pool(const std::string& name, graph::PoolKind kind, Blob in,
                                              const PoolingSpec& spec) {
  return add(name, graph::Pooling{.kind = kind, .window = square(spec.kernel, spec.stride, spec.pad)}, {in});
}

NetworkBuilder::Blob NetworkBuilder::max_pool(const std::string& name, Blob in, const PoolingSpec& spec) {
  return add_pool(name, graph::PoolKind::kMax, in, spec);
}

NetworkBuilder::Blob NetworkBuilder::average_pool(const std::string& name, Blob in, const PoolingSpec& spec) {
  return add_pool(name, graph::PoolKind::kAverage, in, spec);
}

NetworkBuilder::Blob NetworkBuilder::global_average_pool(const std::string& name, Blob in) {
  return add(name, graph::Pooling{.kind = graph::PoolKind::kAverage, .window = {}, .global = true}, {in});
}

NetworkBuilder::Blob NetworkBuilder::local_response_norm(const std::string& name, Blob in) {
  return add(name, graph::Lrn{.size = 5, .alpha = 1e-4f, .beta = 0.75f, .k = 1}, {in});
}

NetworkBuilder::Blob NetworkBuilder::concat(const std::string& name, const std::vector<Blob>& in) {
  return add(name, graph::Concat{}, in);
}

NetworkBuilder::Blob NetworkBuilder::sum(const std::string& name, Blob a, Blob b) {
  return add(name, graph::Eltwise{}, {a, b});
}

NetworkBuilder::Blob NetworkBuilder::softmax(const std::string& name, Blob in) {
  return add(name, graph::Softmax{}, {in});
}

NetworkBuilder::Blob NetworkBuilder::relu(const std::string& name, Blob in) {
  return add_in_place(name, graph::Relu{}, in);
}

NetworkBuilder::Blob NetworkBuilder::conv_relu(const std::string& module, const std::string& layer, Blob in,
                                               const ConvolutionSpec& spec) {
  return relu(module + "/relu_" + layer, convolution(module + "/" + layer, in, spec));
}

NetworkBuilder::Blob NetworkBuilder::batch_norm(const std::string& name, Blob in) {
  return add_in_place(name, graph::BatchNorm{}, in);
}

NetworkBuilder::Blob NetworkBuilder::scale(const std::string& name, Blob in) {
  return add_in_place(name, graph::ChannelAffine{}, in, true);
}

NetworkBuilder::Blob NetworkBuilder::dropout(const std::string& name, Blob in) {
  return add_in_place(name, graph::Identity{.was = "Dropout"}, in);
}

graph::Graph NetworkBuilder::finish(Blob output) {
  graph_.outputs.push_back(output);
  graph::infer_shapes(graph_);
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    graph::Node& node = graph_.nodes[n];
    for (Shape& shape : graph::weight_shapes(graph_, node, has_bias_[n])) {
      if (shape.rank() > 0) node.weights.push_back(graph::Weights::placeholder(std::move(shape)));
    }
  }
  return std::move(graph_);
}

}  // namespace octet::zoo
