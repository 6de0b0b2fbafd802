#include "export/qdq_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "graph/describe.h"
#include "octet/error.h"
#include "quantize/integer_layer.h"

namespace octet::exporting {
namespace {

using graph::TensorId;
using kernels::Quantization;

constexpr double kLargestByte = 255;

bool is_view(const graph::Op& op) {
  return std::holds_alternative<graph::Identity>(op) || std::holds_alternative<graph::Flatten>(op) ||
         std::holds_alternative<graph::Reshape>(op);
}
bool is_input(const graph::Op& op) { return std::holds_alternative<graph::Input>(op); }
bool is_convolution(const graph::Op& op) { return std::holds_alternative<graph::Convolution>(op); }

/// The smallest and the largest real number that the integers stand for.
struct Range {
  double low, high;
  explicit Range(const Quantization& q)
      : low(-q.zero_point * static_cast<double>(q.scale)),
        high((kLargestByte - q.zero_point) * static_cast<double>(q.scale)) {}
};

/// The bias that a layer adds where its input's zero point is subtracted from each value; Octet's has
/// -zero_point * (sum of the channel's weights) in it.
std::vector<std::int32_t> plain_bias(const quantize::IntegerLayer& layer, std::int32_t zero_point) {
  std::vector<std::int32_t> bias = layer.bias;
  const std::size_t taps = layer.weights.size() / bias.size();
  for (std::size_t k = 0; k < bias.size(); ++k) {
    std::int64_t sum = 0;
    for (const std::int8_t w : std::span(layer.weights).subspan(k * taps, taps)) sum += w;
    // Within 32 bits: make_integer_layer keeps 255 * sum |w| + |bias| there.
    bias[k] = static_cast<std::int32_t>(bias[k] + zero_point * sum);
  }
  return bias;
}

}  // namespace

QdqTensors::QdqTensors(const graph::Graph& graph, const IntegerForm& form, OnnxBuilder& out)
    : graph_(graph), form_(form), out_(out), held_(graph.tensors.size()) {
  for (const plan::Step& step : form.plan.steps) steps_.emplace(std::pair(step.layer, step.op), &step);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) decide_form(n);
}

void QdqTensors::fail(ErrorCode code, const std::string& what) const {
  throw Error(code, fmt::format("{}: {}", graph::where(*node_), what));
}

const plan::Step* QdqTensors::step_of(const graph::Node& node) const {
  const auto known = steps_.find(std::pair(node.name, std::string(graph::op_name(node.op))));
  return known == steps_.end() ? nullptr : known->second;
}

void QdqTensors::decide_form(std::size_t n) {
  const graph::Node& node = graph_.nodes[n];
  if (is_input(node.op)) return;  // real, as the caller gives it
  for (const TensorId t : node.outputs) {
    if (is_view(node.op)) {
      held(t) = held(node.inputs[0]);
      continue;
    }
    const quantize::TensorScheme& scheme = form_.scheme.tensors[static_cast<std::size_t>(t)];
    const bool written = scheme.stored == DataType::kUInt8 || (is_convolution(node.op) && scheme.u8);
    if (form_.scheme.nodes[n] == DataType::kUInt8 && written) held(t) = quantization(t, step_of(node));
  }
}

Quantization QdqTensors::quantization(TensorId t, const plan::Step* writer) const {
  if (writer != nullptr && writer->output_map.type == DataType::kUInt8)
    return writer->output_map.quantization;
  const std::optional<Quantization>& u8 = form_.scheme.tensors[static_cast<std::size_t>(t)].u8;
  if (!u8) throw Error(ErrorCode::kMismatch, fmt::format("the calibration lacks tensor '{}'", name(t)));
  return *u8;
}

void QdqTensors::begin(std::size_t n) {
  node_ = &graph_.nodes[n];
  type_ = form_.scheme.nodes[n];
  layer_ = nullptr;
  if (is_input(node_->op) || is_view(node_->op)) return;
  if (type_ == DataType::kInt16 || type_ == DataType::kBFloat16)
    fail(ErrorCode::kUnsupported,
         fmt::format("computes in {}, which a QDQ model cannot say; expected INT8 or FP32 for each layer",
                     type_ == DataType::kInt16 ? "INT16" : "BF16"));
  const plan::Step* step = step_of(*node_);
  if (step != nullptr && step->integer) layer_ = step;
}

