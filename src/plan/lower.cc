#include "plan/lower.h"

#include <fmt/format.h>

#include <utility>

#include "graph/batch_norm.h"
#include "graph/describe.h"
#include "octet/error.h"
#include "plan/tensor_views.h"

namespace octet::plan {
namespace {

using graph::TensorId;
using kernels::FeatureMap;
using kernels::Layout;

kernels::WindowDesc window_desc(const graph::Window& w) {
  return {.kernel_h = w.kernel_h,
          .kernel_w = w.kernel_w,
          .stride_h = w.stride_h,
          .stride_w = w.stride_w,
          .pad_top = w.pad_top,
          .pad_left = w.pad_left,
          .pad_bottom = w.pad_bottom,
          .pad_right = w.pad_right,
          .dilation_h = w.dilation_h,
          .dilation_w = w.dilation_w};
}

std::optional<kernels::ReluDesc> relu_desc(const std::optional<graph::Relu>& relu) {
  if (!relu) return std::nullopt;
  return kernels::ReluDesc{relu->slope, relu->limit};
}

kernels::EltwiseKind eltwise_kind(graph::EltwiseKind kind) {
  switch (kind) {
    case graph::EltwiseKind::kSum:
      return kernels::EltwiseKind::kSum;
    case graph::EltwiseKind::kProduct:
      return kernels::EltwiseKind::kProduct;
    case graph::EltwiseKind::kMax:
      return kernels::EltwiseKind::kMax;
    case graph::EltwiseKind::kMin:
      return kernels::EltwiseKind::kMin;
    case graph::EltwiseKind::kQuotient:
      return kernels::EltwiseKind::kQuotient;
  }
  return kernels::EltwiseKind::kSum;
}

kernels::ActivationFunction activation_function(graph::ActivationFunction function) {
  switch (function) {
    case graph::ActivationFunction::kSigmoid:
      return kernels::ActivationFunction::kSigmoid;
    case graph::ActivationFunction::kTanh:
      return kernels::ActivationFunction::kTanh;
    case graph::ActivationFunction::kHardSigmoid:
      return kernels::ActivationFunction::kHardSigmoid;
    case graph::ActivationFunction::kHardSwish:
      return kernels::ActivationFunction::kHardSwish;
    case graph::ActivationFunction::kClip:
      return kernels::ActivationFunction::kClip;
    case graph::ActivationFunction::kRounding:
      return kernels::ActivationFunction::kRounding;
  }
  return kernels::ActivationFunction::kClip;
}

class Lowering : TensorViews {
 public:
  Lowering(const graph::Graph& graph, const LowerOptions& options, const quantize::Scheme& scheme, Plan& plan)
      : TensorViews(graph, scheme, plan), options_(options) {}

  void run() {
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      node_ = &graph_.nodes[n];
      type_ = scheme_.nodes[n];
      std::visit([this](const auto& op) { lower(op); }, node_->op);
    }
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) write_output(static_cast<int>(i));
  }

 private:
  void lower(const graph::Input&) {
    const TensorId t = node_->outputs[0];
    FeatureMap map = dense(t);
    if (options_.pixel_input) {
      if (scheme(t).pixel_mean.empty() || map.channels > kernels::kChannelQuad)
        unsupported(fmt::format(
            "pictures as input '{}' of {} channels: the calibration must know their mean, and there may be "
            "up to {} channels",
            tensor_name(t), map.channels, kernels::kChannelQuad));
      map.layout = Layout::kNhwc;
      map.type = DataType::kUInt8;
      map.pixel_stride = map.channels;
    }
    const int index = static_cast<int>(plan_.inputs.size());
    plan_.inputs.push_back({tensor_name(t), shape(t)});
    views_[t] = {reference(OperandRef::Kind::kInput, index, map), map};
  }

