// The same values in another shape or order. Dimension 0 of the graph's tensors is the batch and stays what
// it is: a reshape or transpose that would mix images is refused.
#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "graph/validate.h"
#include "import/onnx/constant_folding.h"
#include "import/onnx/operators.h"
#include "import/onnx/rearrange.h"

namespace octet::onnx {
namespace {

/// Gives the tensor of input 0 the shape `to`, whose first dimension is the batch's 1.
void add_reshape(NodeImport& n, Dims to) {
  const graph::TensorId from = n.tensor(0);
  if (to.size() == 2 && n.shape_of(from).rank() >= 2) {
    n.add(graph::Flatten{}, {from});
    return;
  }
  to[0] = 0;  // as the input has it
  n.add(graph::Reshape{std::move(to)}, {from});
}

/// Dimensions with -1 (once) and, unless `zero_is_zero`, 0 resolved for `elements` in the shape `from`.
/// nullopt if they cannot hold them.
std::optional<Dims> resolve_dims(Dims to, const Dims& from, std::int64_t elements, bool zero_is_zero) {
  std::int64_t known = 1;
  std::optional<std::size_t> open;
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (to[i] == -1) {
      if (open) return std::nullopt;
      open = i;
      continue;
    }
    if (to[i] == 0 && !zero_is_zero) {
      if (i >= from.size()) return std::nullopt;
      to[i] = from[i];
    }
    if (to[i] < 1 || to[i] > graph::kMaxElements || known > graph::kMaxElements / to[i]) return std::nullopt;
    known *= to[i];
  }
  if (open) {
    if (elements % known != 0) return std::nullopt;
    to[*open] = elements / known;
    known = elements;
  }
  return known == elements ? std::optional(std::move(to)) : std::nullopt;
}

std::string numbers_text(const std::vector<ShapeNumber>& numbers) {
  std::string text;
  for (const ShapeNumber number : numbers)
    text += fmt::format("{}{}", text.empty() ? "" : "x", number.to_string());
  return text;
}

/// Whether a reshape's first number keeps the batch. -1 may or may not: that depends on the others.
bool keeps_batch(const NodeImport& n, ShapeNumber first, bool zero_is_zero) {
  if (first.times_batch) return first.value == 1;
  return first.value == -1 || (first.value == 0 && !zero_is_zero) || n.file_batch() == first.value;
}

/// The target of a reshape of a tensor of the graph, for a batch of 1.
Dims reshape_target(const NodeImport& n, const Shape& from, const std::vector<ShapeNumber>& numbers,
                    bool zero_is_zero) {
  if (numbers.empty() || !keeps_batch(n, numbers[0], zero_is_zero)) {
    n.unsupported("reshapes {} to {}; expected a first dimension that stays the batch", from.to_string(),
                  numbers.empty() ? "a scalar" : numbers_text(numbers));
  }
  Dims to = {1};
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    if (numbers[i].times_batch) {
      n.unsupported("reshapes to {}; expected the batch as the first dimension only", numbers_text(numbers));
    }
    to.push_back(numbers[i].value);
  }
  const auto resolved = resolve_dims(std::move(to), from.dims(), from.elements(), zero_is_zero);
  if (!resolved) n.invalid("cannot reshape {} (one image) to {}", from.to_string(), numbers_text(numbers));
  return *resolved;
}

/// Constants take any dimensions; tensors of the graph keep the batch, which `axes` must not touch.
void set_dims(NodeImport& n, Dims dims, const std::vector<std::size_t>& axes) {
  if (n.is_constant(0)) {
    n.set_output(with_dims(n.constant(0, "data"), std::move(dims)));
    return;
  }
  if (std::find(axes.begin(), axes.end(), std::size_t{0}) != axes.end()) {
    n.unsupported("axis 0, the batch, of {}", n.shape(0).to_string());
  }
  add_reshape(n, std::move(dims));
}

/// Dimensions but the axis must agree, which the graph's concatenation of channels checks.
void concat_tensors(NodeImport& n, std::int64_t given_axis) {
  Dims dims = n.shape(0).dims();
  const std::size_t axis = n.settle_axis(given_axis, dims.size());
  if (axis == 0) n.unsupported("joins batches of {}", to_string(dims));
  std::vector<graph::TensorId> tensors;
  dims[axis] = 0;
  for (std::size_t i = 0; i < n.input_count(); ++i) {
    const Shape shape = n.shape(i);
    if (shape.rank() != dims.size())
      n.invalid("inputs disagree: {} and {}", n.shape(0).to_string(), shape.to_string());
    dims[axis] += shape[axis];
    tensors.push_back(axis_to_channels(n, n.tensor(i), axis));
  }
  if (axis == 1) return n.add(graph::Concat{}, std::move(tensors));
  const graph::TensorId joined = n.add_part("joined", graph::Concat{}, std::move(tensors));
  n.add(graph::Identity{"Concat"}, {channels_to_axis(n, joined, dims, axis)});
}

}  // namespace

