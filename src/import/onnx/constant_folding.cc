#include "import/onnx/constant_folding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace octet::onnx {
namespace {

using base::AlignedBuffer;

Dims row_major_strides(const Dims& dims) {
  Dims strides(dims.size(), 1);
  for (std::size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * dims[i];
  return strides;
}

/// Calls `visit` with the position of each element of a strided view, the last dimension fastest.
template <typename Visit>
void walk(const Dims& dims, const Dims& strides, std::size_t axis, std::int64_t position, Visit& visit) {
  if (axis == dims.size()) {
    visit(position);
    return;
  }
  const bool last = axis + 1 == dims.size();
  for (std::int64_t i = 0; i < dims[axis]; ++i, position += strides[axis]) {
    if (last) {
      visit(position);
    } else {
      walk(dims, strides, axis + 1, position, visit);
    }
  }
}

void check_not_empty(const NodeImport& n, const Dims& dims) {
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) {
    n.invalid("its output is {}, expected dimensions of at least 1", to_string(dims));
  }
}

AlignedBuffer buffer_of(std::int64_t elements) {
  return AlignedBuffer(static_cast<std::size_t>(elements) * sizeof(float));
}

/// The elements of a strided view of `from`.
Constant copy_view(NodeImport& n, const Constant& from, Dims dims, const Dims& strides, std::int64_t begin) {
  n.reserve_elements(dims);
  if (from.is_real()) {
    check_not_empty(n, dims);
    AlignedBuffer buffer = buffer_of(element_count(dims));
    float* to = buffer.floats();
    const float* const values = from.reals->floats();
    auto copy = [&](std::int64_t position) { *to++ = values[position]; };
    walk(dims, strides, 0, begin, copy);
    return Constant::of_reals(std::move(dims), std::move(buffer));
  }
  std::vector<ShapeNumber> integers;
  auto copy = [&](std::int64_t position) {
    integers.push_back(from.integers[static_cast<std::size_t>(position)]);
  };
  walk(dims, strides, 0, begin, copy);
  return Constant::of_integers(std::move(dims), std::move(integers));
}

/// nullopt where dimensions disagree.
std::optional<Dims> broadcast(const Dims& a, const Dims& b) {
  Dims result(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < result.size(); ++i) {  // from the last dimension on
    const std::int64_t from_a = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t from_b = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (from_a != from_b && from_a != 1 && from_b != 1) return std::nullopt;
    result[result.size() - 1 - i] = from_a == 1 ? from_b : from_a;
  }
  return result;
}

/// Strides that repeat `from` along the dimensions in which it has 1 or nothing.
Dims broadcast_strides(const Dims& from, const Dims& to) {
  const Dims own = row_major_strides(from);
  Dims strides(to.size(), 0);
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] != 1) strides[to.size() - from.size() + i] = own[i];
  }
  return strides;
}

float compute(Arithmetic kind, float a, float b) {
  switch (kind) {
    case Arithmetic::kAdd:
      return a + b;
    case Arithmetic::kSubtract:
      return a - b;
    case Arithmetic::kMultiply:
      return a * b;
    case Arithmetic::kDivide:
      return a / b;
    case Arithmetic::kMaximum:
      return std::max(a, b);
    case Arithmetic::kMinimum:
      return std::min(a, b);
  }
  return 0;
}

/// nullopt where 64 bits do not hold it.
std::optional<std::int64_t> compute(Arithmetic kind, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  switch (kind) {
    case Arithmetic::kAdd:
      return __builtin_add_overflow(a, b, &result) ? std::nullopt : std::optional(result);
    case Arithmetic::kSubtract:
      return __builtin_sub_overflow(a, b, &result) ? std::nullopt : std::optional(result);
    case Arithmetic::kMultiply:
      return __builtin_mul_overflow(a, b, &result) ? std::nullopt : std::optional(result);
    case Arithmetic::kDivide:
      if (b == 0 || (b == -1 && a == std::numeric_limits<std::int64_t>::min())) return std::nullopt;
      return a / b;
    case Arithmetic::kMaximum:
      return std::max(a, b);
    case Arithmetic::kMinimum:
      return std::min(a, b);
  }
  return std::nullopt;
}

/// nullopt where the result is neither a number nor a multiple of the batch, or does not fit.
std::optional<ShapeNumber> compute(Arithmetic kind, ShapeNumber a, ShapeNumber b) {
  if (!a.times_batch && !b.times_batch) {
    const auto value = compute(kind, a.value, b.value);
    return value ? std::optional(ShapeNumber{*value, false}) : std::nullopt;
  }
  bool times_batch = true;
  switch (kind) {
    case Arithmetic::kAdd:
    case Arithmetic::kSubtract: {
      const bool zero_beside = (!a.times_batch && a.value == 0) || (!b.times_batch && b.value == 0);
      if (a.times_batch != b.times_batch && !zero_beside) return std::nullopt;
      break;
    }
    case Arithmetic::kMultiply:
      if (a.times_batch && b.times_batch) return std::nullopt;
      break;
    case Arithmetic::kDivide:  // exact ones only: another would depend on the batch
      if (b.value == 0 || a.value % b.value != 0 || !a.times_batch) return std::nullopt;
      times_batch = !b.times_batch;
      break;
    case Arithmetic::kMaximum:
    case Arithmetic::kMinimum:
      if (a.times_batch != b.times_batch) return std::nullopt;
      break;
  }
  const auto value = compute(kind, a.value, b.value);
  return value ? std::optional(ShapeNumber{*value, times_batch}) : std::nullopt;
}

