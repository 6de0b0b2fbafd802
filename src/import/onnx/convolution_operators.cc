// Convolution and pooling: windows with ONNX's ways to say padding. auto_pad is resolved here, since the
// shape of the input is known.
#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "graph/validate.h"
#include "import/onnx/operators.h"
#include "import/onnx/rearrange.h"

namespace octet::onnx {
namespace {

using Pair = std::array<std::int64_t, 2>;  // along the height, along the width

void check_range(const NodeImport& n, const char* name, std::int64_t value, std::int64_t least) {
  if (value < least || value > graph::kMaxDimension) {
    n.invalid("attribute '{}' holds {}, expected {} to {}", name, value, least, graph::kMaxDimension);
  }
}

/// Of a window over a line, the second is 1.
Pair pair_attribute(const NodeImport& n, const char* name, std::size_t axes, Pair otherwise) {
  const auto values = n.attributes().integers(name);
  if (!values) return otherwise;
  if (values->size() != axes) {
    n.invalid("attribute '{}' has {} values for a window over {} dimension(s)", name, values->size(), axes);
  }
  for (const std::int64_t value : *values) check_range(n, name, value, 1);
  return {(*values)[0], axes == 2 ? (*values)[1] : 1};
}

/// Rows and columns around a feature map.
struct Padding {
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;
  bool operator==(const Padding&) const = default;
};

Padding explicit_padding(const NodeImport& n, std::size_t axes) {
  const auto values = n.attributes().integers("pads");
  if (!values) return {};
  if (values->size() != 2 * axes)
    n.invalid("attribute 'pads' has {} values, expected {}", values->size(), 2 * axes);
  for (const std::int64_t value : *values) check_range(n, "pads", value, 0);
  if (axes == 1) return {(*values)[0], 0, (*values)[1], 0};
  return {(*values)[0], (*values)[1], (*values)[2], (*values)[3]};
}

/// What a window moves over: height and width, or a line, which is the height.
struct Map {
  graph::TensorId tensor;
  Shape shape;  // {1, C, H, W}
  std::size_t axes;
};
Map feature_map(NodeImport& n) {
  const Shape shape = n.shape(0);
  if (shape.rank() == 4) return {n.tensor(0), shape, 2};
  if (shape.rank() != 3) {
    n.unsupported("its input has {} dimensions ({}); Octet has windows over 1 and 2 dimensions (N, C, H, W)",
                  shape.rank(), shape.to_string());
  }
  const graph::TensorId map = n.add_part("map", graph::Reshape{{0, shape[1], shape[2], 1}}, {n.tensor(0)});
  return {map, n.shape_of(map), 1};
}
/// The node's output, a line again if the input was one.
void add_over(NodeImport& n, const Map& map, graph::Op op, std::vector<graph::Weights> weights) {
  if (map.axes == 2) return n.add(std::move(op), {map.tensor}, std::move(weights));
  const graph::TensorId result = n.add_part("window", std::move(op), {map.tensor}, std::move(weights));
  const Shape shape = n.shape_of(result);
  n.add(graph::Reshape{{0, shape[1], shape[2]}}, {result});
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

graph::Window window(const NodeImport& n, const Map& map, Pair kernel) {
  const Shape& input = map.shape;
  const Pair strides = pair_attribute(n, "strides", map.axes, {1, 1});
  const Pair dilations = pair_attribute(n, "dilations", map.axes, {1, 1});
  Padding padding = explicit_padding(n, map.axes);
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

void pool(NodeImport& n, graph::PoolKind kind) {
  const Map map = feature_map(n);
  if (!n.attributes().has("kernel_shape")) n.invalid("attribute 'kernel_shape' is missing");
  graph::Pooling op{
      .kind = kind,
      .window = window(n, map, pair_attribute(n, "kernel_shape", map.axes, {1, 1})),
      .rounding = n.attributes().flag("ceil_mode", false) ? graph::Rounding::kCeil : graph::Rounding::kFloor,
      .divisor = n.attributes().flag("count_include_pad", false) ? graph::AverageDivisor::kPaddedWindow
                                                                 : graph::AverageDivisor::kValidOnly};
  if (op.window.dilation_h != 1 || op.window.dilation_w != 1) {
    n.unsupported("pooling with dilations {}x{}", op.window.dilation_h, op.window.dilation_w);
  }
  add_over(n, map, op, {});
}

/// Over all dimensions behind the channels, which then are 1.
void pool_globally(NodeImport& n, graph::PoolKind kind) {
  const Shape shape = n.shape(0);
  const graph::Pooling op{.kind = kind, .window = {}, .global = true};
  if (shape.rank() == 4) return n.add(op, {n.tensor(0)});
  if (shape.rank() < 3) n.unsupported("its input is {}; expected a map for each channel", shape.to_string());
  const graph::TensorId map =
      n.add_part("map", graph::Reshape{{0, shape[1], shape.elements() / shape[1], 1}}, {n.tensor(0)});
  Dims to(shape.rank(), 1);
  to[0] = 0;  // the batch stays
  to[1] = shape[1];
  n.add(graph::Reshape{std::move(to)}, {n.add_part("pooled", op, {map})});
}

}  // namespace

void convert_convolution(NodeImport& n) {
  const Map map = feature_map(n);
  const Constant& weights = n.real_constant(1, "weights");
  if (weights.dims.size() != map.axes + 2) {
    n.invalid("weights of {} for a window over {} dimension(s)", weights.shape_text(), map.axes);
  }
  const Shape shape{weights.dims[0], weights.dims[1], weights.dims[2], map.axes == 2 ? weights.dims[3] : 1};
  const Pair kernel{shape[2], shape[3]};
  if (const Pair said = pair_attribute(n, "kernel_shape", map.axes, kernel); said != kernel) {
    n.invalid("kernel_shape is {}x{}, but the weights are {}", said[0], said[1], weights.shape_text());
  }
  const std::int64_t groups = n.attributes().integer("group", 1), channels = map.shape[1];
  if (groups < 1 || channels % groups != 0 || shape[1] != channels / groups || shape[0] % groups != 0) {
    n.invalid("weights are {}, which {} channels in {} group(s) do not fit", weights.shape_text(), channels,
              groups);
  }
  std::vector<graph::Weights> all = {weights.as_weights(shape)};
  if (n.has_input(2)) {
    const Constant& bias = n.real_constant(2, "bias");
    if (bias.dims != Dims{shape[0]}) n.invalid("the bias is {}, expected {}", bias.shape_text(), shape[0]);
    all.push_back(bias.as_weights(Shape(bias.dims)));
  }
  const graph::Convolution op{.window = window(n, map, kernel), .out_channels = shape[0], .groups = groups};
  add_over(n, map, op, std::move(all));
}

void convert_max_pool(NodeImport& n) { pool(n, graph::PoolKind::kMax); }
void convert_average_pool(NodeImport& n) { pool(n, graph::PoolKind::kAverage); }
void convert_global_max_pool(NodeImport& n) { pool_globally(n, graph::PoolKind::kMax); }
void convert_global_average_pool(NodeImport& n) { pool_globally(n, graph::PoolKind::kAverage); }

/// The mean over height and width is a global average pooling, of which other dimensions are made where they
/// are asked for.
void convert_reduce_mean(NodeImport& n) {
  const Dims from = n.shape(0).dims();
  std::vector<std::int64_t> all(from.size());
  std::iota(all.begin(), all.end(), std::int64_t{0});
  const bool keeps_all = n.attributes().flag("noop_with_empty_axes", false);
  Dims given = n.attribute_or_input("axes", 1).value_or(Dims());
  if (given.empty() && keeps_all) return convert_identity(n);
  if (given.empty()) given = all;
  const std::vector<std::size_t> axes = n.settle_axes(given, from.size());
  const bool keep = n.attributes().flag("keepdims", true);
  std::vector<std::size_t> order, last;
  Dims to;
  std::int64_t kept = 1, reduced = 1;
  for (std::size_t axis = 0; axis < from.size(); ++axis) {
    const bool meant = std::find(axes.begin(), axes.end(), axis) != axes.end();
    if (meant && axis == 0) n.unsupported("a mean over axis 0, the batch, of {}", to_string(from));
    (meant ? last : order).push_back(axis);
    (meant ? reduced : kept) *= axis == 0 ? 1 : from[axis];
    if (keep || !meant) to.push_back(meant ? 1 : from[axis]);
  }
  to[0] = 0;  // the batch stays
  graph::TensorId x = n.tensor(0);
  const graph::Pooling mean{.kind = graph::PoolKind::kAverage, .window = {}, .global = true};
  const bool height_and_width = from.size() == 4 && last == std::vector<std::size_t>{2, 3};
  if (height_and_width && keep) return n.add(mean, {x});
  if (!height_and_width) {
    order.insert(order.end(), last.begin(), last.end());
    x = n.add_part("map", graph::Reshape{{0, kept, reduced, 1}}, {permute(n, x, order)});
  }
  n.add(graph::Reshape{std::move(to)}, {n.add_part("mean", mean, {x})});
}

}  // namespace octet::onnx
