// Shapes by Caffe's rules: convolutions round down, pooling as its attribute says, and a last pooling window
// that would start beyond the input is dropped. Every size is checked against the limits before it is
// multiplied with another, so that no product here or later overflows.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/describe.h"
#include "graph/validate.h"
#include "octet/error.h"

namespace octet::graph {
namespace {

/// Multiply-accumulates of one layer: far above any real one, and a network of thousands still sums up in 64
/// bits.
constexpr std::int64_t kMaxMacs = std::int64_t{1} << 48;

template <typename... Args>
[[noreturn]] void fail(const Node& node, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorCode::kInvalidNetwork,
              fmt::format("{}: {}", where(node), fmt::format(format, std::forward<Args>(args)...)));
}

/// The product, or an error if it would exceed `limit`. Both factors are >= 1.
std::int64_t checked_product(const Node& node, std::int64_t a, std::int64_t b, std::int64_t limit,
                             const char* what) {
  if (a > limit / b) fail(node, "{} exceed the limit of {}", what, limit);
  return a * b;
}

void check_extent(const Node& node, const char* what, std::int64_t value, std::int64_t least) {
  if (value < least || value > kMaxDimension) {
    fail(node, "{} is {}, expected {} to {}", what, value, least, kMaxDimension);
  }
}

void check_shape(const Node& node, const Shape& shape, const char* what) {
  if (shape.rank() == 0) fail(node, "{} has no dimensions", what);
  std::int64_t elements = 1;
  for (std::int64_t d : shape.dims()) {
    if (d < 1 || d > kMaxDimension) {
      fail(node, "{} is {}, expected dimensions of 1 to {}", what, shape.to_string(), kMaxDimension);
    }
    elements = checked_product(node, elements, d, kMaxElements, "elements of one image");
  }
  if (shape[0] != 1) {
    fail(node, "{} is {}, expected a first dimension (the batch) of 1", what, shape.to_string());
  }
}

void check_window(const Node& node, const Window& w) {
  check_extent(node, "kernel height", w.kernel_h, 1);
  check_extent(node, "kernel width", w.kernel_w, 1);
  check_extent(node, "vertical stride", w.stride_h, 1);
  check_extent(node, "horizontal stride", w.stride_w, 1);
  check_extent(node, "vertical dilation", w.dilation_h, 1);
  check_extent(node, "horizontal dilation", w.dilation_w, 1);
  check_extent(node, "top padding", w.pad_top, 0);
  check_extent(node, "left padding", w.pad_left, 0);
  check_extent(node, "bottom padding", w.pad_bottom, 0);
  check_extent(node, "right padding", w.pad_right, 0);
}

/// One axis of a window.
struct Axis {
  std::int64_t kernel, stride, pad_before, pad_after, dilation;
};
Axis vertical(const Window& w) { return {w.kernel_h, w.stride_h, w.pad_top, w.pad_bottom, w.dilation_h}; }
Axis horizontal(const Window& w) { return {w.kernel_w, w.stride_w, w.pad_left, w.pad_right, w.dilation_w}; }

std::int64_t window_positions(const Node& node, const Shape& input, const char* name, std::int64_t size,
                              const Axis& axis, Rounding rounding) {
  const std::int64_t extent = axis.dilation * (axis.kernel - 1) + 1;
  const std::int64_t padded = size + axis.pad_before + axis.pad_after;
  if (extent > padded) {
    fail(node, "the window's {} of {} is larger than the padded input's {} (input {})", name, extent, padded,
         input.to_string());
  }
  const std::int64_t slack = padded - extent;
  std::int64_t positions = (rounding == Rounding::kCeil ? slack + axis.stride - 1 : slack) / axis.stride + 1;
  if (rounding == Rounding::kCeil && (positions - 1) * axis.stride >= size + axis.pad_before) --positions;
  return positions;
}

/// Makes an axis that counts from the end count from the start; the batch is no axis to work along.
void settle_axis(const Node& node, std::int64_t& axis, const Shape& input) {
  const auto rank = static_cast<std::int64_t>(input.rank());
  const std::int64_t settled = axis < 0 ? axis + rank : axis;
  if (settled < 1 || settled >= rank) {
    fail(node, "axis {} is out of range for an input of {}: expected 1 to {}, or -1 to {}", axis,
         input.to_string(), rank - 1, 1 - rank);
  }
  axis = settled;
}

const Shape& need_rank(const Node& node, const Shape& input, std::size_t least, std::size_t most) {
  if (input.rank() < least || input.rank() > most) {
    fail(node, "{} takes an input of {} dimensions, got {}", op_name(node.op),
         least == most ? fmt::format("{}", least) : fmt::format("at least {}", least), input.to_string());
  }
  return input;
}
constexpr std::size_t kAnyRank = std::numeric_limits<std::size_t>::max();

/// The output shape of a node from its inputs' shapes; one overload an operation. Axes are settled in place.
class ShapeRule {
 public:
  ShapeRule(const Graph& graph, const Node& node) : graph_(graph), node_(node) {}

