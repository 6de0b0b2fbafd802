#include "import/onnx/broadcast.h"

#include <algorithm>
#include <utility>

#include "graph/validate.h"
#include "import/onnx/constant_folding.h"

namespace octet::onnx {
namespace {

/// One value for each element of an image.
Constant repeated(NodeImport& n, const Constant& constant, const Shape& shape) {
  n.reserve_elements(shape.elements());
  const std::vector<float> zeros(static_cast<std::size_t>(shape.elements()));
  Constant sum = fold_arithmetic(n, Arithmetic::kAdd, Constant::of_reals(shape.dims(), zeros), constant);
  if (sum.dims != shape.dims()) {
    n.unsupported("a tensor of {} and a constant of {}, over which the tensor would be repeated",
                  shape.to_string(), constant.shape_text());
  }
  return sum;
}

struct Affine {
  bool by_element = false;
  std::vector<graph::Weights> weights;  // scale and shift
};
Affine affine(NodeImport& n, const Shape& shape, const Constant* scale, const Constant* shift) {
  Affine result;
  for (const Constant* constant : {scale, shift})
    result.by_element |= constant != nullptr && !values_by_channel(*constant, shape);
  for (const Constant* constant : {scale, shift}) {
    if (constant == nullptr) {
      result.weights.emplace_back();
    } else if (result.by_element) {
      result.weights.push_back(repeated(n, *constant, shape).as_weights(Shape{shape.elements()}));
    } else {
      result.weights.emplace_back(Shape{shape[1]}, *values_by_channel(*constant, shape));
    }
  }
  return result;
}

/// The shape that NumPy's rules give; nullopt if there is none.
std::optional<Shape> common_shape(const NodeImport& n) {
  Dims dims = n.shape(0).dims();
  for (std::size_t i = 1; i < n.input_count(); ++i) {
    const Shape shape = n.shape(i);
    if (shape.rank() != dims.size()) return std::nullopt;
    for (std::size_t axis = 0; axis < dims.size(); ++axis) {
      if (dims[axis] != shape[axis] && dims[axis] != 1 && shape[axis] != 1) return std::nullopt;
      dims[axis] = std::max(dims[axis], shape[axis]);
    }
  }
  return Shape(dims);
}

/// As a convolution: each output channel is the input's only one.
graph::TensorId repeat_channel(NodeImport& n, graph::TensorId x, std::int64_t channels) {
  const std::vector<float> ones(static_cast<std::size_t>(channels), 1.0f);
  return n.add_part("repeated", graph::Convolution{.out_channels = channels}, {x},
                    {graph::Weights(Shape{channels, 1, 1, 1}, ones)});
}

}  // namespace

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

graph::TensorId scaled_and_shifted(NodeImport& n, graph::TensorId x, const Constant* scale,
                                   const Constant* shift) {
  const Shape shape = n.shape_of(x);
  Affine all = affine(n, shape, scale, shift);
  if (!all.by_element) return n.add_part("affine", graph::ChannelAffine{}, {x}, std::move(all.weights));
  const graph::TensorId flat = n.add_part("flat", graph::Reshape{{0, shape.elements()}}, {x});
  const graph::TensorId result = n.add_part("affine", graph::ChannelAffine{}, {flat}, std::move(all.weights));
  Dims to = shape.dims();
  to[0] = 0;  // the batch stays
  return n.add_part("reshaped", graph::Reshape{std::move(to)}, {result});
}

void scale_and_shift(NodeImport& n, graph::TensorId x, const Constant* scale, const Constant* shift) {
  Affine all = affine(n, n.shape_of(x), scale, shift);
  if (!all.by_element) {
    n.add(graph::ChannelAffine{}, {x}, std::move(all.weights));
  } else {
    n.add(graph::Identity{"Scale"}, {scaled_and_shifted(n, x, scale, shift)});
  }
}

std::vector<graph::TensorId> alike_tensors(NodeImport& n) {
  const std::optional<Shape> all = common_shape(n);
  std::vector<graph::TensorId> tensors;
  for (std::size_t i = 0; i < n.input_count(); ++i) {
    graph::TensorId x = n.tensor(i);
    const Shape shape = n.shape_of(x);
    if (all && shape.rank() == 4 && shape[1] == 1 && (*all)[1] > 1) x = repeat_channel(n, x, (*all)[1]);
    tensors.push_back(x);
    if (all && (n.shape_of(x) == *all || graph::is_repeated_over(n.shape_of(x), *all))) continue;
    n.unsupported(
        "inputs of {} and {}; Octet's graph computes element by element of one shape, or repeats "
        "{{N, C, 1, 1}} or {{N, 1, H, W}}",
        n.shape(0).to_string(), n.shape(n.input_count() - 1).to_string());
  }
  return tensors;
}

}  // namespace octet::onnx