  void lower(const graph::Convolution& conv) {
    const TensorId in = node_->inputs[0];
    kernels::ConvDesc desc;
    desc.window = window_desc(conv.window);
    desc.groups = conv.groups;
    desc.has_bias = node_->weights.size() > 1;
    desc.residual = node_->inputs.size() > 1;
    desc.relu = relu_desc(conv.relu);
    const View input =
        type_ == DataType::kFloat32 ? fp32_input(in, conv.groups) : dot_operand(in, conv.groups == 1);
    const View output = target(node_->outputs[0]);
    desc.input = input.map;
    desc.output = output.map;
    std::vector<OperandRef> inputs = {input.ref};
    if (desc.residual) {
      const View residual = operand(node_->inputs[1], output.map.type);
      desc.residual_map = residual.map;
      inputs.push_back(residual.ref);
    }
    std::optional<quantize::IntegerLayerSpec> integer;
    if (is_integer(type_)) {
      integer = integer_layer(input, output);
      integer->window = conv.window;
      if (input.map.type == DataType::kUInt8 && reads_pictures(in, input)) {
        integer->pixel_mean = scheme(in).pixel_mean;
        desc.halo = quantize::pixel_halo(integer->pixel_mean, input.map.channels);
        desc.bias_map = static_cast<std::int64_t>(integer->pixel_mean.size()) > input.map.channels;
      }
    }
    add_node_step(desc, std::move(inputs), output).integer = std::move(integer);
  }

  /// A first layer of a few channels reads the caller's planes; blocks of 16 would be mostly padding.
  View fp32_input(TensorId t, std::int64_t groups) {
    const View raw = view(t);
    const bool planar = raw.map == dense(t) && raw.map.channels < kernels::kChannelBlock && groups == 1;
    return planar ? raw : fp32_operand(t);
  }

  void lower(const graph::InnerProduct& fc) {
    // Any layout: packing permutes the weights.
    View input = view(node_->inputs[0]);
    if (input.ref.kind == OperandRef::Kind::kInput && input.map.type != DataType::kFloat32)
      input = fp32_operand(node_->inputs[0]);
    const bool narrow_to_narrow =
        input.map.type != type_ && input.map.type != DataType::kFloat32 && type_ != DataType::kFloat32;
    if (narrow_to_narrow) input = retyped(input, DataType::kFloat32, node_->inputs[0]);
    if (input.map.type != type_) input = retyped(input, type_, node_->inputs[0]);
    const View output = target(node_->outputs[0]);
    kernels::FullyConnectedDesc desc;
    desc.input = input.map;
    desc.output = output.map;
    desc.has_bias = node_->weights.size() > 1;
    desc.relu = relu_desc(fc.relu);
    std::optional<quantize::IntegerLayerSpec> integer;
    if (is_integer(type_)) integer = integer_layer(input, output);
    add_node_step(desc, {input.ref}, output).integer = std::move(integer);
  }

  static bool is_integer(DataType type) { return type == DataType::kUInt8 || type == DataType::kInt16; }

  quantize::IntegerLayerSpec integer_layer(const View& input, const View& output) const {
    quantize::IntegerLayerSpec spec;
    spec.where = where(*node_);
    spec.out_channels = output.map.channels;
    spec.input = input.map.quantization;
    spec.input_type = input.map.type;
    spec.output = output.map.quantization;
    spec.output_type = output.map.type;
    spec.calibration = options_.calibration->find_layer(node_->name);
    spec.in_channels = input.map.channels;
    spec.in_height = input.map.height, spec.in_width = input.map.width;
    spec.out_height = output.map.height, spec.out_width = output.map.width;
    return spec;
  }

  void lower(const graph::Pooling& pool) {
    const View input = operand(node_->inputs[0], type_);
    kernels::PoolDesc desc;
    desc.input = input.map;
    desc.window = window_desc(pool.window);
    if (pool.global) desc.window = {.kernel_h = input.map.height, .kernel_w = input.map.width};
    desc.kind = pool.kind == graph::PoolKind::kMax ? kernels::PoolKind::kMax : kernels::PoolKind::kAverage;
    desc.divisor = pool.divisor == graph::AverageDivisor::kPaddedWindow
                       ? kernels::AverageDivisor::kPaddedWindow
                       : kernels::AverageDivisor::kValidOnly;
    const TensorId result = node_->outputs[0];
    const FeatureMap wanted = stored_map(result);
    FeatureMap map = wanted;
    if (pool.kind == graph::PoolKind::kMax) map.quantization = input.map.quantization;
    // A maximum passes integers on; only files have another scale behind it.
    const bool requantised = map.quantization != wanted.quantization;
    const View output = requantised ? fresh(tensor_name(result), map) : target(result, map);
    desc.output = output.map;
    add_node_step(desc, {input.ref}, output);
    if (!requantised) return;
    const View finished = target(result, wanted);
    add_step(kernels::ReformatDesc{output.map, finished.map, 0}, {output.ref}, finished).op = "Reformat";
    views_[result] = finished;
  }