  Shape operator()(Input&) const { return graph_.shape(node_.outputs[0]); }

  Shape operator()(Convolution& op) const {
    check_relu(op.relu);
    const Shape& in = need_rank(node_, input(), 4, 4);
    check_window(node_, op.window);
    check_extent(node_, "number of output channels", op.out_channels, 1);
    check_extent(node_, "number of groups", op.groups, 1);
    if (in[1] % op.groups != 0 || op.out_channels % op.groups != 0) {
      fail(node_, "{} groups do not divide {} input and {} output channels", op.groups, in[1],
           op.out_channels);
    }
    const Shape out{1, op.out_channels,
                    window_positions(node_, in, "height", in[2], vertical(op.window), Rounding::kFloor),
                    window_positions(node_, in, "width", in[3], horizontal(op.window), Rounding::kFloor)};
    check_shape(node_, out, "output");
    std::int64_t taps =
        checked_product(node_, op.window.kernel_h, op.window.kernel_w, kMaxElements, "weights");
    taps = checked_product(node_, taps, in[1] / op.groups, kMaxElements, "weights");
    checked_product(node_, taps, op.out_channels, kMaxElements, "weights");
    checked_product(node_, taps, out.elements(), kMaxMacs, "multiply-accumulates");
    if (node_.inputs.size() == 2 && graph_.shape(node_.inputs[1]) != out) {
      fail(node_, "the residual input is {}, expected the output's {}",
           graph_.shape(node_.inputs[1]).to_string(), out.to_string());
    }
    return out;
  }

  Shape operator()(InnerProduct& op) const {
    check_relu(op.relu);
    const Shape& in = need_rank(node_, input(), 2, kAnyRank);
    check_extent(node_, "number of outputs", op.out_features, 1);
    checked_product(node_, op.out_features, in.elements_per_image(), kMaxElements, "weights");
    return {1, op.out_features};
  }

  Shape operator()(Pooling& op) const {
    const Shape& in = need_rank(node_, input(), 4, 4);
    if (op.global) return {1, in[1], 1, 1};
    const Window& w = op.window;
    check_window(node_, w);
    if (w.dilation_h != 1 || w.dilation_w != 1) fail(node_, "pooling with a dilation is not defined");
    // A window must touch the input, or its maximum and average are undefined.
    if (std::max(w.pad_top, w.pad_bottom) >= w.kernel_h || std::max(w.pad_left, w.pad_right) >= w.kernel_w) {
      fail(node_, "padding {}x{} must be smaller than the {}x{} window", std::max(w.pad_top, w.pad_bottom),
           std::max(w.pad_left, w.pad_right), w.kernel_h, w.kernel_w);
    }
    return {1, in[1], window_positions(node_, in, "height", in[2], vertical(w), op.rounding),
            window_positions(node_, in, "width", in[3], horizontal(w), op.rounding)};
  }

  Shape operator()(Relu& op) const {
    check_relu(op);
    return input();
  }

  Shape operator()(Lrn& op) const {
    check_extent(node_, "local size", op.size, 1);
    if (op.size % 2 == 0) fail(node_, "local size is {}, expected an odd number", op.size);
    return need_rank(node_, input(), 4, 4);
  }

  Shape operator()(BatchNorm&) const { return need_rank(node_, input(), 2, kAnyRank); }
  Shape operator()(ChannelAffine& op) const {
    check_relu(op.relu);
    return need_rank(node_, input(), 2, kAnyRank);
  }

  Shape operator()(Concat& op) const {
    Shape out = input();
    settle_axis(node_, op.axis, out);
    const auto axis = static_cast<std::size_t>(op.axis);
    for (std::size_t i = 1; i < node_.inputs.size(); ++i) {
      const Shape& next = graph_.shape(node_.inputs[i]);
      Shape expected = out;
      if (next.rank() == out.rank()) expected[axis] = next[axis];
      if (next != expected) {
        fail(node_, "inputs to concatenate along axis {} disagree: {} and {}", op.axis, input().to_string(),
             next.to_string());
      }
      out[axis] += next[axis];
      check_extent(node_, "concatenated dimension", out[axis], 1);
    }
    return out;
  }