const char* symbol(Arithmetic kind) {
  switch (kind) {
    case Arithmetic::kAdd:
      return "+";
    case Arithmetic::kSubtract:
      return "-";
    case Arithmetic::kMultiply:
      return "*";
    case Arithmetic::kDivide:
      return "/";
    case Arithmetic::kMaximum:
      return "max";
    case Arithmetic::kMinimum:
      return "min";
  }
  return "?";
}

ShapeNumber compute_or_fail(const NodeImport& n, Arithmetic kind, ShapeNumber a, ShapeNumber b) {
  const auto result = compute(kind, a, b);
  if (!result) {
    n.unsupported("{} {} {}: expected an integer of 64 bits, or an exact multiple of the batch",
                  a.to_string(), symbol(kind), b.to_string());
  }
  return *result;
}

/// The positions of a view, one by one.
std::vector<std::int64_t> positions(const Dims& dims, const Dims& strides) {
  std::vector<std::int64_t> result;
  result.reserve(static_cast<std::size_t>(element_count(dims)));
  auto keep = [&](std::int64_t position) { result.push_back(position); };
  walk(dims, strides, 0, 0, keep);
  return result;
}

}  // namespace

Constant fold_arithmetic(NodeImport& n, Arithmetic kind, const Constant& a, const Constant& b) {
  if (a.is_real() != b.is_real()) n.invalid("one operand is real, the other an integer");
  auto dims = broadcast(a.dims, b.dims);
  if (!dims) n.invalid("its operands disagree: {} and {}", a.shape_text(), b.shape_text());
  n.reserve_elements(*dims);
  const auto from_a = positions(*dims, broadcast_strides(a.dims, *dims));
  const auto from_b = positions(*dims, broadcast_strides(b.dims, *dims));
  if (a.is_real()) {
    AlignedBuffer buffer = buffer_of(element_count(*dims));
    for (std::size_t i = 0; i < from_a.size(); ++i) {
      buffer.floats()[i] = compute(kind, a.reals->floats()[from_a[i]], b.reals->floats()[from_b[i]]);
    }
    return Constant::of_reals(std::move(*dims), std::move(buffer));
  }
  std::vector<ShapeNumber> integers;
  for (std::size_t i = 0; i < from_a.size(); ++i) {
    integers.push_back(compute_or_fail(n, kind, a.integers[static_cast<std::size_t>(from_a[i])],
                                       b.integers[static_cast<std::size_t>(from_b[i])]));
  }
  return Constant::of_integers(std::move(*dims), std::move(integers));
}

Constant with_dims(const Constant& from, Dims dims) {
  Constant result = from;
  const bool keeps_scales =
      from.scales && (from.scales->values.size() == 1 ||
                      (from.scales->axis == 0 && !dims.empty() && dims[0] == from.dims[0]));
  if (!keeps_scales) result.scales = nullptr;
  result.dims = std::move(dims);
  return result;
}

Constant fold_transpose(NodeImport& n, const Constant& from, const std::vector<std::size_t>& permutation) {
  const Dims own = row_major_strides(from.dims);
  Dims dims, strides;
  for (const std::size_t axis : permutation) {
    dims.push_back(from.dims[axis]);
    strides.push_back(own[axis]);
  }
  Constant result = copy_view(n, from, std::move(dims), strides, 0);
  if (from.scales && from.scales->axis < permutation.size()) {
    const auto place = std::find(permutation.begin(), permutation.end(), from.scales->axis);
    result.scales = std::make_shared<const StoredScales>(
        StoredScales{from.scales->values, static_cast<std::size_t>(place - permutation.begin())});
  }
  return result;
}

Constant fold_slice(NodeImport& n, const Constant& from, const std::vector<SliceRange>& ranges) {
  Dims strides = row_major_strides(from.dims);
  Dims dims;
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    dims.push_back(ranges[i].count);
    begin += ranges[i].start * strides[i];
    strides[i] *= ranges[i].step;
  }
  return copy_view(n, from, std::move(dims), strides, begin);
}

