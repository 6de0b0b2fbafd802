// Layers other than convolution: normalisation, matrix products, activations. Where the graph has no
// operation of an operator's name, it is made of others if they compute the same; else it is refused.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

#include "graph/validate.h"
#include "import/onnx/broadcast.h"
#include "import/onnx/clamp.h"
#include "import/onnx/constant_folding.h"
#include "import/onnx/operators.h"
#include "import/onnx/rearrange.h"

namespace octet::onnx {

void clamp(NodeImport& n, graph::TensorId x, float low, float high) {
  using graph::Activation, graph::ActivationFunction;
  constexpr float kLargest = std::numeric_limits<float>::max();
  if (std::isnan(low) || std::isnan(high)) n.invalid("limits {} and {}", low, high);
  const bool no_upper = high >= kLargest;
  if (no_upper && low <= -kLargest) {
    n.add(graph::Identity{"Clip"}, {x});
  } else if (low == 0 && high > 0) {
    n.add(no_upper ? graph::Relu{} : graph::Relu{.limit = high}, {x});
  } else {
    n.add(Activation{ActivationFunction::kClip, std::min(low, high), high}, {x});
  }
}

namespace {

using base::AlignedBuffer;

graph::Weights channel_weights(const NodeImport& n, std::size_t i, const char* what, std::int64_t channels) {
  const Constant& weights = n.real_constant(i, what);
  if (weights.dims != Dims{channels}) {
    n.invalid("input {} ({}) is {}, expected {}, one for each channel", i, what, weights.shape_text(),
              channels);
  }
  return weights.as_weights(Shape{channels});
}

/// {rows, columns} -> {columns, rows}.
AlignedBuffer transposed(const Constant& from) {
  const std::int64_t rows = from.dims[0], columns = from.dims[1];
  AlignedBuffer to(static_cast<std::size_t>(rows * columns) * sizeof(float));
  const float* const values = from.reals->floats();
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) to.floats()[c * rows + r] = values[r * columns + c];
  return to;
}

graph::Weights scaled(const graph::Weights& weights, float factor) {
  if (factor == 1) return weights;
  std::vector<float> values(weights.values().begin(), weights.values().end());
  for (float& value : values) value *= factor;
  return {weights.shape(), values};
}

/// What a product with a matrix takes: vectors, one an image.
std::int64_t input_features(const NodeImport& n) {
  const Shape input = n.shape(0);
  if (input.rank() != 2) {
    n.unsupported("its input is {}; expected two dimensions (N, features)", input.to_string());
  }
  return input[1];
}

/// Input 1 as an inner product's weights {out, in}, for an input of `features`.
graph::Weights matrix_weights(const NodeImport& n, std::int64_t features, bool stored_as_out_in) {
  const Constant& matrix = n.real_constant(1, "weights");
  if (matrix.dims.size() != 2) n.unsupported("weights of {}; expected a matrix", matrix.shape_text());
  const std::int64_t in = matrix.dims[stored_as_out_in ? 1 : 0], out = matrix.dims[stored_as_out_in ? 0 : 1];
  if (in != features) {
    n.invalid("weights are {}, which an input of {} features does not fit", matrix.shape_text(), features);
  }
  if (stored_as_out_in) return matrix.as_weights(Shape{out, in});
  return graph::Weights(Shape{out, in}, std::make_shared<const AlignedBuffer>(transposed(matrix)))
      .with_scales(matrix.scales_along(1));
}

graph::Weights gemm_bias(const NodeImport& n, std::int64_t features) {
  const Constant& bias = n.real_constant(2, "bias");
  const auto values = values_by_channel(bias, Shape{1, features});
  if (!values) n.invalid("the bias is {}, expected {}", bias.shape_text(), features);
  return {Shape{features}, *values};
}

/// Before operator set 13, all dimensions from the axis on were one.
void add_softmax(NodeImport& n, bool logarithm) {
  const Dims dims = n.shape(0).dims();
  const bool along_one_axis = n.opset() >= 13;
  const std::size_t axis =
      n.settle_axis(n.attributes().integer("axis", along_one_axis ? -1 : 1), dims.size());
  if (axis == 0) n.unsupported("softmax along axis 0, the batch");
  const graph::Softmax op{1, logarithm};
  graph::TensorId x = n.tensor(0);
  Dims flat(dims.begin(), dims.begin() + static_cast<std::ptrdiff_t>(axis));
  flat.push_back(std::accumulate(dims.begin() + static_cast<std::ptrdiff_t>(axis), dims.end(),
                                 std::int64_t{1}, std::multiplies<>()));
  const bool joined = !along_one_axis && flat.back() != dims[axis];
  if (axis == 1 && !joined) return n.add(op, {x});
  const Dims& shape = joined ? flat : dims;
  if (joined) {
    Dims to = flat;
    to[0] = 0;  // the batch stays
    x = n.add_part("flat", graph::Reshape{std::move(to)}, {x});
  }
  const graph::TensorId softmax = n.add_part("softmax", op, {axis_to_channels(n, x, axis)});
  Dims to = dims;
  to[0] = 0;
  n.add(graph::Reshape{std::move(to)}, {channels_to_axis(n, softmax, shape, axis)});
}

/// The product of the last dimension's values with a constant matrix, for each place of the others: a
/// convolution of 1 x 1 over channels.
void multiply_last_axis(NodeImport& n) {
  Dims dims = n.shape(0).dims();
  const std::size_t axis = dims.size() - 1;
  const graph::Weights matrix = matrix_weights(n, dims[axis], false);
  const std::int64_t in = dims[axis], out = matrix.shape()[0];
  dims[axis] = out;
  const graph::TensorId product =
      n.add_part("product", graph::Convolution{.out_channels = out}, {axis_to_channels(n, n.tensor(0), axis)},
                 {graph::Weights(Shape{out, in, 1, 1}, matrix.values())});
  n.add(graph::Identity{"MatMul"}, {channels_to_axis(n, product, dims, axis)});
}

}  // namespace