  /// One input to one output of the same shape, with scale and shift by channel or a plain ReLU.
  Step& add_affine(const std::optional<kernels::ReluDesc>& relu) {
    const View input = operand(node_->inputs[0], type_);
    const View output = target(node_->outputs[0]);
    return add_node_step(kernels::ChannelAffineDesc{input.map, relu, output.map}, {input.ref}, output);
  }

  void lower(const graph::Relu& relu) { add_affine(relu_desc(relu)); }

  /// A part of the input where it can be read as it lies; else a copy.
  void lower(const graph::Slice& slice) {
    const TensorId in = node_->inputs[0];
    View part = view(in);
    const bool pictures = part.ref.kind == OperandRef::Kind::kInput && part.map.type != DataType::kFloat32;
    if (pictures || !part.map.same_sizes(dense(in))) part = operand(in, type_);
    const std::int64_t channels = part.map.channels, pixel_step = part.map.pixel_step();
    const std::int64_t lane = slice.first % kernels::kChannelBlock;
    part.map.channels = slice.count;
    if (part.map.layout == Layout::kNhwc) {
      part.map.pixel_stride = pixel_step;
      part.ref.element_offset += slice.first;
    } else {
      const bool planar = part.map.layout == Layout::kNchw;
      part.ref.element_offset += (planar ? slice.first : slice.first - lane) * part.map.pixels();
    }
    // What lies behind the last channel must read as zero.
    const bool whole_blocks =
        lane == 0 && (slice.count % kernels::kChannelBlock == 0 || slice.first + slice.count == channels);
    if (whole_blocks || part.map.layout == Layout::kNchw) {
      views_[node_->outputs[0]] = part;
    } else {
      views_[node_->outputs[0]] = sliced_copy(part, lane);
    }
  }

  View sliced_copy(const View& part, std::int64_t lane) {
    FeatureMap map = part.map;
    map.pixel_stride = 0;
    const View result = target(node_->outputs[0], map);
    kernels::ReformatDesc desc{part.map, result.map, 0};
    if (part.map.layout == Layout::kNchw16c) desc.input_lane = lane;
    add_step(desc, {part.ref}, result);
    return result;
  }

  /// Where a step writes its node's output in the input's integers.
  View target_like(const View& input) {
    FeatureMap map = stored_map(node_->outputs[0]);
    map.quantization = input.map.quantization;
    return target(node_->outputs[0], map);
  }

  void lower(const graph::Pad& pad) {
    const View input = operand(node_->inputs[0], type_);
    const View output = target_like(input);
    add_node_step(kernels::PadDesc{input.map, output.map, pad.top, pad.left, pad.value}, {input.ref}, output);
  }

  void lower(const graph::ChannelShuffle& shuffle) {
    const View input = operand(node_->inputs[0], type_);
    const View output = target_like(input);
    add_node_step(kernels::ChannelShuffleDesc{input.map, shuffle.groups, output.map}, {input.ref}, output);
  }

  void lower(const graph::Activation& activation) {
    const View input = operand(node_->inputs[0], type_);
    const View output = target(node_->outputs[0]);
    const kernels::ActivationFunction function = activation_function(activation.function);
    add_node_step(kernels::ActivationDesc{input.map, function, activation.a, activation.b, output.map},
                  {input.ref}, output);
  }

  void lower(const graph::Lrn& lrn) {
    const View input = operand(node_->inputs[0], type_);
    const View output = target(node_->outputs[0]);
    kernels::LrnDesc desc;
    desc.map = input.map;
    desc.output = output.map;
    desc.across_channels = lrn.region == graph::LrnRegion::kAcrossChannels;
    desc.size = lrn.size;
    desc.alpha = lrn.alpha, desc.beta = lrn.beta, desc.k = lrn.k;
    add_node_step(desc, {input.ref}, output);
  }

  /// Only where the pass fold_batch_norm is switched off: as scale and shift.
  void lower(const graph::BatchNorm&) {
    add_affine(std::nullopt).weights = graph::batch_norm_as_affine(*node_);
  }

  void lower(const graph::ChannelAffine& affine) { add_affine(relu_desc(affine.relu)); }

