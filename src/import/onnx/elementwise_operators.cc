// Operators on elements side by side: of tensors of the graph, which must have one shape (or be one pixel,
// which is repeated), or of a tensor and a constant, which must be the same all over a channel (scale and
// shift).
#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "graph/validate.h"
#include "import/onnx/broadcast.h"
#include "import/onnx/clamp.h"
#include "import/onnx/constant_folding.h"
#include "import/onnx/operators.h"

namespace octet::onnx {

std::optional<std::vector<float>> values_by_channel(const Constant& constant, const Shape& shape) {
  const Dims& dims = constant.dims;
  if (shape.rank() < 2 || dims.size() > shape.rank()) return std::nullopt;
  const auto channels = static_cast<std::size_t>(shape[1]);
  bool by_channel = false;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 1) continue;
    const std::size_t axis = shape.rank() - dims.size() + i;
    if (axis != 1 || dims[i] != shape[1]) return std::nullopt;
    by_channel = true;
  }
  const std::span<const float> values = constant.real_values();
  if (!by_channel) return std::vector<float>(channels, values[0]);
  return std::vector<float>(values.begin(), values.end());
}

namespace {

/// y = x * scale + shift by channel, either of which may be nothing.
void add_affine(NodeImport& n, graph::TensorId x, const std::vector<float>& scale,
                const std::vector<float>& shift) {
  const Shape channels{n.shape_of(x)[1]};
  const auto weights = [&](const std::vector<float>& values) {
    return values.empty() ? graph::Weights() : graph::Weights(channels, values);
  };
  n.add(graph::ChannelAffine{}, {x}, {weights(scale), weights(shift)});
}

std::vector<float> negated(std::vector<float> values) {
  for (float& value : values) value = -value;
  return values;
}

/// A tensor and a constant, in either order.
void convert_with_constant(NodeImport& n, Arithmetic kind, std::size_t tensor_input) {
  const graph::TensorId x = n.tensor(tensor_input);
  const Shape shape = n.shape_of(x);
  const Constant& constant = n.real_constant(1 - tensor_input, "operand");
  const auto values = values_by_channel(constant, shape);
  if (!values) {
    n.unsupported("a tensor of {} and a constant of {}; expected one value for each channel, or for all",
                  shape.to_string(), constant.shape_text());
  }
  const bool constant_first = tensor_input == 1;
  switch (kind) {
    case Arithmetic::kAdd:
      return add_affine(n, x, {}, *values);
    case Arithmetic::kMultiply:
      return add_affine(n, x, *values, {});
    case Arithmetic::kSubtract:
      if (constant_first) return add_affine(n, x, std::vector<float>(values->size(), -1.0f), *values);
      return add_affine(n, x, {}, negated(*values));
    case Arithmetic::kDivide:
      break;
  }
  if (constant_first) n.unsupported("a constant divided by a tensor");
  std::vector<float> reciprocals = *values;
  for (float& value : reciprocals) value = 1 / value;
  add_affine(n, x, reciprocals, {});
}

/// The tensors of all inputs, which have one shape, or are one pixel {N, C, 1, 1} of it.
std::vector<graph::TensorId> alike_tensors(const NodeImport& n) {
  Shape largest = n.shape_of(n.tensor(0));
  std::vector<graph::TensorId> tensors;
  for (std::size_t i = 0; i < n.input_count(); ++i) {
    tensors.push_back(n.tensor(i));
    const Shape shape = n.shape(i);
    if (graph::is_repeated_over(largest, shape)) largest = shape;
    if (shape == largest || graph::is_repeated_over(shape, largest)) continue;
    n.unsupported(
        "inputs of {} and {}; Octet's graph computes element by element of one shape, or repeats "
        "{{N, C, 1, 1}}",
        largest.to_string(), shape.to_string());
  }
  return tensors;
}

void convert_arithmetic(NodeImport& n, Arithmetic kind) {
  if (n.all_constant()) {
    n.set_output(fold_arithmetic(n, kind, n.constant(0, "operand"), n.constant(1, "operand")));
  } else if (n.is_constant(0) || n.is_constant(1)) {
    convert_with_constant(n, kind, n.is_constant(0) ? 1 : 0);
  } else if (kind == Arithmetic::kDivide) {
    n.add(graph::Eltwise{.kind = graph::EltwiseKind::kQuotient}, alike_tensors(n));
  } else if (kind == Arithmetic::kMultiply) {
    n.add(graph::Eltwise{.kind = graph::EltwiseKind::kProduct}, alike_tensors(n));
  } else if (kind == Arithmetic::kSubtract) {
    n.add(graph::Eltwise{.coefficients = {1, -1}}, alike_tensors(n));
  } else {
    n.add(graph::Eltwise{}, alike_tensors(n));
  }
}

/// The one value that bounds a tensor from one side.
float bound(const NodeImport& n, std::size_t constant_input) {
  const Constant& constant = n.real_constant(constant_input, "operand");
  const auto values = values_by_channel(constant, n.shape(1 - constant_input));
  if (!values || std::adjacent_find(values->begin(), values->end(), std::not_equal_to<>()) != values->end()) {
    n.unsupported("a constant of {} with values that differ; expected one limit", constant.shape_text());
  }
  return values->front();
}

/// The largest or smallest: of a tensor and a constant, which is a limit, or of tensors.
void convert_choice(NodeImport& n, graph::EltwiseKind kind) {
  if (n.input_count() == 1) return convert_identity(n);
  if (n.input_count() == 2 && n.is_constant(0) != n.is_constant(1)) {
    const std::size_t constant_input = n.is_constant(0) ? 0 : 1;
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const float limit = bound(n, constant_input);
    const bool maximum = kind == graph::EltwiseKind::kMax;
    return clamp(n, n.tensor(1 - constant_input), maximum ? limit : -kInfinity, maximum ? kInfinity : limit);
  }
  n.add(graph::Eltwise{.kind = kind}, alike_tensors(n));
}

}  // namespace

void convert_add(NodeImport& n) { convert_arithmetic(n, Arithmetic::kAdd); }
void convert_subtract(NodeImport& n) { convert_arithmetic(n, Arithmetic::kSubtract); }
void convert_multiply(NodeImport& n) { convert_arithmetic(n, Arithmetic::kMultiply); }
void convert_divide(NodeImport& n) { convert_arithmetic(n, Arithmetic::kDivide); }

void convert_sum(NodeImport& n) {
  if (n.input_count() == 1) return convert_identity(n);
  if (n.input_count() == 2) return convert_arithmetic(n, Arithmetic::kAdd);
  n.add(graph::Eltwise{}, alike_tensors(n));
}

void convert_maximum(NodeImport& n) { convert_choice(n, graph::EltwiseKind::kMax); }
void convert_minimum(NodeImport& n) { convert_choice(n, graph::EltwiseKind::kMin); }

}  // namespace octet::onnx