void convert_batch_normalization(NodeImport& n) {
  const Shape input = n.shape(0);
  if (input.rank() < 2) n.unsupported("its input is {}; expected channels", input.to_string());
  if (!n.attributes().flag("spatial", true)) n.unsupported("statistics of each element (spatial is 0)");
  if (n.attributes().flag("training_mode", false)) n.unsupported("training_mode; export for inference");
  const std::int64_t channels = input[1];
  const auto weights = [&](std::size_t i, const char* what) { return channel_weights(n, i, what, channels); };
  const graph::TensorId normalized =
      n.add_part("normalized", graph::BatchNorm{n.attributes().real("epsilon", 1e-5f)}, {n.tensor(0)},
                 {weights(3, "mean"), weights(4, "variance")});
  n.add(graph::ChannelAffine{}, {normalized}, {weights(1, "scale"), weights(2, "shift")});
}

void convert_gemm(NodeImport& n) {
  if (n.attributes().flag("transA", false)) n.unsupported("a transposed input (transA)");
  const std::int64_t features = input_features(n);
  graph::Weights matrix = matrix_weights(n, features, n.attributes().flag("transB", false));
  const std::int64_t out = matrix.shape()[0];
  std::vector<graph::Weights> weights = {scaled(matrix, n.attributes().real("alpha", 1.0f))};
  if (n.has_input(2)) weights.push_back(scaled(gemm_bias(n, out), n.attributes().real("beta", 1.0f)));
  n.add(graph::InnerProduct{out}, {n.tensor(0)}, std::move(weights));
}

void convert_matrix_product(NodeImport& n) {
  if (!n.is_constant(0) && n.shape(0).rank() > 2) return multiply_last_axis(n);
  graph::Weights matrix = matrix_weights(n, input_features(n), false);
  const std::int64_t out = matrix.shape()[0];
  n.add(graph::InnerProduct{out}, {n.tensor(0)}, {std::move(matrix)});
}

void convert_sigmoid(NodeImport& n) {
  n.add(graph::Activation{graph::ActivationFunction::kSigmoid}, {n.tensor(0)});
}

void convert_tanh(NodeImport& n) {
  n.add(graph::Activation{graph::ActivationFunction::kTanh}, {n.tensor(0)});
}

void convert_hard_sigmoid(NodeImport& n) {
  const float alpha = n.attributes().real("alpha", 0.2f), beta = n.attributes().real("beta", 0.5f);
  n.add(graph::Activation{graph::ActivationFunction::kHardSigmoid, alpha, beta}, {n.tensor(0)});
}

void convert_hard_swish(NodeImport& n) {
  n.add(graph::Activation{graph::ActivationFunction::kHardSwish}, {n.tensor(0)});
}