void QdqTensors::end() {
  for (const TensorId t : node_->outputs) {
    if (!held(t)) continue;
    quantise(result(t), *held(t), name(t));
    const bool written_in_fp32 =
        form_.scheme.tensors[static_cast<std::size_t>(t)].stored == DataType::kFloat32;
    if (written_in_fp32 && !is_view(node_->op)) out_.note_written_in_fp32(name(t));
  }
}

std::string QdqTensors::result(TensorId t) const { return held(t) ? name(t) + ".real" : name(t); }

std::string QdqTensors::operand(TensorId t) {
  if (held(t)) return name(t);
  if (type_ != DataType::kUInt8 || is_view(node_->op)) return values(t);
  std::string& known = rounded_[t];
  if (known.empty()) known = quantise(values(t), quantization(t, nullptr), name(t) + ".rounded");
  return known;
}

bool QdqTensors::is_pictures(TensorId t) const {
  return form_.pixel_input && std::find(graph_.inputs.begin(), graph_.inputs.end(), t) != graph_.inputs.end();
}

std::string QdqTensors::planes(TensorId t) {
  std::string& known = planes_[t];
  if (!known.empty()) return known;
  known = name(t) + ".planes";
  set(out_.add("Transpose", {name(t)}, known), "perm", {0, 3, 1, 2});
  return known;
}

std::string QdqTensors::values(TensorId t) {
  if (!is_pictures(t)) return name(t);
  std::string& known = values_[t];
  if (!known.empty()) return known;
  known = name(t) + ".values";
  const std::span<const float> mean = form_.scheme.tensors[static_cast<std::size_t>(t)].pixel_mean;
  Shape shape = graph_.shape(t);
  if (static_cast<std::int64_t>(mean.size()) == shape[1]) shape = {1, shape[1], 1, 1};
  set(out_.add("Cast", {planes(t)}, known + ".bytes"), "to", std::int64_t{kFloat});
  out_.add("Sub", {known + ".bytes", out_.initializer(known + ".mean", shape, mean)}, known);
  return known;
}

std::optional<graph::Relu> QdqTensors::remaining(const std::optional<graph::Relu>& relu) const {
  const std::optional<Quantization>& written = held(node_->outputs[0]);
  if (!relu || !written) return relu;
  const bool from_zero = written->zero_point == 0 && relu->slope == 0;
  // In integers, as the engine bounds: a range that ends at the limit, but for rounding, ends there.
  const bool to_limit =
      std::nearbyint(static_cast<double>(relu->limit) / static_cast<double>(written->scale)) >= kLargestByte;
  return from_zero && to_limit ? std::nullopt : relu;
}

bool QdqTensors::splits_sum() const {
  return layer_ != nullptr && is_convolution(node_->op) && held(node_->outputs[0]).has_value();
}

std::string QdqTensors::quantise_sum(const std::string& sum, const std::optional<graph::Relu>& relu) {
  return quantise(sum, sum_form(relu), sum + ".rounded");
}

Quantization QdqTensors::sum_form(const std::optional<graph::Relu>& relu) const {
  const TensorId t = node_->outputs[0];
  const bool rectifies = relu && relu->slope == 0;
  if (rectifies && node_->inputs.size() == 1) return *held(t);  // its ends commute with the rounding
  Range range(*held(t));
  if (relu) range.high = std::min(range.high, static_cast<double>(relu->limit));
  if (rectifies) {
    range.low = std::max(range.low, 0.0);
  } else if (relu) {
    if (!(relu->slope > 0)) fail(ErrorCode::kUnsupported, fmt::format("a ReLU of slope {}", relu->slope));
    // What is left of the lower end is stretched by the slope; no further than values were seen.
    if (const TensorCalibration* seen = form_.calibration.find_tensor(name(t)))
      range.low = std::clamp<double>(seen->minimum, range.low, 0.0);
    range.low /= static_cast<double>(relu->slope);
  }
  if (node_->inputs.size() > 1) {
    const TensorId r = node_->inputs[1];
    const Range residual(held(r) ? *held(r) : quantization(r, nullptr));
    range.low -= residual.high;
    range.high -= residual.low;
  }
  const double scale = (range.high - range.low) / kLargestByte;
  const double zero_point = std::clamp(std::nearbyint(-range.low / scale), 0.0, kLargestByte);
  return {static_cast<float>(scale), static_cast<std::int32_t>(zero_point), 0};
}