  void lower(const graph::Concat& concat) {
    const TensorId result = node_->outputs[0];
    if (concat.axis != 1)
      unsupported(
          fmt::format("concatenation along axis {}; only channels (axis 1) is supported", concat.axis));
    const View whole = concat_view(result);
    std::int64_t channel = 0;
    for (std::size_t i = 0; i < node_->inputs.size(); ++i) {
      const TensorId t = node_->inputs[i];
      const auto place = placement_.find(t);
      const bool there = placed_.count(t) > 0 && place != placement_.end() &&
                         place->second.concat == result && place->second.channel == channel;
      if (!there) copy_into(whole, operand(t, whole.map.type), channel);
      channel += shape(t)[1];
    }
  }

  /// Copies `part` to channels [channel, ...) of `whole`, from the block in which they begin.
  void copy_into(const View& whole, const View& part, std::int64_t channel) {
    if (whole.map.layout == Layout::kNhwc) {
      add_step(kernels::ReformatDesc{part.map, whole.map, channel}, {part.ref}, whole);
      return;
    }
    View place = whole;
    const std::int64_t block_begin = channel / kernels::kChannelBlock * kernels::kChannelBlock;
    place.ref.element_offset += block_begin * whole.map.pixels();
    place.map.channels = whole.map.channels - block_begin;
    add_step(kernels::ReformatDesc{part.map, place.map, channel - block_begin}, {part.ref}, place);
  }

  void lower(const graph::Eltwise& eltwise) {
    const View output = target(node_->outputs[0]);
    kernels::EltwiseDesc desc;
    desc.map = output.map;
    desc.kind = eltwise_kind(eltwise.kind);
    desc.coefficients = eltwise.coefficients;
    desc.inputs = static_cast<int>(node_->inputs.size());
    desc.relu = relu_desc(eltwise.relu);
    std::vector<OperandRef> inputs;
    for (const TensorId t : node_->inputs) {
      const View input = operand(t, type_);
      desc.input_maps.push_back(input.map);
      inputs.push_back(input.ref);
    }
    add_node_step(desc, std::move(inputs), output);
  }

  void lower(const graph::Softmax& softmax) {
    if (softmax.axis != 1)
      unsupported(fmt::format("softmax along axis {}; only channels (axis 1) is supported", softmax.axis));
    const View input = fp32_operand(node_->inputs[0]);
    add_node_step(kernels::SoftmaxDesc{input.map, softmax.logarithm}, {input.ref}, target(node_->outputs[0]));
  }

  void lower(const graph::Flatten&) { pass_view_on(); }
  void lower(const graph::Reshape&) { pass_view_on(); }
  void lower(const graph::Identity&) { pass_view_on(); }

  /// The values stay where they are; consumers that need the new shape's layout ask for it (blocked_operand).
  void pass_view_on() {
    View v = view(node_->inputs[0]);
    // A vector stays a vector; a dense buffer may simply be looked at in the new sizes.
    if (v.map.layout == Layout::kNchw) v.map = dense(node_->outputs[0]);
    views_[node_->outputs[0]] = v;
  }

  void write_output(int index) {
    const TensorId t = graph_.outputs[static_cast<std::size_t>(index)];
    plan_.outputs.push_back({tensor_name(t), shape(t)});
    View from = view(t);
    if (from.ref.kind == OperandRef::Kind::kInput && from.map.type != DataType::kFloat32)
      from = fp32_operand(t);
    const FeatureMap as_written =
        dense_of(from.map);  // NCHW order is the same whatever the shape it is looked at in
    const View to{reference(OperandRef::Kind::kOutput, index, as_written), as_written};
    Step& step = add_step(kernels::ReformatDesc{from.map, as_written, 0}, {from.ref}, to);
    step.layer = tensor_name(t);
    step.op = "Output";
  }

  const LowerOptions& options_;
};

}  // namespace

kernels::FeatureMap feature_map(const Shape& shape, kernels::Layout layout, const std::string& where) {
  if (shape.rank() < 1) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: a tensor without dimensions", where));
  }
  FeatureMap map;
  map.channels = shape.dim_or_1(1), map.height = shape.dim_or_1(2), map.width = shape.dim_or_1(3);
  for (std::size_t axis = 4; axis < shape.rank(); ++axis) map.width *= shape[axis];
  map.layout = layout;
  return map;
}

void lower(const graph::Graph& graph, const quantize::Scheme& scheme, const LowerOptions& options,
           Plan& plan) {
  Lowering(graph, options, scheme, plan).run();
}

}  // namespace octet::plan