void convert_relu(NodeImport& n) { n.add(graph::Relu{}, {n.tensor(0)}); }

void convert_leaky_relu(NodeImport& n) {
  n.add(graph::Relu{n.attributes().real("alpha", 0.01f)}, {n.tensor(0)});
}

/// One slope is a leaky ReLU. Of slopes s that differ by channel, max(x, s x) is x where x > 0 and s x
/// elsewhere if s <= 1, and min(x, s x) is if s >= 1; of slopes on both sides of 1, s x + (1 - s) relu(x) is.
void convert_parametric_relu(NodeImport& n) {
  const graph::TensorId x = n.tensor(0);
  const Shape shape = n.shape(0);
  const Constant& slopes = n.real_constant(1, "slopes");
  const auto values = values_by_channel(slopes, shape);
  if (values && std::adjacent_find(values->begin(), values->end(), std::not_equal_to<>()) == values->end()) {
    n.add(graph::Relu{values->front()}, {x});
    return;
  }
  const auto [least, most] = std::minmax_element(slopes.real_values().begin(), slopes.real_values().end());
  const graph::TensorId scaled = scaled_and_shifted(n, x, &slopes, nullptr);
  if (*least < 1 && *most > 1) {
    std::vector<float> rests(slopes.real_values().begin(), slopes.real_values().end());
    for (float& value : rests) value = 1 - value;
    const Constant rest = Constant::of_reals(slopes.dims, rests);
    const graph::TensorId positive = n.add_part("positive", graph::Relu{}, {x});
    n.add(graph::Eltwise{}, {scaled, scaled_and_shifted(n, positive, &rest, nullptr)});
  } else {
    n.add(graph::Eltwise{.kind = *most <= 1 ? graph::EltwiseKind::kMax : graph::EltwiseKind::kMin},
          {x, scaled});
  }
}

namespace {

/// Shape arithmetic: limits are of the data's type.
void clip_constant(NodeImport& n) {
  Constant result = n.constant(0, "data");
  const auto limit = [&](const char* attribute, std::size_t input, Arithmetic kind) {
    if (n.has_input(input)) {
      result = fold_arithmetic(n, kind, result, n.constant(input, attribute));
    } else if (n.attributes().has(attribute)) {
      const float value = n.attributes().real(attribute, 0);
      result = fold_arithmetic(n, kind, result, Constant::of_reals({}, std::span(&value, 1)));
    }
  };
  limit("min", 1, Arithmetic::kMaximum);
  limit("max", 2, Arithmetic::kMinimum);
  n.set_output(std::move(result));
}

}  // namespace

void convert_clip(NodeImport& n) {
  if (n.is_constant(0)) return clip_constant(n);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  float low = n.attributes().real("min", -kInfinity), high = n.attributes().real("max", kInfinity);
  if (n.has_input(1)) low = n.real_scalar(1, "min");
  if (n.has_input(2)) high = n.real_scalar(2, "max");
  clamp(n, n.tensor(0), low, high);
}

void convert_lrn(NodeImport& n) {
  const auto size = n.attributes().integer("size");
  if (!size) n.invalid("attribute 'size' is missing");
  if (*size % 2 == 0) n.unsupported("size {}; expected an odd number", *size);
  n.add(graph::Lrn{.size = *size,
                   .alpha = n.attributes().real("alpha", 1e-4f),
                   .beta = n.attributes().real("beta", 0.75f),
                   .k = n.attributes().real("bias", 1.0f)},
        {n.tensor(0)});
}

void convert_softmax(NodeImport& n) { add_softmax(n, false); }
void convert_log_softmax(NodeImport& n) { add_softmax(n, true); }

/// Passes its input on at inference.
void convert_dropout(NodeImport& n) {
  if (n.has_input(2)) {
    const std::vector<std::int64_t> training = n.integers(2, "training_mode");
    if (training != std::vector<std::int64_t>{0}) n.unsupported("training_mode; export for inference");
  }
  n.add(graph::Identity{"Dropout"}, {n.tensor(0)});
}

void convert_identity(NodeImport& n) {
  if (n.is_constant(0)) {
    n.set_output(n.constant(0, "input"));
  } else {
    n.add(graph::Identity{"Identity"}, {n.tensor(0)});
  }
}

}  // namespace octet::onnx
