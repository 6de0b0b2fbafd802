#include "plan/lower.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "graph/batch_norm.h"
#include "graph/describe.h"
#include "octet/error.h"
#include "plan/concat_placement.h"

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

bool same_sizes(const FeatureMap& a, const FeatureMap& b) {
  return a.channels == b.channels && a.height == b.height && a.width == b.width;
}

/// A tensor's values in memory. Where a Flatten or Reshape only changed how they are looked at, `map` still
/// has the sizes they were written with, in the same NCHW order of values as the tensor's own shape.
struct View {
  OperandRef ref;
  FeatureMap map;
};

class Lowering {
 public:
  Lowering(const graph::Graph& graph, Plan& plan)
      : graph_(graph), plan_(plan), placement_(place_concats(graph)) {}

  void run() {
    for (const graph::Node& node : graph_.nodes) {
      node_ = &node;
      std::visit([this](const auto& op) { lower(op); }, node.op);
    }
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) write_output(static_cast<int>(i));
  }

 private:
  // ---- operands ----

  const Shape& shape(TensorId t) const { return graph_.shape(t); }
  FeatureMap blocked(TensorId t) const { return feature_map(shape(t), Layout::kNchw16c, where(*node_)); }
  FeatureMap dense(TensorId t) const { return feature_map(shape(t), Layout::kNchw, where(*node_)); }

  int new_buffer(const std::string& tensor, const FeatureMap& map) {
    Buffer buffer;
    buffer.tensor = tensor;
    buffer.map = map;
    plan_.buffers.push_back(std::move(buffer));
    return static_cast<int>(plan_.buffers.size()) - 1;
  }

  View fresh(const std::string& tensor, const FeatureMap& map) {
    return {{OperandRef::Kind::kBuffer, new_buffer(tensor, map), 0, map.elements()}, map};
  }

  /// Where a step shall write tensor t: a block range of a concatenation, or a buffer of its own.
  View target(TensorId t) {
    const FeatureMap map = blocked(t);
    if (const auto place = placement_.find(t); place != placement_.end()) {
      View whole = concat_view(place->second.concat);
      whole.ref.element_offset += place->second.channel * map.pixels();
      return {whole.ref, map};
    }
    return fresh(graph_.tensors[static_cast<std::size_t>(t)].name, map);
  }

  /// The buffer of a concatenation's result, made when its first part is.
  View concat_view(TensorId concat) {
    const auto known = views_.find(concat);
    if (known != views_.end()) return known->second;
    return views_[concat] = target(concat);
  }

  View view(TensorId t) const { return views_.at(t); }

  /// Tensor t as a kNchw16c map of its own shape, converted if it does not lie so.
  View blocked_operand(TensorId t) {
    const View v = view(t);
    const FeatureMap wanted = blocked(t);
    if (v.map == wanted) return v;
    if (const auto known = converted_.find(t); known != converted_.end()) return known->second;
    View plain = v;
    if (v.map.layout != Layout::kNchw) plain = reformat(v, dense_of(v.map), t);
    plain.map = dense(t);  // the same values in the same order, looked at in the tensor's own shape
    return converted_[t] = reformat(plain, wanted, t);
  }

  static FeatureMap dense_of(FeatureMap map) {
    map.layout = Layout::kNchw;
    return map;
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
    const View result = fresh(graph_.tensors[static_cast<std::size_t>(t)].name, to);
    add_step(kernels::ReformatDesc{from.map, to, 0}, {from.ref}, result).op = "Reformat";
    return result;
  }

  [[noreturn]] void unsupported(const std::string& what) const {
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: {}", where(*node_), what));
  }

  void lower(const graph::Input&) {
    const TensorId t = node_->outputs[0];
    const FeatureMap map = dense(t);
    const int index = static_cast<int>(plan_.inputs.size());
    plan_.inputs.push_back({graph_.tensors[static_cast<std::size_t>(t)].name, shape(t)});
    views_[t] = {{OperandRef::Kind::kInput, index, 0, map.elements()}, map};
  }

  void lower(const graph::Convolution& conv) {
    // A first layer of a few channels reads the caller's planes; blocks of 16 would be mostly padding.
    const View raw = view(node_->inputs[0]);
    const bool planar =
        raw.map == dense(node_->inputs[0]) && raw.map.channels < kernels::kChannelBlock && conv.groups == 1;
    const View input = planar ? raw : blocked_operand(node_->inputs[0]);
    kernels::ConvDesc desc;
    desc.input = input.map;
    desc.output = blocked(node_->outputs[0]);
    desc.window = window_desc(conv.window);
    desc.groups = conv.groups;
    desc.has_bias = node_->weights.size() > 1;
    desc.residual = node_->inputs.size() > 1;
    desc.relu = relu_desc(conv.relu);
    std::vector<OperandRef> inputs = {input.ref};
    if (desc.residual) inputs.push_back(blocked_operand(node_->inputs[1]).ref);
    add_node_step(desc, std::move(inputs), target(node_->outputs[0]));
  }

  void lower(const graph::InnerProduct& fc) {
    const View input = view(node_->inputs[0]);  // any layout: packing permutes the weights
    kernels::FullyConnectedDesc desc;
    desc.input = input.map;
    desc.output = blocked(node_->outputs[0]);
    desc.has_bias = node_->weights.size() > 1;
    desc.relu = relu_desc(fc.relu);
    add_node_step(desc, {input.ref}, target(node_->outputs[0]));
  }

  void lower(const graph::Pooling& pool) {
    const View input = blocked_operand(node_->inputs[0]);
    kernels::PoolDesc desc;
    desc.input = input.map;
    desc.output = blocked(node_->outputs[0]);
    desc.window = window_desc(pool.window);
    if (pool.global) desc.window = {.kernel_h = input.map.height, .kernel_w = input.map.width};
    desc.kind = pool.kind == graph::PoolKind::kMax ? kernels::PoolKind::kMax : kernels::PoolKind::kAverage;
    desc.divisor = pool.divisor == graph::AverageDivisor::kPaddedWindow
                       ? kernels::AverageDivisor::kPaddedWindow
                       : kernels::AverageDivisor::kValidOnly;
    add_node_step(desc, {input.ref}, target(node_->outputs[0]));
  }

  void lower(const graph::Relu& relu) {
    const View input = blocked_operand(node_->inputs[0]);
    add_node_step(kernels::ChannelAffineDesc{input.map, kernels::ReluDesc{relu.slope}}, {input.ref},
                  target(node_->outputs[0]));
  }

  void lower(const graph::Lrn& lrn) {
    const View input = blocked_operand(node_->inputs[0]);
    kernels::LrnDesc desc;
    desc.map = input.map;
    desc.across_channels = lrn.region == graph::LrnRegion::kAcrossChannels;
    desc.size = lrn.size;
    desc.alpha = lrn.alpha, desc.beta = lrn.beta, desc.k = lrn.k;
    add_node_step(desc, {input.ref}, target(node_->outputs[0]));
  }

  /// Only where the pass fold_batch_norm is switched off: as scale and shift.
  void lower(const graph::BatchNorm&) {
    const View input = blocked_operand(node_->inputs[0]);
    Step& step = add_node_step(kernels::ChannelAffineDesc{input.map, std::nullopt}, {input.ref},
                               target(node_->outputs[0]));
    step.weights = graph::batch_norm_as_affine(*node_);
  }

  void lower(const graph::ChannelAffine& affine) {
    const View input = blocked_operand(node_->inputs[0]);
    add_node_step(kernels::ChannelAffineDesc{input.map, relu_desc(affine.relu)}, {input.ref},
                  target(node_->outputs[0]));
  }

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
      if (place == placement_.end() || place->second.concat != result || place->second.channel != channel) {
        copy_into(whole, blocked_operand(t), channel);
      }
      channel += shape(t)[1];
    }
  }

  /// Copies `part` to channels [channel, ...) of `whole`, from the block in which they begin.
  void copy_into(const View& whole, const View& part, std::int64_t channel) {
    View place = whole;
    const std::int64_t block_begin = channel / kernels::kChannelBlock * kernels::kChannelBlock;
    place.ref.element_offset += block_begin * whole.map.pixels();
    place.map.channels = whole.map.channels - block_begin;
    add_step(kernels::ReformatDesc{part.map, place.map, channel - block_begin}, {part.ref}, place);
  }

  void lower(const graph::Eltwise& eltwise) {
    kernels::EltwiseDesc desc;
    desc.map = blocked(node_->outputs[0]);
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
    for (const TensorId t : node_->inputs) inputs.push_back(blocked_operand(t).ref);
    add_node_step(desc, std::move(inputs), target(node_->outputs[0]));
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
    const FeatureMap now = feature_map(shape(node_->outputs[0]), v.map.layout, where(*node_));
    // A vector stays a vector; a dense buffer may simply be looked at in the new sizes.
    if (v.map.layout == Layout::kNchw || same_sizes(v.map, now)) v.map = now;
    views_[node_->outputs[0]] = v;
  }

  void write_output(int index) {
    const TensorId t = graph_.outputs[static_cast<std::size_t>(index)];
    plan_.outputs.push_back({graph_.tensors[static_cast<std::size_t>(t)].name, shape(t)});
    View from = view(t);
    const FeatureMap as_written =
        dense_of(from.map);  // NCHW order is the same whatever the shape it is looked at in
    View to{{OperandRef::Kind::kOutput, index, 0, as_written.elements()}, as_written};
    Step& step = add_step(kernels::ReformatDesc{from.map, as_written, 0}, {from.ref}, to);
    step.layer = graph_.tensors[static_cast<std::size_t>(t)].name;
    step.op = "Output";
  }

  const graph::Graph& graph_;
  Plan& plan_;
  const ConcatPlacement placement_;
  const graph::Node* node_ = nullptr;
  std::map<TensorId, View> views_;
  std::map<TensorId, View> converted_;
};

}  // namespace

kernels::FeatureMap feature_map(const Shape& shape, kernels::Layout layout, const std::string& where) {
  if (shape.rank() < 1 || shape.rank() > 4) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: a tensor of {} dimensions ({}); up to 4 (N, C, H, W) are supported", where,
                            shape.rank(), shape.to_string()));
  }
  return {shape.dim_or_1(1), shape.dim_or_1(2), shape.dim_or_1(3), layout, DataType::kFloat32};
}

void lower(const graph::Graph& graph, Plan& plan) { Lowering(graph, plan).run(); }

}  // namespace octet::plan
