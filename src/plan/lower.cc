#include "plan/lower.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

#include "graph/batch_norm.h"
#include "graph/describe.h"
#include "octet/error.h"
#include "plan/concat_placement.h"
#include "quantize/scheme.h"

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
  return kernels::ReluDesc{relu->slope};
}

/// Whether values of map `from` may be read as they lie where `wanted` is asked for.
bool lies_as(const FeatureMap& from, const FeatureMap& wanted) {
  return from.same_sizes(wanted) && from.layout == wanted.layout && from.type == wanted.type;
}

/// A tensor's values in memory. Where a Flatten or Reshape only changed how they are looked at, `map` still
/// has the sizes they were written with, in the same NCHW order of values as the tensor's own shape.
struct View {
  OperandRef ref;
  FeatureMap map;
};

class Lowering {
 public:
  Lowering(const graph::Graph& graph, const LowerOptions& options, Plan& plan)
      : graph_(graph),
        options_(options),
        scheme_(quantize::make_scheme(graph, options.precision, options.calibration)),
        plan_(plan),
        placement_(place_concats(graph)) {}

  void run() {
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      node_ = &graph_.nodes[n];
      type_ = scheme_.nodes[n];
      std::visit([this](const auto& op) { lower(op); }, node_->op);
    }
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) write_output(static_cast<int>(i));
  }

 private:
  // ---- operands ----

  const Shape& shape(TensorId t) const { return graph_.shape(t); }
  const std::string& tensor_name(TensorId t) const {
    return graph_.tensors[static_cast<std::size_t>(t)].name;
  }
  const quantize::TensorScheme& scheme(TensorId t) const {
    return scheme_.tensors[static_cast<std::size_t>(t)];
  }

  FeatureMap dense(TensorId t) const { return feature_map(shape(t), Layout::kNchw, where(*node_)); }
  FeatureMap blocked(TensorId t) const { return map_of(t, DataType::kFloat32); }

  /// How tensor t lies inside the network as values of this type.
  FeatureMap map_of(TensorId t, DataType type) const {
    const Layout layout = type == DataType::kFloat32 ? Layout::kNchw16c : Layout::kNhwc;
    FeatureMap map = feature_map(shape(t), layout, where(*node_));
    map.type = type;
    if (type == DataType::kInt16) map.quantization = scheme(t).s16;
    if (type == DataType::kUInt8) {
      if (!scheme(t).u8)
        throw Error(ErrorCode::kMismatch,
                    fmt::format("{}: the calibration lacks tensor '{}'", where(*node_), tensor_name(t)));
      map.quantization = *scheme(t).u8;
    }
    return map;
  }
  FeatureMap stored_map(TensorId t) const { return map_of(t, scheme(t).stored); }

  int new_buffer(const std::string& tensor, const FeatureMap& map) {
    Buffer buffer;
    buffer.tensor = tensor;
    buffer.map = map;
    plan_.buffers.push_back(std::move(buffer));
    return static_cast<int>(plan_.buffers.size()) - 1;
  }

  static OperandRef reference(OperandRef::Kind kind, int index, const FeatureMap& map) {
    return {kind, index, 0, map.elements(), static_cast<int>(size_of(map.type))};
  }

  View fresh(const std::string& tensor, const FeatureMap& map) {
    return {reference(OperandRef::Kind::kBuffer, new_buffer(tensor, map), map), map};
  }

  /// Where a step shall write tensor t: a channel range of a concatenation, or a buffer of its own. The
  /// concatenation's quantisation holds for its parts; a step that cannot choose (a maximum) passes `fixed`.
  View target(TensorId t, FeatureMap map, bool fixed = false) {
    const auto place = placement_.find(t);
    if (place != placement_.end()) {
      View whole = concat_view(place->second.concat);
      const bool fits = whole.map.layout == map.layout && whole.map.type == map.type &&
                        (!fixed || whole.map.quantization == map.quantization);
      if (fits) {
        placed_.insert(t);
        if (map.layout == Layout::kNhwc) {
          map.pixel_stride = whole.map.pixel_step();
          map.quantization = whole.map.quantization;
          whole.ref.element_offset += place->second.channel;
        } else {
          whole.ref.element_offset += place->second.channel * map.pixels();
        }
        return {whole.ref, map};
      }
    }
    return fresh(tensor_name(t), map);
  }
  View target(TensorId t) { return target(t, stored_map(t)); }

  /// The buffer of a concatenation's result, made when its first part is.
  View concat_view(TensorId concat) {
    const auto known = views_.find(concat);
    if (known != views_.end()) return known->second;
    return views_[concat] = target(concat);
  }

  View view(TensorId t) const { return views_.at(t); }

  /// Tensor t as values of `type`, in that type's layout and t's own shape; converted if it does not lie so.
  View operand(TensorId t, DataType type) {
    const View v = view(t);
    FeatureMap wanted = v.map;
    if (v.map.type != type || !v.map.same_sizes(blocked(t)) || v.map.layout != blocked_layout(type) ||
        is_pictures(v))
      wanted = map_of(t, type);
    if (lies_as(v.map, wanted) && !is_pictures(v)) return v;
    const auto key = std::make_pair(t, type);
    if (const auto known = converted_.find(key); known != converted_.end()) return known->second;
    const bool by_way_of_fp32 = v.map.type != type && v.map.type != DataType::kFloat32 &&
                                type != DataType::kFloat32 && !is_pictures(v);
    View from = by_way_of_fp32 ? operand(t, DataType::kFloat32) : v;
    if (!from.map.same_sizes(
            wanted)) {  // looked at in another shape: by way of NCHW order, which shapes share
      if (from.map.layout != Layout::kNchw) from = reformat(from, dense_of(from.map), t);
      from.map = dense(t);
    }
    if (!is_pictures(v)) return converted_[key] = reformat(from, wanted, t);
    if (type != DataType::kFloat32)
      return converted_[key] = reformat(operand(t, DataType::kFloat32), wanted, t);
    return converted_[key] = pictures_to_fp32(v, wanted, t);
  }
  View blocked_operand(TensorId t) { return operand(t, DataType::kFloat32); }

  static Layout blocked_layout(DataType type) {
    return type == DataType::kFloat32 ? Layout::kNchw16c : Layout::kNhwc;
  }

  static FeatureMap dense_of(FeatureMap map) {
    map.layout = Layout::kNchw;
    map.type = DataType::kFloat32;
    map.quantization = {};
    map.pixel_stride = 0;
    return map;
  }

  // ---- pictures ----

  static bool is_pictures(const View& v) {
    return v.ref.kind == OperandRef::Kind::kInput && v.map.type == DataType::kUInt8;
  }

  graph::Weights mean_of(TensorId t) const {
    const std::span<const float> mean = scheme(t).pixel_mean;
    return {Shape{static_cast<std::int64_t>(mean.size())}, mean};
  }

  View pictures_to_fp32(const View& from, const FeatureMap& to, TensorId t) {
    const View result = fresh(tensor_name(t), to);
    Step& step = add_step(kernels::ReformatDesc{from.map, to, 0, true}, {from.ref}, result);
    step.op = "Reformat";
    step.weights = {mean_of(t)};
    return result;
  }

  /// The pictures' bytes in front of a first layer, whether the caller gives them or FP32 less the mean.
  View picture_bytes(TensorId t) {
    if (const auto known = picture_bytes_.find(t); known != picture_bytes_.end()) return known->second;
    const View v = view(t);
    FeatureMap map = feature_map(shape(t), Layout::kNhwc, where(*node_));
    map.type = DataType::kUInt8;
    map.pixel_stride = kernels::kChannelQuad;
    const View result = fresh(tensor_name(t), map);
    Step& step = add_step(kernels::ReformatDesc{v.map, map, 0, true}, {v.ref}, result);
    step.op = "Reformat";
    if (!is_pictures(v)) step.weights = {mean_of(t)};
    return picture_bytes_[t] = result;
  }

  /// The input of a layer of integers or BF16. What the caller gives in a few planes stays as narrow.
  View dot_operand(TensorId t, bool narrow) {
    const View v = view(t);
    if (v.ref.kind != OperandRef::Kind::kInput || !narrow || v.map.channels > kernels::kChannelQuad)
      return operand(t, type_);
    if (type_ == DataType::kUInt8 && !scheme(t).pixel_mean.empty()) return picture_bytes(t);
    const auto key = std::make_pair(t, type_);
    if (const auto known = narrow_.find(key); known != narrow_.end()) return known->second;
    const View from = is_pictures(v) ? operand(t, DataType::kFloat32) : v;
    FeatureMap map = map_of(t, type_);
    map.pixel_stride = kernels::kChannelQuad;
    return narrow_[key] = reformat(from, map, t);
  }

  // ---- steps ----

  Step& add_step(kernels::OpDesc desc, std::vector<OperandRef> inputs, const View& output) {
    Step step;
    step.layer = node_->name;
    step.op = graph::op_name(node_->op);
    step.origin = node_->origin;
    step.desc = std::move(desc);
    step.inputs = std::move(inputs);
    step.output = output.ref;
    step.output_map = output.map;
    plan_.steps.push_back(std::move(step));
    return plan_.steps.back();
  }

  /// The step that computes node_'s one output with node_'s weights.
  Step& add_node_step(kernels::OpDesc desc, std::vector<OperandRef> inputs, const View& output) {
    views_[node_->outputs[0]] = output;
    Step& step = add_step(std::move(desc), std::move(inputs), output);
    step.macs = graph::macs(graph_, *node_);
    step.weights = node_->weights;
    return step;
  }

  View reformat(const View& from, const FeatureMap& to, TensorId t) {
    const View result = fresh(tensor_name(t), to);
    add_step(kernels::ReformatDesc{from.map, to, 0}, {from.ref}, result).op = "Reformat";
    return result;
  }

  [[noreturn]] void unsupported(const std::string& what) const {
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: {}", where(*node_), what));
  }

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
    return planar ? raw : blocked_operand(t);
  }

  /// The same values in another type, in the sizes they were written with.
  View retyped(const View& from, DataType type, TensorId t) {
    FeatureMap map = from.map;
    map.layout = blocked_layout(type);
    map.type = type;
    map.pixel_stride = 0;
    map.quantization = map_of(t, type).quantization;
    return reformat(from, map, t);
  }

  void lower(const graph::InnerProduct& fc) {
    // Any layout: packing permutes the weights.
    View input = view(node_->inputs[0]);
    if (is_pictures(input)) input = blocked_operand(node_->inputs[0]);
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

  bool reads_pictures(TensorId t, const View& input) const {
    const auto bytes = picture_bytes_.find(t);
    return bytes != picture_bytes_.end() && bytes->second.ref.index == input.ref.index;
  }

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
    FeatureMap map = stored_map(node_->outputs[0]);
    const bool maximum = pool.kind == graph::PoolKind::kMax;
    if (maximum) map.quantization = input.map.quantization;
    const View output = target(node_->outputs[0], map, maximum);
    desc.output = output.map;
    add_node_step(desc, {input.ref}, output);
  }

  /// One input to one output of the same shape, with scale and shift by channel or a plain ReLU.
  Step& add_affine(const std::optional<kernels::ReluDesc>& relu) {
    const View input = operand(node_->inputs[0], type_);
    const View output = target(node_->outputs[0]);
    return add_node_step(kernels::ChannelAffineDesc{input.map, relu, output.map}, {input.ref}, output);
  }

  void lower(const graph::Relu& relu) { add_affine(kernels::ReluDesc{relu.slope}); }

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
    switch (eltwise.kind) {
      case graph::EltwiseKind::kSum:
        desc.kind = kernels::EltwiseKind::kSum;
        break;
      case graph::EltwiseKind::kProduct:
        desc.kind = kernels::EltwiseKind::kProduct;
        break;
      case graph::EltwiseKind::kMax:
        desc.kind = kernels::EltwiseKind::kMax;
        break;
    }
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
    const View input = blocked_operand(node_->inputs[0]);
    add_node_step(kernels::SoftmaxDesc{input.map}, {input.ref}, target(node_->outputs[0]));
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
    if (is_pictures(from)) from = blocked_operand(t);
    const FeatureMap as_written =
        dense_of(from.map);  // NCHW order is the same whatever the shape it is looked at in
    const View to{reference(OperandRef::Kind::kOutput, index, as_written), as_written};
    Step& step = add_step(kernels::ReformatDesc{from.map, as_written, 0}, {from.ref}, to);
    step.layer = tensor_name(t);
    step.op = "Output";
  }

  const graph::Graph& graph_;
  const LowerOptions& options_;
  const quantize::Scheme scheme_;
  Plan& plan_;
  const ConcatPlacement placement_;
  const graph::Node* node_ = nullptr;
  DataType type_ = DataType::kFloat32;  // that node_ computes with
  std::map<TensorId, View> views_;
  std::set<TensorId> placed_;  // written straight into their concatenation
  std::map<std::pair<TensorId, DataType>, View> converted_;
  std::map<std::pair<TensorId, DataType>, View> narrow_;  // inputs of few channels, padded to 4 of them
  std::map<TensorId, View> picture_bytes_;
};

}  // namespace

kernels::FeatureMap feature_map(const Shape& shape, kernels::Layout layout, const std::string& where) {
  if (shape.rank() < 1 || shape.rank() > 4) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: a tensor of {} dimensions ({}); up to 4 (N, C, H, W) are supported", where,
                            shape.rank(), shape.to_string()));
  }
  FeatureMap map;
  map.channels = shape.dim_or_1(1), map.height = shape.dim_or_1(2), map.width = shape.dim_or_1(3);
  map.layout = layout;
  return map;
}

void lower(const graph::Graph& graph, const LowerOptions& options, Plan& plan) {
  Lowering(graph, options, plan).run();
}

}  // namespace octet::plan
