// Writes a network down layer by layer, as a Caffe file would: each call adds one layer and returns its
// result. Layers that Caffe runs in place (ReLU, batch norm, scale, dropout) get a tensor of their own; the
// blob's name belongs to its last version, earlier ones are named "<blob>@<layer that made it>",
// as the Caffe import names them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace octet::zoo {

/// Square windows are all that the zoo needs.
struct ConvolutionSpec {
  std::int64_t out_channels = 0;
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t pad = 0;
  std::int64_t groups = 1;
  bool bias = true;
};

struct PoolingSpec {
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t pad = 0;
};

class NetworkBuilder {
 public:
  using Blob = graph::TensorId;

  /// The input blob "data" of 3 channels; `layer` is the name of the layer that makes it.
  Blob input(std::int64_t height, std::int64_t width, const std::string& layer = "data");

  Blob convolution(const std::string& name, Blob in, const ConvolutionSpec& spec);
  Blob inner_product(const std::string& name, Blob in, std::int64_t out_features);
  Blob max_pool(const std::string& name, Blob in, const PoolingSpec& spec);
  Blob average_pool(const std::string& name, Blob in, const PoolingSpec& spec);
  Blob global_average_pool(const std::string& name, Blob in);
  /// Across 5 channels, alpha 1e-4, beta 0.75, k 1: what every network that has it uses.
  Blob local_response_norm(const std::string& name, Blob in);
  Blob concat(const std::string& name, const std::vector<Blob>& in);
  Blob sum(const std::string& name, Blob a, Blob b);
  Blob softmax(const std::string& name, Blob in);

  Blob relu(const std::string& name, Blob in);
  /// "<module>/<layer>" and "<module>/relu_<layer>".
  Blob conv_relu(const std::string& module, const std::string& layer, Blob in, const ConvolutionSpec& spec);
  Blob batch_norm(const std::string& name, Blob in);
  Blob scale(const std::string& name, Blob in);  // per channel, with shift
  Blob dropout(const std::string& name, Blob in);

  /// Infers the shapes and declares the weights. The builder is spent.
  graph::Graph finish(Blob output);

 private:
  Blob add(const std::string& name, graph::Op op, std::vector<Blob> in, bool bias = false);
  Blob add_in_place(const std::string& name, graph::Op op, Blob in, bool bias = false);
  Blob add_pool(const std::string& name, graph::PoolKind kind, Blob in, const PoolingSpec& spec);

  graph::Graph graph_;
  std::vector<bool> has_bias_;  // by node
};

}  // namespace octet::zoo
