#include "quantize/file_scales.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "quantize/file_pictures.h"
#include "quantize/scheme.h"
#include "quantize/shared_scales.h"

namespace octet::quantize {
namespace {

using graph::Node;
using graph::TensorId;

constexpr int kLargestByte = 255;

std::size_t slot(TensorId t) { return static_cast<std::size_t>(t); }

/// real = scale * (q - zero_point)
struct Bytes {
  float scale;
  int zero_point;
  bool operator==(const Bytes&) const = default;

  double low() const { return -zero_point * static_cast<double>(scale); }
  double high() const { return (kLargestByte - zero_point) * static_cast<double>(scale); }
};

/// The smallest float that is not below `value`.
float rounded_up(double value) {
  const auto nearest = static_cast<float>(value);
  return static_cast<double>(nearest) < value
             ? std::nextafter(nearest, std::numeric_limits<float>::infinity())
             : nearest;
}

class FileScales {
 public:
  FileScales(graph::Graph& graph, const std::map<TensorId, std::vector<float>>& pictures,
             std::span<const std::string> written_in_fp32)
      : graph_(graph),
        written_in_fp32_(written_in_fp32),
        pictures_(pictures),
        producers_(graph.producers()),
        consumers_(graph.consumers()),
        never_negative_(never_negative_tensors(graph)),
        stays_(graph.nodes.size(), false) {}

  std::shared_ptr<const Calibration> take() {
    find_scales();
    const auto integers = [&](const Node& node) { return computes_with_integers(node); };
    if (std::none_of(graph_.nodes.begin(), graph_.nodes.end(), integers)) return nullptr;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      if (!graph::is_rounding(node.op)) continue;
      if (!is_near_integers(node) || is_for_fp32(node)) stays_[n] = true;
    }
    find_scales();
    std::shared_ptr<const Calibration> calibration = make_calibration();
    replace_roundings();
    return calibration;
  }

 private:
  static Bytes bytes_of(const Node& rounding) {
    const auto& op = std::get<graph::Activation>(rounding.op);
    return {op.a, static_cast<int>(op.b)};
  }
  bool is_output(TensorId t) const {
    return std::find(graph_.outputs.begin(), graph_.outputs.end(), t) != graph_.outputs.end();
  }
  const Node& producer(TensorId t) const {
    return graph_.nodes[static_cast<std::size_t>(producers_[slot(t)])];
  }

  /// Whether the rounding's saturation may be what is left of a ReLU.
  bool rectifies(const Node& rounding) const {
    const TensorId from = rounding.inputs[0];
    if (bytes_of(rounding).zero_point != 0 || never_negative_[slot(from)]) return false;
    if (std::holds_alternative<graph::Input>(producer(from).op)) return false;
    const std::vector<int>& readers = consumers_[slot(rounding.outputs[0])];
    return readers.empty() || !std::all_of(readers.begin(), readers.end(), [&](int reader) {
             return std::holds_alternative<graph::Relu>(graph_.nodes[static_cast<std::size_t>(reader)].op);
           });
  }

  /// Whether a node computes with what the rounding reads as it is.
  bool is_read_unrounded(TensorId t) const {
    return std::any_of(consumers_[slot(t)].begin(), consumers_[slot(t)].end(), [&](int reader) {
      return !graph::is_rounding(graph_.nodes[static_cast<std::size_t>(reader)].op);
    });
  }

  // ---- scales

  void find_scales() {
    scales_.assign(graph_.tensors.size(), std::nullopt);
    std::vector<std::optional<Bytes>> rounded(graph_.tensors.size());
    for (const auto& [input, mean] : pictures_) scales_[slot(input)] = Bytes{1, 0};
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      if (!graph::is_rounding(node.op)) continue;
      const std::size_t from = slot(node.inputs[0]), to = slot(node.outputs[0]);
      const Bytes bytes = bytes_of(node);
      scales_[to] = rounded[to] = bytes;
      if (rounded[from] && *rounded[from] != bytes) stays_[n] = true;
      if (pictures_.contains(node.inputs[0]) || is_read_unrounded(node.inputs[0])) stays_[n] = true;
      if (stays_[n]) continue;
      rounded[from] = bytes;
      if (!rectifies(node)) scales_[from] = bytes;
    }
    pass_scales_on();
  }

