// Convolution and pooling: windows with ONNX's ways to say padding. auto_pad is resolved here, since the
// shape of the input is known.
#include <algorithm>
#include <array>
#include <utility>

#include "graph/validate.h"
#include "import/onnx/operators.h"

namespace octet::onnx {
namespace {

using Pair = std::array<std::int64_t, 2>;  // along the height, along the width

void check_range(const NodeImport& n, const char* name, std::int64_t value, std::int64_t least) {
  if (value < least || value > graph::kMaxDimension) {
    n.invalid("attribute '{}' holds {}, expected {} to {}", name, value, least, graph::kMaxDimension);
  }
}

Pair pair_attribute(const NodeImport& n, const char* name, Pair otherwise) {
  const auto values = n.attributes().integers(name);
  if (!values) return otherwise;
  if (values->size() != 2) {
    n.unsupported("attribute '{}' has {} values; Octet has windows over height and width, expected 2", name,
                  values->size());
  }
  for (const std::int64_t value : *values) check_range(n, name, value, 1);
  return {(*values)[0], (*values)[1]};
}

/// Rows and columns around a feature map.
struct Padding {
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;
  bool operator==(const Padding&) const = default;
};

Padding explicit_padding(const NodeImport& n) {
  const auto values = n.attributes().integers("pads");
  if (!values) return {};
  if (values->size() != 4) n.invalid("attribute 'pads' has {} values, expected 4", values->size());
  for (const std::int64_t value : *values) check_range(n, "pads", value, 0);
  return {(*values)[0], (*values)[1], (*values)[2], (*values)[3]};
}

/// Padding before and after one axis, so that there is an output for every `stride` of its inputs.
Pair same_padding(std::int64_t size, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                  bool more_at_end) {
  const std::int64_t outputs = (size + stride - 1) / stride;
  const std::int64_t extent = (kernel - 1) * dilation + 1;
  const std::int64_t total = std::max<std::int64_t>(0, (outputs - 1) * stride + extent - size);
  const std::int64_t less = total / 2, more = total - less;
  return more_at_end ? Pair{less, more} : Pair{more, less};
}

graph::Window window(const NodeImport& n, const Shape& input, Pair kernel) {
  const Pair strides = pair_attribute(n, "strides", {1, 1});
  const Pair dilations = pair_attribute(n, "dilations", {1, 1});
  Padding padding = explicit_padding(n);
  const std::string auto_pad = n.attributes().text("auto_pad", "NOTSET");
  if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
    if (padding != Padding{}) n.invalid("both pads and auto_pad {} are given", auto_pad);
    const bool upper = auto_pad == "SAME_UPPER";
    const Pair rows = same_padding(input[2], kernel[0], strides[0], dilations[0], upper);
    const Pair columns = same_padding(input[3], kernel[1], strides[1], dilations[1], upper);
    padding = {rows[0], columns[0], rows[1], columns[1]};
  } else if (auto_pad == "VALID") {
    if (padding != Padding{}) n.invalid("both pads and auto_pad VALID are given");
  } else if (auto_pad != "NOTSET") {
    n.invalid("auto_pad is '{}', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID", auto_pad);
  }
  return {.kernel_h = kernel[0],
          .kernel_w = kernel[1],
          .stride_h = strides[0],
          .stride_w = strides[1],
          .pad_top = padding.top,
          .pad_left = padding.left,
          .pad_bottom = padding.bottom,
          .pad_right = padding.right,
          .dilation_h = dilations[0],
          .dilation_w = dilations[1]};
}

Shape feature_map(const NodeImport& n, std::size_t i) {
  Shape shape = n.shape(i);
  if (shape.rank() != 4) {
    n.unsupported("its input has {} dimensions ({}); Octet has it for 4 (N, C, H, W)", shape.rank(),
                  shape.to_string());
  }
  return shape;
}

void pool(NodeImport& n, graph::PoolKind kind) {
  const Shape input = feature_map(n, 0);
  const graph::TensorId tensor = n.tensor(0);
  if (!n.attributes().has("kernel_shape")) n.invalid("attribute 'kernel_shape' is missing");
  graph::Pooling op{
      .kind = kind,
      .window = window(n, input, pair_attribute(n, "kernel_shape", {1, 1})),
      .rounding = n.attributes().flag("ceil_mode", false) ? graph::Rounding::kCeil : graph::Rounding::kFloor,
      .divisor = n.attributes().flag("count_include_pad", false) ? graph::AverageDivisor::kPaddedWindow
                                                                 : graph::AverageDivisor::kValidOnly};
  if (op.window.dilation_h != 1 || op.window.dilation_w != 1) {
    n.unsupported("pooling with dilations {}x{}", op.window.dilation_h, op.window.dilation_w);
  }
  n.add(op, {tensor});
}

void pool_globally(NodeImport& n, graph::PoolKind kind) {
  feature_map(n, 0);
  n.add(graph::Pooling{.kind = kind, .window = {}, .global = true}, {n.tensor(0)});
}

/// The padding of each dimension, begins then ends, of `rank` dimensions.
std::vector<std::int64_t> pads_of_all_axes(const NodeImport& n, std::size_t rank) {
  const auto given = n.attribute_or_input("pads", 1);
  if (!given) n.invalid("pads are missing");
  std::vector<std::size_t> axes;
  if (n.has_input(3)) {
    for (const std::int64_t axis : n.integers(3, "axes")) axes.push_back(n.settle_axis(axis, rank));
  } else {
    for (std::size_t axis = 0; axis < rank; ++axis) axes.push_back(axis);
  }
  if (given->size() != 2 * axes.size()) {
    n.invalid("{} pads for {} dimensions, expected {}", given->size(), axes.size(), 2 * axes.size());
  }
  std::vector<std::int64_t> pads(2 * rank, 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    pads[axes[i]] = (*given)[i];
    pads[axes[i] + rank] = (*given)[i + axes.size()];
  }
  return pads;
}

}  // namespace

