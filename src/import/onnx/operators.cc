#include "import/onnx/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace octet::onnx {
namespace {

constexpr std::size_t kMany = std::numeric_limits<std::size_t>::max();

/// Sorted by name.
const std::vector<Operator>& operators() {
  static const std::vector<Operator> all = {
      {"Add", 2, 2, {}, convert_add},
      {"AveragePool",
       1,
       1,
       {{"auto_pad"},
        {"ceil_mode", 10},
        {"count_include_pad"},
        {"dilations", 19},
        {"kernel_shape"},
        {"pads"},
        {"strides"}},
       convert_average_pool},
      {"BatchNormalization",
       5,
       5,
       {{"epsilon"}, {"momentum"}, {"spatial", 7, 8}, {"training_mode", 14}},
       convert_batch_normalization},
      {"Cast", 1, 1, {{"saturate", 19}, {"to"}}, convert_cast},
      {"Ceil", 1, 1, {}, convert_ceil},
      {"Clip", 1, 3, {{"max", 7, 10}, {"min", 7, 10}}, convert_clip},
      {"Concat", 1, kMany, {{"axis"}}, convert_concat},
      {"Constant",
       0,
       0,
       {{"value"}, {"value_float", 12}, {"value_floats", 12}, {"value_int", 12}, {"value_ints", 12}},
       convert_constant},
      {"ConstantOfShape", 1, 1, {{"value"}}, convert_constant_of_shape},
      {"Conv",
       2,
       3,
       {{"auto_pad"}, {"dilations"}, {"group"}, {"kernel_shape"}, {"pads"}, {"strides"}},
       convert_convolution},
      {"DequantizeLinear", 2, 3, {{"axis", 13}, {"block_size", 21}}, convert_dequantize},
      {"Div", 2, 2, {}, convert_divide},
      {"Dropout", 1, 3, {{"ratio", 7, 11}, {"seed", 12}}, convert_dropout},
      {"Flatten", 1, 1, {{"axis"}}, convert_flatten},
      {"Floor", 1, 1, {}, convert_floor},
      {"Gather", 2, 2, {{"axis"}}, convert_gather},
      {"Gemm", 2, 3, {{"alpha"}, {"beta"}, {"transA"}, {"transB"}}, convert_gemm},
      {"GlobalAveragePool", 1, 1, {}, convert_global_average_pool},
      {"GlobalMaxPool", 1, 1, {}, convert_global_max_pool},
      {"HardSigmoid", 1, 1, {{"alpha"}, {"beta"}}, convert_hard_sigmoid},
      {"HardSwish", 1, 1, {}, convert_hard_swish},
      {"Identity", 1, 1, {}, convert_identity},
      {"LRN", 1, 1, {{"alpha"}, {"beta"}, {"bias"}, {"size"}}, convert_lrn},
      {"LeakyRelu", 1, 1, {{"alpha"}}, convert_leaky_relu},
      {"LogSoftmax", 1, 1, {{"axis"}}, convert_log_softmax},
      {"MatMul", 2, 2, {}, convert_matrix_product},
      {"Max", 1, kMany, {}, convert_maximum},
      {"MaxPool",
       1,
       1,
       {{"auto_pad"},
        {"ceil_mode", 10},
        {"dilations", 10},
        {"kernel_shape"},
        {"pads"},
        {"storage_order", 8},
        {"strides"}},
       convert_max_pool},
      {"Min", 1, kMany, {}, convert_minimum},
      {"Mul", 2, 2, {}, convert_multiply},
      {"PRelu", 2, 2, {}, convert_parametric_relu},
      {"Pad", 1, 4, {{"mode"}, {"pads", 7, 10}, {"value", 7, 10}}, convert_pad},
      {"QuantizeLinear",
       2,
       3,
       {{"axis", 13}, {"block_size", 21}, {"output_dtype", 21}, {"saturate", 19}},
       convert_quantize},
      {"ReduceMean",
       1,
       2,
       {{"axes", 7, 17}, {"keepdims"}, {"noop_with_empty_axes", 18}},
       convert_reduce_mean},
      {"ReduceProd",
       1,
       2,
       {{"axes", 7, 17}, {"keepdims"}, {"noop_with_empty_axes", 18}},
       convert_reduce_product},
      {"Relu", 1, 1, {}, convert_relu},
      {"Reshape", 2, 2, {{"allowzero", 14}}, convert_reshape},
      {"Shape", 1, 1, {{"end", 15}, {"start", 15}}, convert_shape},
      {"Sigmoid", 1, 1, {}, convert_sigmoid},
      {"Slice", 1, 5, {{"axes", 7, 9}, {"ends", 7, 9}, {"starts", 7, 9}}, convert_slice},
      {"Softmax", 1, 1, {{"axis"}}, convert_softmax},
      {"Split", 1, 2, {{"axis"}, {"num_outputs", 18}, {"split", 7, 12}}, convert_split, true},
      {"Squeeze", 1, 2, {{"axes", 7, 12}}, convert_squeeze},
      {"Sub", 2, 2, {}, convert_subtract},
      {"Sum", 1, kMany, {}, convert_sum},
      {"Tanh", 1, 1, {}, convert_tanh},
      {"Transpose", 1, 1, {{"perm"}}, convert_transpose},
      {"Unsqueeze", 1, 2, {{"axes", 7, 12}}, convert_unsqueeze},
  };
  return all;
}

}  // namespace

const Operator* find_operator(std::string_view name) {
  const std::vector<Operator>& all = operators();
  const auto found = std::lower_bound(all.begin(), all.end(), name,
                                      [](const Operator& op, std::string_view n) { return op.name < n; });
  return found != all.end() && found->name == name ? &*found : nullptr;
}

std::string operator_names() {
  std::string names;
  for (const Operator& op : operators()) names += fmt::format("{}{}", names.empty() ? "" : ", ", op.name);
  return names;
}

}  // namespace octet::onnx