bool QdqTensors::reads_pictures() const {
  return layer_ != nullptr && !layer_->integer->pixel_mean.empty() &&
         static_cast<std::int64_t>(layer_->integer->pixel_mean.size()) == layer_->integer->in_channels;
}

quantize::IntegerLayerSpec QdqTensors::layer_spec() const {
  quantize::IntegerLayerSpec spec = plan::integer_spec(*layer_);
  if (!spec.pixel_mean.empty() && !reads_pictures()) {
    // A mean image makes the bias a map, which no engine's integer convolution has.
    spec.pixel_mean = {};
    spec.input = quantization(node_->inputs[0], nullptr);
  }
  return spec;
}

std::string QdqTensors::pictures(const graph::Window& w) {
  const TensorId t = node_->inputs[0];
  const Padding padding = {w.pad_top, w.pad_left, w.pad_bottom, w.pad_right};
  std::string& known = pictures_[{t, padding}];
  if (!known.empty()) return known;
  const std::string stem = fmt::format("{}.pictures{}", name(t), pictures_.size());
  if (is_pictures(t) && padding == Padding{}) {
    const std::string bytes = planes(t);
    const auto [scale, zero] = constants(layer_->integer->input, stem);
    out_.add("DequantizeLinear", {bytes, scale, zero}, stem);
    return known = stem;
  }
  std::string from = values(t);
  if (padding != Padding{}) {
    const std::int64_t pads[] = {0, 0, w.pad_top, w.pad_left, 0, 0, w.pad_bottom, w.pad_right};
    out_.add("Pad", {from, out_.integers(stem + ".pads", pads)}, stem + ".padded");
    from = stem + ".padded";
  }
  const std::span<const float> mean = layer_->integer->pixel_mean;
  const std::string means =
      out_.initializer(stem + ".mean", {static_cast<std::int64_t>(mean.size()), 1, 1}, mean);
  out_.add("Add", {from, means}, stem + ".real");
  return known = quantise(stem + ".real", layer_->integer->input, stem);
}

std::string QdqTensors::quantise_input(const std::string& real) {
  return quantise(real, layer_->integer->input, real + ".rounded");
}

std::vector<std::string> QdqTensors::weights_and_bias() {
  const quantize::IntegerLayerSpec spec = layer_spec();
  const quantize::IntegerLayer layer = quantize::make_integer_layer(spec);
  const Shape channels{spec.out_channels};
  const std::string weight = node_->name + ".weight", bias = node_->name + ".bias";

  const std::vector<std::int8_t> zeros(layer.weight_scales.size(), 0);
  std::vector<std::string> inputs = {
      out_.initializer(weight + ".quantized", node_->weights[0].shape(), std::span(layer.weights)),
      out_.initializer(weight + ".scale", channels, std::span(layer.weight_scales)),
      out_.initializer(weight + ".zero_point", channels, std::span(zeros))};
  set(out_.add("DequantizeLinear", std::move(inputs), weight), "axis", std::int64_t{0});

  std::vector<float> scales;
  for (const float scale : layer.weight_scales)
    scales.push_back(static_cast<float>(static_cast<double>(spec.input.scale) * static_cast<double>(scale)));
  const std::vector<std::int32_t> integers = plain_bias(layer, spec.input.zero_point);
  inputs = {out_.initializer(bias + ".quantized", channels, std::span(integers)),
            out_.initializer(bias + ".scale", channels, std::span(scales))};
  set(out_.add("DequantizeLinear", std::move(inputs), bias), "axis", std::int64_t{0});
  return {weight, bias};
}

std::array<std::string, 2> QdqTensors::constants(const Quantization& q, const std::string& stem) {
  const auto zero_point = static_cast<std::uint8_t>(q.zero_point);
  return {out_.initializer(stem + ".scale", Shape{}, std::span(&q.scale, 1)),
          out_.initializer(stem + ".zero_point", Shape{}, std::span(&zero_point, 1))};
}

std::string QdqTensors::quantise(const std::string& real, const Quantization& to, const std::string& result) {
  const std::string integers = result + ".quantized";
  const auto [scale, zero] = constants(to, integers);
  out_.add("QuantizeLinear", {real, scale, zero}, integers);
  out_.add("DequantizeLinear", {integers, scale, zero}, result);
  return result;
}

}  // namespace octet::exporting