  Shape operator()(Eltwise& op) const {
    check_relu(op.relu);
    // The first that is not repeated.
    Shape out = input();
    for (TensorId t : node_.inputs) {
      if (is_repeated_over(out, graph_.shape(t))) out = graph_.shape(t);
    }
    for (TensorId t : node_.inputs) {
      if (graph_.shape(t) != out && !is_repeated_over(graph_.shape(t), out)) {
        fail(node_, "inputs disagree: {} and {}", out.to_string(), graph_.shape(t).to_string());
      }
    }
    if (!op.coefficients.empty() && op.coefficients.size() != node_.inputs.size()) {
      fail(node_, "{} coefficients for {} inputs", op.coefficients.size(), node_.inputs.size());
    }
    if (!op.coefficients.empty() && op.kind != EltwiseKind::kSum) {
      fail(node_, "only a sum takes coefficients");
    }
    return out;
  }

  Shape operator()(Softmax& op) const {
    settle_axis(node_, op.axis, input());
    return input();
  }

  Shape operator()(Flatten& op) const {
    settle_axis(node_, op.axis, input());
    std::vector<std::int64_t> dims = input().dims();
    while (dims.size() > static_cast<std::size_t>(op.axis) + 1) {
      const std::int64_t last = dims.back();
      dims.pop_back();
      dims.back() *= last;
    }
    return Shape(std::move(dims));
  }

  Shape operator()(Reshape& op) const {
    const Shape& in = input();
    const auto mismatch = [&] {
      fail(node_, "cannot reshape {} to {}", in.to_string(), fmt::join(op.dims, "x"));
    };
    std::vector<std::int64_t> dims = op.dims;
    std::int64_t known = 1;
    std::optional<std::size_t> open;
    for (std::size_t i = 0; i < dims.size(); ++i) {
      if (dims[i] == -1) {
        if (open) fail(node_, "more than one dimension of a reshape is -1");
        open = i;
        continue;
      }
      if (dims[i] == 0) {
        if (i >= in.rank()) mismatch();
        dims[i] = in[i];
      }
      check_extent(node_, "reshaped dimension", dims[i], 1);
      known = checked_product(node_, known, dims[i], kMaxElements, "elements of one image");
    }
    if (open) {
      if (in.elements() % known != 0) mismatch();
      dims[*open] = in.elements() / known;
      known = in.elements();
    }
    if (known != in.elements()) mismatch();
    if (dims.empty() || dims[0] != 1) {
      fail(node_, "a reshape to {} would change the batch (first) dimension", fmt::join(op.dims, "x"));
    }
    return Shape(std::move(dims));
  }

  Shape operator()(Identity&) const { return input(); }

  Shape operator()(Pad& op) const {
    const Shape& in = need_rank(node_, input(), 4, 4);
    check_extent(node_, "top padding", op.top, 0);
    check_extent(node_, "left padding", op.left, 0);
    check_extent(node_, "bottom padding", op.bottom, 0);
    check_extent(node_, "right padding", op.right, 0);
    if (!std::isfinite(op.value)) fail(node_, "padding with {}, expected a finite number", op.value);
    return {1, in[1], in[2] + op.top + op.bottom, in[3] + op.left + op.right};
  }

  Shape operator()(Slice& op) const {
    Shape out = need_rank(node_, input(), 2, kAnyRank);
    // Subtracted, so that no sum overflows.
    if (op.first < 0 || op.count < 1 || op.count > out[1] || op.first > out[1] - op.count)
      fail(node_, "{} channels from {} on, of {}", op.count, op.first, out.to_string());
    out[1] = op.count;
    return out;
  }

  Shape operator()(ChannelShuffle& op) const {
    const Shape& in = need_rank(node_, input(), 2, kAnyRank);
    check_extent(node_, "number of groups", op.groups, 1);
    if (in[1] % op.groups != 0) fail(node_, "{} groups do not divide {} channels", op.groups, in[1]);
    return in;
  }

  Shape operator()(Activation& op) const {
    if (std::isnan(op.a) || std::isnan(op.b)) fail(node_, "parameters {} and {}", op.a, op.b);
    const bool finite = std::isfinite(op.a) && std::isfinite(op.b);
    if (op.function == ActivationFunction::kHardSigmoid && !finite)
      fail(node_, "parameters {} and {}, expected finite numbers", op.a, op.b);
    if (op.function == ActivationFunction::kClip && op.a > op.b)
      fail(node_, "limits {} and {}, expected the lower one first", op.a, op.b);
    if (op.function == ActivationFunction::kRounding &&
        (!finite || op.a <= 0 || op.b < 0 || op.b > 255 || op.b != std::floor(op.b)))
      fail(node_, "scale {} and zero point {}, expected a number above 0 and an integer of 0 to 255", op.a,
           op.b);
    return input();
  }

