#include "quantize/scheme.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <string>

#include "octet/error.h"
#include "quantize/integer_layer.h"
#include "quantize/shared_scales.h"

namespace octet::quantize {
namespace {

using graph::Node;
using graph::TensorId;

DataType type_of(Precision precision) {
  switch (precision) {
    case Precision::kInt8:
      return DataType::kUInt8;
    case Precision::kInt16:
      return DataType::kInt16;
    case Precision::kBFloat16:
      return DataType::kBFloat16;
    default:
      return DataType::kFloat32;
  }
}

/// Rising precision.
int rank(DataType type) {
  switch (type) {
    case DataType::kUInt8:
      return 0;
    case DataType::kInt16:
      return 1;
    case DataType::kBFloat16:
      return 2;
    default:
      return 3;
  }
}

class SchemeMaker {
 public:
  SchemeMaker(const graph::Graph& graph, Precision precision, const Calibration* calibration)
      : graph_(graph),
        precision_(precision),
        follows_file_(calibration != nullptr && calibration->method == CalibrationMethod::kFile &&
                      (precision == Precision::kInt8 || precision == Precision::kMixed)),
        calibration_(calibration),
        producers_(graph.producers()),
        consumers_(graph.consumers()) {}

  Scheme make() {
    scheme_.nodes.assign(graph_.nodes.size(), DataType::kFloat32);
    scheme_.tensors.resize(graph_.tensors.size());
    const bool needs_scales = precision_ != Precision::kFloat32 && precision_ != Precision::kBFloat16;
    if (needs_scales && calibration_ == nullptr) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("precision {} needs a calibration, got none", to_string(precision_)));
    }
    if (calibration_ != nullptr) {
      check_names();
      read_tensors();
    }
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) scheme_.nodes[n] = node_type(graph_.nodes[n]);
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) choose_storage(n);
    check_scales();
    if (std::count(scheme_.nodes.begin(), scheme_.nodes.end(), DataType::kInt16) > 0) choose_int16_scales();
    return std::move(scheme_);
  }

 private:
  TensorScheme& tensor(TensorId t) { return scheme_.tensors[static_cast<std::size_t>(t)]; }
  const std::string& name(TensorId t) const { return graph_.tensors[static_cast<std::size_t>(t)].name; }

  void check_names() const {
    std::set<std::string_view> tensors, nodes;
    for (const graph::Tensor& t : graph_.tensors) tensors.insert(t.name);
    for (const Node& node : graph_.nodes) nodes.insert(node.name);
    for (const TensorCalibration& t : calibration_->tensors) {
      if (tensors.count(t.name) == 0)
        throw Error(
            ErrorCode::kMismatch,
            fmt::format("the calibration has tensor '{}', which network '{}' lacks", t.name, graph_.name));
    }
    for (const LayerCalibration& layer : calibration_->layers) {
      if (nodes.count(layer.name) == 0)
        throw Error(
            ErrorCode::kMismatch,
            fmt::format("the calibration has layer '{}', which network '{}' lacks", layer.name, graph_.name));
    }
  }

  void read_tensors() {
    for (std::size_t t = 0; t < graph_.tensors.size(); ++t) {
      const TensorCalibration* known = calibration_->find_tensor(graph_.tensors[t].name);
      if (known == nullptr) continue;
      scheme_.tensors[t].u8 = kernels::Quantization{known->scale, known->zero_point, 0};
      if (known->pixel_mean.empty()) continue;
      // Only a convolution reads the pictures' bytes; for everything else they are signed like any tensor.
      const float largest = std::max(std::fabs(known->minimum), std::fabs(known->maximum));
      scheme_.tensors[t].u8 = kernels::Quantization{largest > 0 ? largest / 127 : 1.0f, 128, 0};
      scheme_.tensors[t].pixel_mean = known->pixel_mean;
    }
  }

  DataType node_type(const Node& node) {
    if (std::holds_alternative<graph::Input>(node.op))
      return type_of(precision_ == Precision::kMixed ? Precision::kInt8 : precision_);
    if (has_weights_of_taps(node.op)) {
      const bool by_layer = calibration_ != nullptr && (precision_ == Precision::kMixed || follows_file_);
      if (!by_layer) return type_of(precision_);
      const LayerCalibration* layer = calibration_->find_layer(node.name);
      if (layer == nullptr)
        throw Error(ErrorCode::kMismatch,
                    fmt::format("{}: the calibration lacks this layer", node.origin.to_string()));
      return type_of(layer->precision);
    }
    if (follows_file_ && !is_view(node.op)) {
      const bool integers = has_scales(node) && computes_in(node.op, DataType::kUInt8);
      return integers ? DataType::kUInt8 : DataType::kFloat32;
    }
    DataType type = DataType::kUInt8;
    for (const TensorId t : node.inputs) {
      const int producer = producers_[static_cast<std::size_t>(t)];
      const DataType made = scheme_.nodes[static_cast<std::size_t>(producer)];
      if (rank(made) > rank(type)) type = made;
    }
    return is_view(node.op) || computes_in(node.op, type) ? type : DataType::kFloat32;
  }

  /// Whether a file has scales for all that a node without taps reads and writes as integers.
  bool has_scales(const Node& node) const {
    const auto known = [&](TensorId t) {
      return scheme_.tensors[static_cast<std::size_t>(t)].u8.has_value();
    };
    return std::all_of(node.inputs.begin(), node.inputs.end(), known) &&
           (writes_fp32(node.op, DataType::kUInt8) ||
            std::all_of(node.outputs.begin(), node.outputs.end(), known));
  }

  /// The types in which tensor t is wanted, looking through views.
  void collect_wanted(TensorId t, std::set<DataType>& wanted) const {
    if (std::find(graph_.outputs.begin(), graph_.outputs.end(), t) != graph_.outputs.end())
      wanted.insert(DataType::kFloat32);
    for (const int c : consumers_[static_cast<std::size_t>(t)]) {
      const Node& consumer = graph_.nodes[static_cast<std::size_t>(c)];
      if (is_view(consumer.op)) {
        for (const TensorId output : consumer.outputs) collect_wanted(output, wanted);
      } else {
        wanted.insert(scheme_.nodes[static_cast<std::size_t>(c)]);
      }
    }
  }

  void choose_storage(std::size_t n) {
    const Node& node = graph_.nodes[n];
    const DataType type = scheme_.nodes[n];
    for (const TensorId t : node.outputs) {
      tensor(t).stored = is_view(node.op) ? tensor(node.inputs[0]).stored : type;
      if (type == DataType::kFloat32 || !writes_fp32(node.op, type)) continue;
      std::set<DataType> wanted;
      collect_wanted(t, wanted);
      const bool cannot_be_narrow = follows_file_ && !tensor(t).u8;
      if (cannot_be_narrow || wanted != std::set<DataType>{type}) tensor(t).stored = DataType::kFloat32;
    }
  }

  /// Every tensor that is read or written as u8 has a scale.
  void check_scales() {
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      const bool computes = !is_view(node.op) && !std::holds_alternative<graph::Input>(node.op);
      if (scheme_.nodes[n] != DataType::kUInt8 || !computes) continue;
      const auto check = [&](TensorId t) {
        if (tensor(t).u8) return;
        throw Error(ErrorCode::kMismatch,
                    fmt::format("{}: the calibration lacks tensor '{}'", node.origin.to_string(), name(t)));
      };
      for (const TensorId t : node.inputs) check(t);
      for (const TensorId t : node.outputs) {
        if (tensor(t).stored == DataType::kUInt8) check(t);
      }
    }
  }

  // ---- 16-bit scales: one for all tensors that share memory or values ----

  std::size_t group_of(std::size_t t) {
    while (groups_[t] != t) t = groups_[t] = groups_[groups_[t]];
    return t;
  }
  void tie(TensorId a, TensorId b) {
    groups_[group_of(static_cast<std::size_t>(a))] = group_of(static_cast<std::size_t>(b));
  }

  void choose_int16_scales() {
    groups_.resize(graph_.tensors.size());
    std::iota(groups_.begin(), groups_.end(), std::size_t{0});
    for (const Node& node : graph_.nodes) {
      if (!passes_values_on(node.op)) continue;
      for (const TensorId in : node.inputs) {
        for (const TensorId out : node.outputs) tie(in, out);
      }
    }
    std::map<std::size_t, float> largest;
    for (std::size_t t = 0; t < graph_.tensors.size(); ++t) {
      const TensorCalibration* known = calibration_->find_tensor(graph_.tensors[t].name);
      if (known == nullptr) continue;
      float& value = largest[group_of(t)];
      value = std::max({value, std::fabs(known->minimum), std::fabs(known->maximum)});
    }
    std::map<std::size_t, std::int32_t> limits;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      if (scheme_.nodes[n] != DataType::kInt16 || !has_weights_of_taps(node.op)) continue;
      const std::size_t group = group_of(static_cast<std::size_t>(node.inputs[0]));
      if (largest.count(group) == 0)
        throw Error(ErrorCode::kMismatch, fmt::format("{}: the calibration lacks tensor '{}'",
                                                      node.origin.to_string(), name(node.inputs[0])));
      if (node.weights[0].empty()) continue;  // only memory is asked for
      const std::span<const float> bias =
          node.weights.size() > 1 ? node.weights[1].values() : std::span<const float>();
      const std::int32_t limit =
          int16_limit(node.weights[0].values(), bias, node.weights[0].shape()[0], largest[group]);
      const auto known = limits.emplace(group, limit).first;
      known->second = std::min(known->second, limit);
    }
    constexpr std::int32_t kLargest = 32767;
    for (std::size_t t = 0; t < graph_.tensors.size(); ++t) {
      const std::size_t group = group_of(t);
      const std::int32_t limit = limits.count(group) > 0 ? limits[group] : kLargest;
      const float value = largest[group];
      scheme_.tensors[t].s16 = {value > 0 ? value / static_cast<float>(limit) : 1.0f, 0, limit};
    }
  }

  const graph::Graph& graph_;
  Precision precision_;
  bool follows_file_;
  const Calibration* calibration_;
  const std::vector<int> producers_;
  const std::vector<std::vector<int>> consumers_;
  std::vector<std::size_t> groups_;
  Scheme scheme_;
};

}  // namespace