void convert_reshape(NodeImport& n) {
  const bool zero_is_zero = n.attributes().flag("allowzero", false);
  const Constant& target = n.constant(1, "shape");
  if (target.is_real() || target.dims.size() != 1) {
    n.invalid("the shape is {}, expected a list of integers", target.shape_text());
  }
  if (!n.is_constant(0)) {
    add_reshape(n, reshape_target(n, n.shape(0), target.integers, zero_is_zero));
    return;
  }
  const Constant& data = n.constant(0, "data");
  auto dims = resolve_dims(n.integers(1, "shape"), data.dims, data.elements(), zero_is_zero);
  if (!dims) {
    n.invalid("cannot reshape {} to {}", data.shape_text(), numbers_text(target.integers));
  }
  n.set_output(with_dims(data, std::move(*dims)));
}

void convert_flatten(NodeImport& n) {
  const Dims from = n.dims(0);
  std::int64_t axis = n.attributes().integer("axis", 1);
  const auto rank = static_cast<std::int64_t>(from.size());
  if (axis < -rank || axis > rank) n.invalid("axis {} is out of range for {} dimensions", axis, rank);
  if (axis < 0) axis += rank;
  const auto middle = from.begin() + axis;
  const std::int64_t before = element_count(Dims(from.begin(), middle));
  const std::int64_t behind = element_count(Dims(middle, from.end()));
  if (n.is_constant(0)) {
    n.set_output(with_dims(n.constant(0, "data"), {before, behind}));
    return;
  }
  if (axis == 0 || before != 1) {
    n.unsupported("axis {} of {} would mix the batch with other dimensions", axis, to_string(from));
  }
  add_reshape(n, {1, behind});
}

void convert_squeeze(NodeImport& n) {
  const Dims from = n.dims(0);
  std::vector<std::size_t> axes;
  if (const auto given = n.attribute_or_input("axes", 1)) {
    axes = n.settle_axes(*given, from.size());
  } else {
    // Of a tensor of the graph the batch is 1 only if the file says so.
    const bool batch_is_free = !n.is_constant(0) && n.file_batch() != 1;
    for (std::size_t i = batch_is_free ? 1 : 0; i < from.size(); ++i) {
      if (from[i] == 1) axes.push_back(i);
    }
  }
  Dims dims;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) {
      dims.push_back(from[i]);
    } else if (from[i] != 1) {
      n.invalid("dimension {} of {} is not 1", i, to_string(from));
    }
  }
  set_dims(n, std::move(dims), axes);
}

void convert_unsqueeze(NodeImport& n) {
  const auto given = n.attribute_or_input("axes", 1);
  if (!given) n.invalid("axes are missing");
  const Dims from = n.dims(0);
  const std::size_t rank = from.size() + given->size();
  const std::vector<std::size_t> axes = n.settle_axes(*given, rank);
  Dims dims;
  auto next = from.begin();
  for (std::size_t i = 0; i < rank; ++i) {
    const bool added = std::find(axes.begin(), axes.end(), i) != axes.end();
    dims.push_back(added ? 1 : *next++);
  }
  set_dims(n, std::move(dims), axes);
}

void convert_transpose(NodeImport& n) {
  const Dims from = n.dims(0);
  std::vector<std::int64_t> reversed(from.size());
  std::iota(reversed.rbegin(), reversed.rend(), std::int64_t{0});
  const std::vector<std::size_t> permutation =
      n.settle_axes(n.attributes().integers("perm").value_or(reversed), from.size());
  if (permutation.size() != from.size()) {
    n.invalid("perm has {} axes for {} dimensions", permutation.size(), from.size());
  }
  if (n.is_constant(0)) {
    n.set_output(fold_transpose(n, n.constant(0, "data"), permutation));
    return;
  }
  if (permutation.empty() || permutation[0] != 0) n.unsupported("moves the batch of {}", to_string(from));
  Dims to = {0};
  for (std::size_t i = 1; i < permutation.size(); ++i) to.push_back(from[permutation[i]]);
  n.add(graph::Reshape{std::move(to)}, {permute(n, n.tensor(0), permutation)});
}

void convert_concat(NodeImport& n) {
  const auto axis = n.attributes().integer("axis");
  if (!axis) n.invalid("attribute 'axis' is missing");
  if (!n.all_constant()) return concat_tensors(n, *axis);
  std::vector<const Constant*> parts;
  for (std::size_t i = 0; i < n.input_count(); ++i) parts.push_back(&n.constant(i, "part"));
  n.set_output(fold_concat(n, parts, n.settle_axis(*axis, parts[0]->dims.size())));
}

}  // namespace octet::onnx
