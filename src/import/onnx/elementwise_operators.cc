// Operators on elements side by side: of tensors of the graph, or of a tensor and a constant (scale and
// shift).
#include <algorithm>
#include <functional>
#include <limits>
#include <stdexcept>
#include <utility>

#include "graph/validate.h"
#include "import/onnx/broadcast.h"
#include "import/onnx/clamp.h"
#include "import/onnx/constant_folding.h"
#include "import/onnx/operators.h"

namespace octet::onnx {

namespace {

/// A tensor and a constant, in either order.
void convert_with_constant(NodeImport& n, Arithmetic kind, std::size_t tensor_input) {
  const graph::TensorId x = n.tensor(tensor_input);
  const Constant& constant = n.real_constant(1 - tensor_input, "operand");
  const auto scalar = [](float value) { return Constant::of_reals({}, std::span(&value, 1)); };
  const auto folded = [&](Arithmetic by, const Constant& a, const Constant& b) {
    return fold_arithmetic(n, by, a, b);
  };
  const bool constant_first = tensor_input == 1;
  switch (kind) {
    case Arithmetic::kAdd:
      return scale_and_shift(n, x, nullptr, &constant);
    case Arithmetic::kMultiply:
      return scale_and_shift(n, x, &constant, nullptr);
    case Arithmetic::kSubtract: {
      const Constant minus_one = scalar(-1);
      if (constant_first) return scale_and_shift(n, x, &minus_one, &constant);
      const Constant negated = folded(Arithmetic::kMultiply, constant, minus_one);
      return scale_and_shift(n, x, nullptr, &negated);
    }
    case Arithmetic::kDivide: {
      if (constant_first) {  // as a tensor of its values
        const Constant zero = scalar(0);
        n.add(graph::Eltwise{.kind = graph::EltwiseKind::kQuotient},
              {scaled_and_shifted(n, x, &zero, &constant), x});
        return;
      }
      const Constant reciprocals = folded(Arithmetic::kDivide, scalar(1), constant);
      return scale_and_shift(n, x, &reciprocals, nullptr);
    }
    case Arithmetic::kMaximum:
    case Arithmetic::kMinimum:
      break;
  }
  throw std::logic_error("Max and Min take a constant as a tensor");
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
  const bool maximum = kind == graph::EltwiseKind::kMax;
  if (n.all_constant()) {
    Constant result = n.constant(0, "operand");
    for (std::size_t i = 1; i < n.input_count(); ++i)
      result = fold_arithmetic(n, maximum ? Arithmetic::kMaximum : Arithmetic::kMinimum, result,
                               n.constant(i, "operand"));
    n.set_output(std::move(result));
    return;
  }
  if (n.input_count() == 2 && n.is_constant(0) != n.is_constant(1)) {
    const std::size_t constant_input = n.is_constant(0) ? 0 : 1;
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const float limit = bound(n, constant_input);
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
