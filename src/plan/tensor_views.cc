#include "plan/tensor_views.h"

#include <fmt/format.h>

#include <utility>

#include "graph/describe.h"
#include "octet/error.h"
#include "plan/lower.h"

namespace octet::plan {

using graph::TensorId;
using kernels::FeatureMap;
using kernels::Layout;

namespace {

/// Whether values of map `from` may be read as they lie where `wanted` is asked for.
bool lies_as(const FeatureMap& from, const FeatureMap& wanted) {
  return from.same_sizes(wanted) && from.layout == wanted.layout && from.type == wanted.type;
}

Layout blocked_layout(DataType type) { return type == DataType::kFloat32 ? Layout::kNchw16c : Layout::kNhwc; }

bool is_pictures(const View& v) {
  return v.ref.kind == OperandRef::Kind::kInput && v.map.type == DataType::kUInt8;
}

}  // namespace

TensorViews::TensorViews(const graph::Graph& graph, const quantize::Scheme& scheme, Plan& plan)
    : graph_(graph), scheme_(scheme), plan_(plan), placement_(place_concats(graph)) {}

FeatureMap TensorViews::dense(TensorId t) const {
  return feature_map(graph_.shape(t), Layout::kNchw, where(*node_));
}

FeatureMap TensorViews::map_of(TensorId t, DataType type) const {
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

int TensorViews::new_buffer(const std::string& tensor, const FeatureMap& map) {
  Buffer buffer;
  buffer.tensor = tensor;
  buffer.map = map;
  plan_.buffers.push_back(std::move(buffer));
  return static_cast<int>(plan_.buffers.size()) - 1;
}

OperandRef TensorViews::reference(OperandRef::Kind kind, int index, const FeatureMap& map) {
  return {kind, index, 0, map.elements(), static_cast<int>(size_of(map.type))};
}

View TensorViews::fresh(const std::string& tensor, const FeatureMap& map) {
  return {reference(OperandRef::Kind::kBuffer, new_buffer(tensor, map), map), map};
}

View TensorViews::target(TensorId t, FeatureMap map) {
  const auto place = placement_.find(t);
  if (place != placement_.end()) {
    View whole = concat_view(place->second.concat);
    const bool fits = whole.map.layout == map.layout && whole.map.type == map.type &&
                      whole.map.quantization == map.quantization;
    if (fits) {
      placed_.insert(t);
      if (map.layout == Layout::kNhwc) {
        map.pixel_stride = whole.map.pixel_step();
        whole.ref.element_offset += place->second.channel;
      } else {
        whole.ref.element_offset += place->second.channel * map.pixels();
      }
      return {whole.ref, map};
    }
  }
  return fresh(tensor_name(t), map);
}

View TensorViews::concat_view(TensorId concat) {
  const auto known = views_.find(concat);
  if (known != views_.end()) return known->second;
  return views_[concat] = target(concat);
}

View TensorViews::operand(TensorId t, DataType type) {
  const View v = view(t);
  FeatureMap wanted = v.map;
  if (v.map.type != type || !v.map.same_sizes(map_of(t, DataType::kFloat32)) ||
      v.map.layout != blocked_layout(type) || is_pictures(v))
    wanted = map_of(t, type);
  if (lies_as(v.map, wanted) && !is_pictures(v)) return v;
  const auto key = std::make_pair(t, type);
  if (const auto known = converted_.find(key); known != converted_.end()) return known->second;
  const bool by_way_of_fp32 =
      v.map.type != type && v.map.type != DataType::kFloat32 && type != DataType::kFloat32 && !is_pictures(v);
  View from = by_way_of_fp32 ? operand(t, DataType::kFloat32) : v;
  if (!from.map.same_sizes(wanted)) {  // looked at in another shape: by way of NCHW order, which shapes share
    if (from.map.layout != Layout::kNchw) from = reformat(from, dense_of(from.map), t);
    from.map = dense(t);
  }
  if (!is_pictures(v)) return converted_[key] = reformat(from, wanted, t);
  if (type != DataType::kFloat32)
    return converted_[key] = reformat(operand(t, DataType::kFloat32), wanted, t);
  return converted_[key] = pictures_to_fp32(v, wanted, t);
}

FeatureMap TensorViews::dense_of(FeatureMap map) {
  map.layout = Layout::kNchw;
  map.type = DataType::kFloat32;
  map.quantization = {};
  map.pixel_stride = 0;
  return map;
}

graph::Weights TensorViews::mean_of(TensorId t) const {
  const std::span<const float> mean = scheme(t).pixel_mean;
  return {Shape{static_cast<std::int64_t>(mean.size())}, mean};
}

View TensorViews::pictures_to_fp32(const View& from, const FeatureMap& to, TensorId t) {
  const View result = fresh(tensor_name(t), to);
  Step& step = add_step(kernels::ReformatDesc{from.map, to, 0, true}, {from.ref}, result);
  step.op = "Reformat";
  step.weights = {mean_of(t)};
  return result;
}

View TensorViews::picture_bytes(TensorId t) {
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

View TensorViews::dot_operand(TensorId t, bool narrow) {
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

Step& TensorViews::add_step(kernels::OpDesc desc, std::vector<OperandRef> inputs, const View& output) {
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

Step& TensorViews::add_node_step(kernels::OpDesc desc, std::vector<OperandRef> inputs, const View& output) {
  views_[node_->outputs[0]] = output;
  Step& step = add_step(std::move(desc), std::move(inputs), output);
  step.macs = graph::macs(graph_, *node_);
  step.weights = node_->weights;
  return step;
}

View TensorViews::reformat(const View& from, const FeatureMap& to, TensorId t) {
  const View result = fresh(tensor_name(t), to);
  add_step(kernels::ReformatDesc{from.map, to, 0}, {from.ref}, result).op = "Reformat";
  return result;
}

void TensorViews::unsupported(const std::string& what) const {
  throw Error(ErrorCode::kUnsupported, fmt::format("{}: {}", where(*node_), what));
}

View TensorViews::retyped(const View& from, DataType type, TensorId t) {
  FeatureMap map = from.map;
  map.layout = blocked_layout(type);
  map.type = type;
  map.pixel_stride = 0;
  map.quantization = map_of(t, type).quantization;
  return reformat(from, map, t);
}

bool TensorViews::reads_pictures(TensorId t, const View& input) const {
  const auto bytes = picture_bytes_.find(t);
  return bytes != picture_bytes_.end() && bytes->second.ref.index == input.ref.index;
}

}  // namespace octet::plan