bool is_view(const graph::Op& op) {
  return std::holds_alternative<graph::Identity>(op) || std::holds_alternative<graph::Flatten>(op) ||
         std::holds_alternative<graph::Reshape>(op) || std::holds_alternative<graph::Slice>(op);
}

bool has_weights_of_taps(const graph::Op& op) {
  return std::holds_alternative<graph::Convolution>(op) || std::holds_alternative<graph::InnerProduct>(op);
}

bool computes_in(const graph::Op& op, DataType type) {
  if (type == DataType::kFloat32) return true;
  if (std::holds_alternative<graph::Pooling>(op) || std::holds_alternative<graph::ChannelShuffle>(op))
    return true;
  // Another border need not be within the integers' range.
  if (const auto* pad = std::get_if<graph::Pad>(&op)) return pad->value == 0 || type == DataType::kBFloat16;
  if (const auto* concat = std::get_if<graph::Concat>(&op)) return concat->axis == 1;
  if (type == DataType::kBFloat16) return false;
  if (const auto* eltwise = std::get_if<graph::Eltwise>(&op))
    return eltwise->kind != graph::EltwiseKind::kQuotient;
  if (graph::is_rounding(op)) return false;
  if (std::holds_alternative<graph::Lrn>(op) || std::holds_alternative<graph::Activation>(op))
    return type == DataType::kUInt8;
  return std::holds_alternative<graph::Relu>(op) || std::holds_alternative<graph::ChannelAffine>(op) ||
         std::holds_alternative<graph::BatchNorm>(op);
}

bool writes_fp32(const graph::Op& op, DataType type) {
  if (has_weights_of_taps(op)) return true;
  const auto* pool = std::get_if<graph::Pooling>(&op);
  return pool != nullptr && pool->kind == graph::PoolKind::kAverage && type == DataType::kUInt8;
}

Scheme make_scheme(const graph::Graph& graph, Precision precision, const Calibration* calibration) {
  return SchemeMaker(graph, precision, calibration).make();
}

}  // namespace octet::quantize
