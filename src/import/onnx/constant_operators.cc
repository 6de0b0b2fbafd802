// Operators whose output must be known when the network is imported.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "import/onnx/constant_folding.h"
#include "import/onnx/operators.h"

namespace octet::onnx {
namespace {

Constant filled(NodeImport& n, const Dims& dims, const Constant& value) {
  n.reserve_elements(dims);
  const std::int64_t elements = element_count(dims);
  if (!value.is_real()) {
    return Constant::of_integers(
        dims, std::vector<ShapeNumber>(static_cast<std::size_t>(elements), value.integers[0]));
  }
  if (elements == 0) n.invalid("an output of {}, expected dimensions of at least 1", to_string(dims));
  base::AlignedBuffer buffer(static_cast<std::size_t>(elements) * sizeof(float));
  std::fill_n(buffer.floats(), elements, value.reals->floats()[0]);
  return Constant::of_reals(dims, std::move(buffer));
}

/// `position` of opset 15's start and end: counted from the end if negative, and never out of range.
std::size_t settle_position(std::int64_t position, std::size_t rank) {
  const auto most = static_cast<std::int64_t>(rank);
  return static_cast<std::size_t>(
      std::clamp<std::int64_t>(position < 0 ? position + most : position, 0, most));
}

}  // namespace

void convert_constant(NodeImport& n) {
  const Attributes& attributes = n.attributes();
  if (const TensorEntry* tensor = attributes.tensor("value")) {
    n.set_output(n.read(*tensor, "value"));
  } else if (attributes.has("value_float")) {
    const float value = attributes.real("value_float", 0);
    n.set_output(Constant::of_reals({}, std::span(&value, 1)));
  } else if (const auto integer = attributes.integer("value_int")) {
    n.set_output(Constant::of_integers({}, {{*integer, false}}));
  } else if (const auto integers = attributes.integers("value_ints")) {
    n.set_output(Constant::of_integers(*integers));
  } else if (const auto reals = attributes.reals("value_floats"); reals && !reals->empty()) {
    n.set_output(Constant::of_reals({static_cast<std::int64_t>(reals->size())}, *reals));
  } else {
    n.invalid("no value");
  }
}

void convert_constant_of_shape(NodeImport& n) {
  const float zero = 0;
  Constant value = Constant::of_reals({}, std::span(&zero, 1));
  if (const TensorEntry* tensor = n.attributes().tensor("value")) value = n.read(*tensor, "value");
  if (value.elements() != 1) n.invalid("attribute 'value' is {}, expected one value", value.shape_text());
  n.set_output(filled(n, n.integers(0, "shape"), value));
}

void convert_shape(NodeImport& n) {
  std::vector<ShapeNumber> dims;
  if (n.is_constant(0)) {
    for (const std::int64_t dim : n.constant(0, "data").dims) dims.push_back({dim, false});
  } else {
    const Shape shape = n.shape_of(n.tensor(0));
    for (const std::int64_t dim : shape.dims()) dims.push_back({dim, false});
    dims[0] = {1, true};
  }
  const std::size_t begin = settle_position(n.attributes().integer("start", 0), dims.size());
  const std::size_t end =
      settle_position(n.attributes().integer("end", static_cast<std::int64_t>(dims.size())), dims.size());
  std::vector<ShapeNumber> taken;
  for (std::size_t i = begin; i < end; ++i) taken.push_back(dims[i]);
  const auto count = static_cast<std::int64_t>(taken.size());
  n.set_output(Constant::of_integers({count}, std::move(taken)));
}

/// All real types are FP32 here, so a cast between them changes nothing.
void convert_cast(NodeImport& n) {
  const auto number = n.attributes().integer("to");
  if (!number) n.invalid("attribute 'to' is missing");
  const auto to = static_cast<ElementType>(*number);
  if (n.is_constant(0)) {
    n.set_output(fold_cast(n, n.constant(0, "data"), to));
  } else if (is_real(to)) {
    n.add(graph::Identity{"Cast"}, {n.tensor(0)});
  } else {
    n.unsupported("a tensor of the network as {}; expected a type of floats", to_string(to));
  }
}

void convert_ceil(NodeImport& n) {
  n.set_output(fold_rounding(n, n.constant(0, "data"), [](float value) { return std::ceil(value); }));
}
void convert_floor(NodeImport& n) {
  n.set_output(fold_rounding(n, n.constant(0, "data"), [](float value) { return std::floor(value); }));
}

void convert_reduce_product(NodeImport& n) {
  const Constant& data = n.constant(0, "data");
  std::vector<std::size_t> axes;
  for (const std::int64_t axis : n.attribute_or_input("axes", 1).value_or(Dims())) {
    axes.push_back(n.settle_axis(axis, data.dims.size()));
  }
  if (axes.empty() && n.attributes().flag("noop_with_empty_axes", false)) {
    n.set_output(data);
    return;
  }
  if (axes.empty()) {
    axes.resize(data.dims.size());
    std::iota(axes.begin(), axes.end(), std::size_t{0});
  }
  n.set_output(fold_product(n, data, axes, n.attributes().flag("keepdims", true)));
}

}  // namespace octet::onnx
