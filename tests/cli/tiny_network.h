// A network small enough for any test, and the caffemodels, arrays and pictures that go with it. Every test
// spoils one thing about it.
#pragma once

#include <cstdint>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/caffe/caffemodel_writer.h"

namespace octet::test {

/// 3x16x16 -> convolution of 8, ReLU, max pooling, 10 classes, softmax.
inline const std::string kTinyPrototxt = R"(name: "tiny"
input: "data"
input_shape { dim: 1 dim: 3 dim: 16 dim: 16 }
layer {
  name: "conv"
  type: "Convolution"
  bottom: "data"
  top: "conv"
  convolution_param { num_output: 8 kernel_size: 3 pad: 1 }
}
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer {
  name: "pool"
  type: "Pooling"
  bottom: "conv"
  top: "pool"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 }
}
layer {
  name: "classes"
  type: "InnerProduct"
  bottom: "pool"
  top: "classes"
  inner_product_param { num_output: 10 }
}
layer { name: "prob" type: "Softmax" bottom: "classes" top: "prob" }
)";

inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::logic_error("nothing to replace: " + from);
  return text.replace(at, from.size(), to);
}

using Layers = std::vector<std::pair<std::string, std::vector<BlobToWrite>>>;

inline BlobToWrite filled_blob(std::vector<std::int64_t> dims, float value) {
  std::size_t count = 1;
  for (std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
  return {std::move(dims), std::vector<float>(count, value)};
}

/// The right weights for kTinyPrototxt; class 7 has the largest bias.
inline Layers tiny_layers() {
  std::vector<float> bias(10, 0.0f);
  bias[7] = 3.0f;
  return {{"conv", {filled_blob({8, 3, 3, 3}, 0.01f), filled_blob({8}, 0.1f)}},
          {"classes", {filled_blob({10, 512}, 0.001f), BlobToWrite({10}, bias)}}};
}

inline std::string caffemodel(const Layers& layers) {
  std::ostringstream out;
  CaffemodelWriter writer(out, {});
  writer.net_name("tiny");
  for (const auto& [name, blobs] : layers) writer.layer(name, blobs);
  return out.str();
}

/// A .npy file; `type` is "<f4" or "|u1".
inline std::string npy(const std::string& type, const std::string& shape, const std::string& data) {
  const std::string header =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }\n";
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size());
  bytes += '\0';
  return bytes + header + data;
}

inline std::string float_bytes(const std::vector<float>& values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

}  // namespace octet::test