 private:
  const Shape& input() const { return graph_.shape(node_.inputs[0]); }

  void check_relu(const std::optional<Relu>& relu) const {
    if (!relu) return;
    if (!std::isfinite(relu->slope))
      fail(node_, "a ReLU's slope is {}, expected a finite number", relu->slope);
    if (!(relu->limit > 0)) fail(node_, "a ReLU's limit is {}, expected a number above 0", relu->limit);
  }

  const Graph& graph_;
  const Node& node_;
};

/// Inputs an operation takes: least and most.
struct Arity {
  std::size_t least, most;
};
Arity input_arity(const Op& op) {
  constexpr std::size_t kMany = std::numeric_limits<std::size_t>::max();
  if (std::holds_alternative<Input>(op)) return {0, 0};
  if (std::holds_alternative<Convolution>(op)) return {1, 2};
  if (std::holds_alternative<Concat>(op)) return {1, kMany};
  if (std::holds_alternative<Eltwise>(op)) return {2, kMany};
  return {1, 1};
}

void check_arity(const Node& node) {
  const Arity arity = input_arity(node.op);
  if (node.inputs.size() < arity.least || node.inputs.size() > arity.most) {
    fail(node, "{} takes {}{} input(s), got {}", op_name(node.op),
         arity.most == arity.least ? "" : "at least ", arity.least, node.inputs.size());
  }
  if (node.outputs.empty() || (node.outputs.size() > 1 && !std::holds_alternative<Identity>(node.op))) {
    fail(node, "{} makes one output, got {}", op_name(node.op), node.outputs.size());
  }
}

/// Known ids, inputs produced before, outputs produced once, the right numbers of both.
void check_structure(const Graph& graph) {
  const auto count = static_cast<TensorId>(graph.tensors.size());
  std::vector<char> produced(graph.tensors.size(), 0);
  for (const Node& node : graph.nodes) {
    check_arity(node);
    for (TensorId t : node.inputs) {
      if (t < 0 || t >= count) fail(node, "input tensor {} does not exist", t);
      if (!produced[static_cast<std::size_t>(t)]) {
        fail(node, "input '{}' is not produced by any layer before it",
             graph.tensors[static_cast<std::size_t>(t)].name);
      }
    }
    for (TensorId t : node.outputs) {
      if (t < 0 || t >= count) fail(node, "output tensor {} does not exist", t);
      if (produced[static_cast<std::size_t>(t)]++) {
        fail(node, "output '{}' is produced twice", graph.tensors[static_cast<std::size_t>(t)].name);
      }
    }
  }
}

void infer_node(Graph& graph, Node& node) {
  const Shape shape = std::visit(ShapeRule(graph, node), node.op);
  check_shape(node, shape, std::holds_alternative<Input>(node.op) ? "input" : "output");
  for (TensorId t : node.outputs) graph.tensors[static_cast<std::size_t>(t)].shape = shape;
}

}  // namespace

void infer_shapes(Graph& graph) {
  check_structure(graph);
  for (Node& node : graph.nodes) infer_node(graph, node);
}

void infer_last_shape(Graph& graph) {
  check_arity(graph.nodes.back());
  infer_node(graph, graph.nodes.back());
}

bool is_repeated_over(const Shape& one_pixel, const Shape& map) {
  return one_pixel.rank() == 4 && map.rank() == 4 && one_pixel != map && one_pixel[1] == map[1] &&
         one_pixel[2] == 1 && one_pixel[3] == 1;
}

std::vector<Shape> weight_shapes(const Graph& graph, const Node& node, bool with_bias) {
  const auto optional = [&](std::int64_t size) { return with_bias ? Shape{size} : Shape{}; };
  if (const auto* conv = std::get_if<Convolution>(&node.op)) {
    const std::int64_t in_channels = graph.shape(node.inputs[0])[1];
    return {{conv->out_channels, in_channels / conv->groups, conv->window.kernel_h, conv->window.kernel_w},
            optional(conv->out_channels)};
  }
  if (const auto* product = std::get_if<InnerProduct>(&node.op)) {
    return {{product->out_features, graph.shape(node.inputs[0]).elements_per_image()},
            optional(product->out_features)};
  }
  if (std::holds_alternative<BatchNorm>(node.op)) {
    const std::int64_t channels = graph.shape(node.inputs[0])[1];
    return {{channels}, {channels}};
  }
  if (std::holds_alternative<ChannelAffine>(node.op)) {
    const std::int64_t channels = graph.shape(node.inputs[0])[1];
    return {{channels}, optional(channels)};
  }
  return {};
}

}  // namespace octet::graph