  /// A rounding commutes with what passes values on, so scales go along with them.
  void pass_scales_on() {
    for (const Node& node : graph_.nodes) {
      if (!passes_bytes_on(node)) continue;
      const std::optional<Bytes>& first = scales_[slot(node.inputs[0])];
      const bool same = first && std::all_of(node.inputs.begin(), node.inputs.end(),
                                             [&](TensorId t) { return scales_[slot(t)] == first; });
      if (!same) continue;
      for (const TensorId t : node.outputs)
        if (!scales_[slot(t)]) scales_[slot(t)] = first;
    }
    for (std::size_t n = graph_.nodes.size(); n-- > 0;) {
      const Node& node = graph_.nodes[n];
      if (!passes_bytes_on(node) || node.outputs.size() != 1) continue;
      for (const TensorId t : node.inputs) {
        const bool sole = consumers_[slot(t)].size() == 1 && !is_output(t);
        if (sole && !scales_[slot(t)]) scales_[slot(t)] = scales_[slot(node.outputs[0])];
      }
    }
  }
  static bool passes_bytes_on(const Node& node) {
    const auto* concat = std::get_if<graph::Concat>(&node.op);
    return passes_values_on(node.op) && (concat == nullptr || concat->axis == 1);
  }

  // ---- integers

  bool has_scale(TensorId t) const { return scales_[slot(t)].has_value(); }
  bool is_integer_layer(const Node& node) const {
    return has_weights_of_taps(node.op) && has_scale(node.inputs[0]) && !node.weights.empty() &&
           !node.weights[0].scales().empty();
  }
  /// As make_scheme decides it with the calibration that is made here.
  bool computes_with_integers(const Node& node) const {
    if (has_weights_of_taps(node.op)) return is_integer_layer(node);
    if (std::holds_alternative<graph::Input>(node.op) || is_view(node.op)) return false;
    const auto known = [&](TensorId t) { return has_scale(t); };
    return computes_in(node.op, DataType::kUInt8) &&
           std::all_of(node.inputs.begin(), node.inputs.end(), known) &&
           (writes_fp32(node.op, DataType::kUInt8) ||
            std::all_of(node.outputs.begin(), node.outputs.end(),
                        [&](TensorId t) { return has_scale(t) || has_rectified_scale(node, t); }));
  }
  /// Whether a ReLU behind the node, or one that a rounding becomes, will be a part of it
  /// (optimize/fuse_relu.cc), and has a scale.
  bool has_rectified_scale(const Node& node, TensorId output) const {
    const bool can_carry_relu = std::holds_alternative<graph::ChannelAffine>(node.op) ||
                                std::holds_alternative<graph::Eltwise>(node.op);
    const std::vector<int>& readers = consumers_[slot(output)];
    if (!can_carry_relu || readers.size() != 1 || is_output(output)) return false;
    const auto n = static_cast<std::size_t>(readers[0]);
    const Node& reader = graph_.nodes[n];
    if (std::holds_alternative<graph::Relu>(reader.op)) return has_scale(reader.outputs[0]);
    return graph::is_rounding(reader.op) && !stays_[n] && rectifies(reader);
  }

  static bool is_looked_through(const Node& node) { return is_view(node.op) || graph::is_rounding(node.op); }
  bool is_near_integers(const Node& rounding) const {
    return comes_from_integers(rounding.inputs[0]) || goes_to_integers(rounding.outputs[0]);
  }
  /// Whether a layer would write FP32 for what reads the rounding, and so leave it out.
  bool is_for_fp32(const Node& rounding) const {
    const TensorId to = rounding.outputs[0];
    const std::string& name = graph_.tensors[slot(to)].name;
    const bool is_exempt =
        std::find(written_in_fp32_.begin(), written_in_fp32_.end(), name) != written_in_fp32_.end();
    return !is_exempt && goes_to_fp32(to) && writes_fp32(producer(rounding.inputs[0]).op, DataType::kUInt8);
  }
  bool goes_to_fp32(TensorId t) const {
    return is_output(t) || std::any_of(consumers_[slot(t)].begin(), consumers_[slot(t)].end(), [&](int c) {
             const Node& node = graph_.nodes[static_cast<std::size_t>(c)];
             if (!is_looked_through(node)) return !computes_with_integers(node);
             return std::any_of(node.outputs.begin(), node.outputs.end(),
                                [&](TensorId output) { return goes_to_fp32(output); });
           });
  }
  bool comes_from_integers(TensorId t) const {
    const Node* node = &producer(t);
    while (is_looked_through(*node)) node = &producer(node->inputs[0]);
    return computes_with_integers(*node);
  }
  bool goes_to_integers(TensorId t) const {
    return std::any_of(consumers_[slot(t)].begin(), consumers_[slot(t)].end(), [&](int c) {
      const Node& node = graph_.nodes[static_cast<std::size_t>(c)];
      if (!is_looked_through(node)) return computes_with_integers(node);
      return std::any_of(node.outputs.begin(), node.outputs.end(),
                         [&](TensorId output) { return goes_to_integers(output); });
    });
  }