void convert_convolution(NodeImport& n) {
  const graph::TensorId from = n.tensor(0);
  const Shape input = feature_map(n, 0);
  const Constant& weights = n.real_constant(1, "weights");
  if (weights.dims.size() != 4) {
    n.unsupported("weights of {}; Octet has convolutions over height and width, expected 4 dimensions",
                  weights.shape_text());
  }
  const Pair kernel{weights.dims[2], weights.dims[3]};
  if (const Pair said = pair_attribute(n, "kernel_shape", kernel); said != kernel) {
    n.invalid("kernel_shape is {}x{}, but the weights are {}", said[0], said[1], weights.shape_text());
  }
  const std::int64_t groups = n.attributes().integer("group", 1);
  if (groups < 1 || input[1] % groups != 0 || weights.dims[1] != input[1] / groups) {
    n.invalid("weights are {}, which {} channels in {} group(s) do not fit", weights.shape_text(), input[1],
              groups);
  }
  std::vector<graph::Weights> all = {weights.as_weights(Shape(weights.dims))};
  if (n.has_input(2)) {
    const Constant& bias = n.real_constant(2, "bias");
    if (bias.dims != Dims{weights.dims[0]}) {
      n.invalid("the bias is {}, expected {}", bias.shape_text(), weights.dims[0]);
    }
    all.push_back(bias.as_weights(Shape(bias.dims)));
  }
  n.add(
      graph::Convolution{
          .window = window(n, input, kernel), .out_channels = weights.dims[0], .groups = groups},
      {from}, std::move(all));
}

void convert_max_pool(NodeImport& n) { pool(n, graph::PoolKind::kMax); }
void convert_average_pool(NodeImport& n) { pool(n, graph::PoolKind::kAverage); }
void convert_global_max_pool(NodeImport& n) { pool_globally(n, graph::PoolKind::kMax); }
void convert_global_average_pool(NodeImport& n) { pool_globally(n, graph::PoolKind::kAverage); }

/// The mean over height and width is a global average pooling.
void convert_reduce_mean(NodeImport& n) {
  const Shape input = feature_map(n, 0);
  std::vector<std::size_t> axes;
  for (const std::int64_t axis : n.attribute_or_input("axes", 1).value_or(Dims())) {
    axes.push_back(n.settle_axis(axis, input.rank()));
  }
  std::sort(axes.begin(), axes.end());
  if (axes != std::vector<std::size_t>{2, 3}) {
    n.unsupported("a mean over other axes than 2 and 3 (height and width)");
  }
  const graph::Pooling mean{.kind = graph::PoolKind::kAverage, .window = {}, .global = true};
  if (n.attributes().flag("keepdims", true)) {
    n.add(mean, {n.tensor(0)});
  } else {
    const graph::TensorId pooled = n.add_part("mean", mean, {n.tensor(0)});
    n.add(graph::Flatten{}, {pooled});
  }
}

void convert_pad(NodeImport& n) {
  if (const std::string mode = n.attributes().text("mode", "constant"); mode != "constant") {
    n.unsupported("mode '{}'; Octet pads with one value", mode);
  }
  const float value =
      n.has_input(2) ? n.real_scalar(2, "constant_value") : n.attributes().real("value", 0.0f);
  const graph::TensorId from = n.tensor(0);
  const std::size_t rank = n.shape(0).rank();
  const std::vector<std::int64_t> pads = pads_of_all_axes(n, rank);
  if (std::all_of(pads.begin(), pads.end(), [](std::int64_t pad) { return pad == 0; })) {
    n.set_output(Variable{from});
    return;
  }
  for (const std::int64_t pad : pads) {
    if (pad < 0 || pad > graph::kMaxDimension) {
      n.unsupported("padding of {}; expected 0 to {}", pad, graph::kMaxDimension);
    }
  }
  if (rank != 4 || pads[0] != 0 || pads[1] != 0 || pads[4] != 0 || pads[5] != 0) {
    n.unsupported("padding of other dimensions than height and width");
  }
  n.add(graph::Pad{pads[2], pads[3], pads[6], pads[7], value}, {from});
}

}  // namespace octet::onnx
