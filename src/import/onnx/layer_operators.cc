// Layers other than convolution: normalisation, matrix products, activations. Where the graph has no
// operation of an operator's name, it is made of others if they compute the same; else it is refused.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "graph/validate.h"
#include "import/onnx/broadcast.h"
#include "import/onnx/clamp.h"
#include "import/onnx/operators.h"

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
  return {Shape{out, in}, std::make_shared<const AlignedBuffer>(transposed(matrix))};
}

graph::Weights gemm_bias(const NodeImport& n, std::int64_t features) {
  const Constant& bias = n.real_constant(2, "bias");
  const auto values = values_by_channel(bias, Shape{1, features});
  if (!values) n.invalid("the bias is {}, expected {}", bias.shape_text(), features);
  return {Shape{features}, *values};
}

/// Softmax over all dimensions from `axis` on together, as it was before operator set 13.
void softmax_of_rest(NodeImport& n, std::size_t axis, bool logarithm) {
  const Shape input = n.shape(0);
  std::int64_t behind = 1;
  for (std::size_t i = axis + 1; i < input.rank(); ++i) behind *= input[i];
  if (behind == 1) {
    n.add(graph::Softmax{static_cast<std::int64_t>(axis), logarithm}, {n.tensor(0)});
    return;
  }
  if (axis != 1) n.unsupported("softmax over dimensions {} to {} together", axis, input.rank() - 1);
  const graph::TensorId flat = n.add_part("flat", graph::Flatten{}, {n.tensor(0)});
  const graph::TensorId softmax = n.add_part("softmax", graph::Softmax{.logarithm = logarithm}, {flat});
  Dims dims = input.dims();
  dims[0] = 0;  // the batch stays
  n.add(graph::Reshape{dims}, {softmax});
}

void add_softmax(NodeImport& n, bool logarithm) {
  const bool along_one_axis = n.opset() >= 13;
  const std::size_t axis =
      n.settle_axis(n.attributes().integer("axis", along_one_axis ? -1 : 1), n.shape(0).rank());
  if (axis == 0) n.unsupported("softmax along axis 0, the batch");
  if (along_one_axis) {
    n.add(graph::Softmax{static_cast<std::int64_t>(axis), logarithm}, {n.tensor(0)});
  } else {
    softmax_of_rest(n, axis, logarithm);
  }
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

/// One slope is a leaky ReLU. Of slopes s that differ by channel none may be on the other side of 1 than the
/// rest: max(x, s x) is x where x > 0 and s x elsewhere if s <= 1, and min(x, s x) is if s >= 1.
void convert_parametric_relu(NodeImport& n) {
  const graph::TensorId x = n.tensor(0);
  const Shape shape = n.shape(0);
  const Constant& slopes = n.real_constant(1, "slopes");
  const auto values = values_by_channel(slopes, shape);
  if (!values)
    n.invalid("slopes are {}, which an input of {} does not fit", slopes.shape_text(), shape.to_string());
  const auto [least, most] = std::minmax_element(values->begin(), values->end());
  if (*least == *most) {
    n.add(graph::Relu{*least}, {x});
    return;
  }
  if (*least < 1 && *most > 1)
    n.unsupported("slopes from {} to {}; expected all up to 1, or all from 1 on", *least, *most);
  const graph::TensorId scaled = n.add_part("scaled", graph::ChannelAffine{}, {x},
                                            {graph::Weights(Shape{shape[1]}, *values), graph::Weights()});
  n.add(graph::Eltwise{.kind = *most <= 1 ? graph::EltwiseKind::kMax : graph::EltwiseKind::kMin},
        {x, scaled});
}

void convert_clip(NodeImport& n) {
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
