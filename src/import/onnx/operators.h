// The operators that are read: by name, with the operator sets and attributes that are known of each, and the
// function that turns a node into nodes of the graph or into a constant.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "import/onnx/node_import.h"

namespace octet::onnx {

/// The operator sets whose operators are known. From 22 on those of Octet got more element types, nothing
/// else.
inline constexpr std::int64_t kFirstOpset = 7, kLastOpset = 27;

struct KnownAttribute {
  std::string_view name;
  std::int64_t first_opset = kFirstOpset, last_opset = kLastOpset;
};

struct Operator {
  std::string_view name;
  std::size_t least_inputs = 1, most_inputs = 1;
  std::vector<KnownAttribute> attributes;
  void (*convert)(NodeImport&);
  /// Of more, only the first may be used.
  bool many_outputs = false;
};

/// nullptr if it is not known.
const Operator* find_operator(std::string_view name);
/// "Add, AveragePool, ...", for messages.
std::string operator_names();

// ---- convolution_operators.cc: a window that moves over a feature map
void convert_convolution(NodeImport& n);
void convert_max_pool(NodeImport& n);
void convert_average_pool(NodeImport& n);
void convert_global_max_pool(NodeImport& n);
void convert_global_average_pool(NodeImport& n);
void convert_reduce_mean(NodeImport& n);

// ---- layer_operators.cc: other layers, with weights or without
void convert_batch_normalization(NodeImport& n);
void convert_gemm(NodeImport& n);
void convert_matrix_product(NodeImport& n);
void convert_sigmoid(NodeImport& n);
void convert_tanh(NodeImport& n);
void convert_hard_sigmoid(NodeImport& n);
void convert_hard_swish(NodeImport& n);
void convert_relu(NodeImport& n);
void convert_leaky_relu(NodeImport& n);
void convert_parametric_relu(NodeImport& n);
void convert_clip(NodeImport& n);
void convert_lrn(NodeImport& n);
void convert_softmax(NodeImport& n);
void convert_log_softmax(NodeImport& n);
void convert_dropout(NodeImport& n);
void convert_identity(NodeImport& n);

// ---- elementwise_operators.cc
void convert_add(NodeImport& n);
void convert_subtract(NodeImport& n);
void convert_multiply(NodeImport& n);
void convert_divide(NodeImport& n);
void convert_sum(NodeImport& n);
void convert_maximum(NodeImport& n);
void convert_minimum(NodeImport& n);

// ---- shape_operators.cc: the same values in another shape or order
void convert_reshape(NodeImport& n);
void convert_flatten(NodeImport& n);
void convert_squeeze(NodeImport& n);
void convert_unsqueeze(NodeImport& n);
void convert_transpose(NodeImport& n);
void convert_concat(NodeImport& n);

// ---- slice_operators.cc: parts of tensors
void convert_slice(NodeImport& n);
void convert_split(NodeImport& n);
void convert_gather(NodeImport& n);

// ---- pad_operators.cc
void convert_pad(NodeImport& n);

// ---- quantized_operators.cc: values as 8-bit integers, and back
void convert_quantize(NodeImport& n);
void convert_dequantize(NodeImport& n);
/// Whether input `i` of this node is read as an IntegerTensor where it is an initializer of integers.
bool reads_integers(const NodeEntry& node, std::size_t i);

// ---- constant_operators.cc: what must be known when the network is imported
void convert_constant(NodeImport& n);
void convert_constant_of_shape(NodeImport& n);
void convert_shape(NodeImport& n);
void convert_cast(NodeImport& n);
void convert_ceil(NodeImport& n);
void convert_floor(NodeImport& n);
void convert_reduce_product(NodeImport& n);

}  // namespace octet::onnx