  // ---- results

  std::shared_ptr<const Calibration> make_calibration() const {
    auto calibration = std::make_shared<Calibration>();
    calibration->method = CalibrationMethod::kFile;
    calibration->source.network = graph_.name;
    calibration->source.data = "the scales of the network's own file";
    for (std::size_t t = 0; t < graph_.tensors.size(); ++t)
      if (scales_[t]) calibration->tensors.push_back(tensor_calibration(static_cast<TensorId>(t)));
    for (const Node& node : graph_.nodes)
      if (has_weights_of_taps(node.op)) calibration->layers.push_back(layer_calibration(node));
    return calibration;
  }

  TensorCalibration tensor_calibration(TensorId t) const {
    const Bytes& bytes = *scales_[slot(t)];
    TensorCalibration tensor;
    tensor.name = graph_.tensors[slot(t)].name;
    tensor.method = CalibrationMethod::kFile;
    tensor.scale = bytes.scale, tensor.zero_point = bytes.zero_point;
    tensor.minimum = static_cast<float>(bytes.low()), tensor.maximum = static_cast<float>(bytes.high());
    if (const auto picture = pictures_.find(t); picture != pictures_.end()) {
      tensor.pixel_mean = picture->second;
      const auto [least, most] = std::minmax_element(tensor.pixel_mean.begin(), tensor.pixel_mean.end());
      tensor.minimum = -*most, tensor.maximum = kLargestByte - *least;
    }
    tensor.threshold = std::max(std::abs(tensor.minimum), std::abs(tensor.maximum));
    return tensor;
  }

  LayerCalibration layer_calibration(const Node& node) const {
    LayerCalibration layer;
    layer.name = node.name;
    if (is_integer_layer(node)) return layer;
    layer.precision = Precision::kFloat32;
    layer.reason =
        has_scale(node.inputs[0]) ? "the file has its weights as floats" : "the file has its input as floats";
    return layer;
  }

  void replace_roundings() {
    std::map<TensorId, TensorId> rounded;  // what the first rounding of a tensor makes
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      Node& node = graph_.nodes[n];
      if (!graph::is_rounding(node.op) || stays_[n]) continue;
      const Bytes bytes = bytes_of(node);
      const bool is_relu = rectifies(node);
      const auto [first, is_first] = rounded.emplace(node.inputs[0], node.outputs[0]);
      if (is_first && is_relu) {
        node.op = graph::Relu{.limit = rounded_up(bytes.high())};
      } else {
        node.op = graph::Identity{"Quantized"};
        if (!is_first) node.inputs[0] = first->second;
      }
    }
  }

  graph::Graph& graph_;
  const std::span<const std::string> written_in_fp32_;
  const std::map<TensorId, std::vector<float>>& pictures_;  // means by input
  const std::vector<int> producers_;
  const std::vector<std::vector<int>> consumers_;
  const std::vector<bool> never_negative_;
  std::vector<bool> stays_;                   // by node: a rounding that stays one
  std::vector<std::optional<Bytes>> scales_;  // by tensor
};

}  // namespace

std::shared_ptr<const Calibration> take_file_scales(graph::Graph& graph,
                                                    std::span<const std::string> written_in_fp32) {
  graph::Graph changed = graph;
  const std::map<TensorId, std::vector<float>> pictures = take_file_pictures(changed);
  std::shared_ptr<const Calibration> calibration = FileScales(changed, pictures, written_in_fp32).take();
  if (calibration) graph = std::move(changed);
  return calibration;
}

}  // namespace octet::quantize