Constant fold_gather(NodeImport& n, const Constant& from, const Constant& indices, std::size_t axis) {
  const auto at = from.dims.begin() + static_cast<std::ptrdiff_t>(axis);
  std::vector<Constant> slices;
  for (const ShapeNumber index : indices.integers) {
    const std::int64_t settled = index.value < 0 ? index.value + *at : index.value;
    if (index.times_batch || settled < 0 || settled >= *at) {
      n.invalid("index {} is out of range for a dimension of {}", index.to_string(), *at);
    }
    std::vector<SliceRange> ranges;
    for (const std::int64_t dim : from.dims) ranges.push_back({0, dim, 1});
    ranges[axis] = {settled, 1, 1};
    slices.push_back(fold_slice(n, from, ranges));
  }
  if (slices.empty()) n.invalid("no indices");
  std::vector<const Constant*> parts;
  for (const Constant& slice : slices) parts.push_back(&slice);
  Dims dims(from.dims.begin(), at);
  dims.insert(dims.end(), indices.dims.begin(), indices.dims.end());
  dims.insert(dims.end(), at + 1, from.dims.end());
  return with_dims(fold_concat(n, parts, axis), std::move(dims));
}

Constant fold_concat(NodeImport& n, const std::vector<const Constant*>& parts, std::size_t axis) {
  Dims dims = parts[0]->dims;
  dims[axis] = 0;
  for (const Constant* part : parts) {
    Dims expected = dims;
    if (part->dims.size() == dims.size()) expected[axis] = part->dims[axis];
    if (part->dims != expected || part->is_real() != parts[0]->is_real()) {
      n.invalid("inputs to concatenate along axis {} disagree: {} and {}", axis, parts[0]->shape_text(),
                part->shape_text());
    }
    dims[axis] += part->dims[axis];
  }
  n.reserve_elements(dims);
  std::int64_t outer = 1;
  for (std::size_t i = 0; i < axis; ++i) outer *= dims[i];
  std::vector<ShapeNumber> integers;
  AlignedBuffer buffer = parts[0]->is_real() ? buffer_of(element_count(dims)) : AlignedBuffer();
  float* to = buffer.floats();
  for (std::int64_t o = 0; o < outer; ++o) {
    for (const Constant* part : parts) {
      const std::int64_t size = part->elements() / outer;
      if (part->is_real()) {
        to = std::copy_n(part->reals->floats() + o * size, size, to);
      } else {
        const auto begin = part->integers.begin() + o * size;
        integers.insert(integers.end(), begin, begin + size);
      }
    }
  }
  if (parts[0]->is_real()) return Constant::of_reals(std::move(dims), std::move(buffer));
  return Constant::of_integers(std::move(dims), std::move(integers));
}

Constant fold_cast(NodeImport& n, const Constant& from, ElementType to) {
  if (from.is_real() == is_real(to)) return from;
  n.reserve_elements(from.elements());
  if (is_real(to)) {
    AlignedBuffer buffer = buffer_of(from.elements());
    for (std::size_t i = 0; i < from.integers.size(); ++i) {
      const ShapeNumber number = from.integers[i];
      if (number.times_batch) n.unsupported("{} as a {}", number.to_string(), to_string(to));
      buffer.floats()[i] = static_cast<float>(number.value);
    }
    return Constant::of_reals(from.dims, std::move(buffer));
  }
  std::vector<ShapeNumber> integers;
  for (const float value : from.real_values()) {
    if (!(std::fabs(value) < 0x1p63f)) n.invalid("{} as an integer", value);  // NaN too
    const auto integer = static_cast<std::int64_t>(value);
    integers.push_back({to == ElementType::kBool ? std::int64_t{value != 0} : integer, false});
  }
  return Constant::of_integers(from.dims, std::move(integers));
}

Constant fold_rounding(NodeImport& n, const Constant& from, float (*function)(float)) {
  if (!from.is_real()) return from;
  n.reserve_elements(from.elements());
  AlignedBuffer buffer = buffer_of(from.elements());
  std::transform(from.real_values().begin(), from.real_values().end(), buffer.floats(), function);
  return Constant::of_reals(from.dims, std::move(buffer));
}

Constant fold_product(NodeImport& n, const Constant& from, const std::vector<std::size_t>& axes, bool keep) {
  Dims reduced_dims, reduced_strides, kept_dims, kept_strides, dims;
  const Dims own = row_major_strides(from.dims);
  for (std::size_t i = 0; i < from.dims.size(); ++i) {
    const bool reduced = std::find(axes.begin(), axes.end(), i) != axes.end();
    (reduced ? reduced_dims : kept_dims).push_back(from.dims[i]);
    (reduced ? reduced_strides : kept_strides).push_back(own[i]);
    if (!reduced || keep) dims.push_back(reduced ? 1 : from.dims[i]);
  }
  if (from.is_real()) n.unsupported("a product of floats; Octet computes those of shapes");
  std::vector<ShapeNumber> integers;
  auto multiply = [&](std::int64_t begin) {
    ShapeNumber product{1, false};
    auto factor = [&](std::int64_t position) {
      product = compute_or_fail(n, Arithmetic::kMultiply, product,
                                from.integers[static_cast<std::size_t>(position)]);
    };
    walk(reduced_dims, reduced_strides, 0, begin, factor);
    integers.push_back(product);
  };
  walk(kept_dims, kept_strides, 0, 0, multiply);
  return Constant::of_integers(std::move(dims), std::move(integers));
}

}  // namespace octet::onnx
