// What a QDQ model says beyond the operators: as which integers each tensor is held, and with which integers
// each layer computes. Both are the engine's own, taken from its lowering, so that whatever decides them
// there (weight rounding, bias correction, enlarged scales, shared scales) is in the file too.
//
//   tensor of integers   operator -> t.real -> QuantizeLinear -> t.quantized -> DequantizeLinear -> t
//   layer of integers    reads u8, s8 weights (a scale a channel) and an s32 bias (s_in * s_w), each through
//                        DequantizeLinear
//
// Other engines fuse an operator between such pairs into one on integers. So that they find them,
//   - a convolution writes integers wherever the calibration knows its output, as engines have no integer
//     convolution that writes FP32;
//   - a ReLU before integers of zero point 0 is left out: QuantizeLinear saturates there;
//   - a convolution's sum is quantised before a residual, or a ReLU that is left, is applied to it. The
//     calibration has no scale for that sum, but none is needed: it covers what the result can tell apart,
//     [result's low - residual's high, result's high - residual's low].
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "export/integer_form.h"
#include "export/onnx_builder.h"
#include "graph/graph.h"
#include "octet/error.h"

namespace octet::exporting {

class QdqTensors {
 public:
  QdqTensors(const graph::Graph& graph, const IntegerForm& form, OnnxBuilder& out);

  /// Node n, in the graph's order, is what all calls until end() are about. Throws Error(kUnsupported) for
  /// one that computes in 16 bits.
  void begin(std::size_t n);
  /// Quantises what the node wrote.
  void end();

  /// The names under which the node reads and writes a tensor.
  std::string operand(graph::TensorId t);
  std::string result(graph::TensorId t) const;

  /// What is left of the node's ReLU.
  std::optional<graph::Relu> remaining(const std::optional<graph::Relu>& relu) const;

  // ---- layers of integers
  bool is_integer_layer() const { return layer_ != nullptr; }
  /// The names of weights and bias.
  std::vector<std::string> weights_and_bias();
  /// Values in the integers that the layer reads; for an input that was given another shape.
  std::string quantise_input(const std::string& real);
  /// Whether the layer reads pictures as bytes; and the bytes, with the window's padding around them, as that
  /// is the mean, not 0.
  bool reads_pictures() const;
  std::string pictures(const graph::Window& window);
  /// Whether a residual or ReLU finds the convolution's sum quantised; and that.
  bool splits_sum() const;
  std::string quantise_sum(const std::string& sum, const std::optional<graph::Relu>& relu);

 private:
  using Quantization = kernels::Quantization;
  using Padding = std::array<std::int64_t, 4>;

  const std::string& name(graph::TensorId t) const {
    return graph_.tensors[static_cast<std::size_t>(t)].name;
  }
  std::optional<Quantization>& held(graph::TensorId t) { return held_[static_cast<std::size_t>(t)]; }
  const std::optional<Quantization>& held(graph::TensorId t) const {
    return held_[static_cast<std::size_t>(t)];
  }
  /// An input's bytes as planes, where it is pictures.
  std::string planes(graph::TensorId t);
  /// The name of a tensor's values for operators that compute in FP32.
  std::string values(graph::TensorId t);
  bool is_pictures(graph::TensorId t) const;
  void decide_form(std::size_t n);
  const plan::Step* step_of(const graph::Node& node) const;
  /// The integers of tensor t: those that the engine's step writes, without one those of the calibration.
  Quantization quantization(graph::TensorId t, const plan::Step* writer) const;
  Quantization sum_form(const std::optional<graph::Relu>& relu) const;
  quantize::IntegerLayerSpec layer_spec() const;
  /// `real` rounded to integers and back, under the name `result`, which is returned.
  std::string quantise(const std::string& real, const Quantization& to, const std::string& result);
  /// Initializers of scale and zero point.
  std::array<std::string, 2> constants(const Quantization& q, const std::string& stem);
  [[noreturn]] void fail(ErrorCode code, const std::string& what) const;

  const graph::Graph& graph_;
  const IntegerForm form_;
  OnnxBuilder& out_;
  std::map<std::pair<std::string, std::string>, const plan::Step*> steps_;  // by layer and operation
  std::vector<std::optional<Quantization>> held_;   // by TensorId; nothing: real values
  std::map<graph::TensorId, std::string> rounded_;  // real tensors, for nodes that read integers
  std::map<std::pair<graph::TensorId, Padding>, std::string> pictures_;
  std::map<graph::TensorId, std::string> planes_, values_;  // of pictures
  const graph::Node* node_ = nullptr;
  DataType type_ = DataType::kFloat32;
  const plan::Step* layer_ = nullptr;  // node_'s, if that is a layer of integers
};

}  // namespace octet::exporting
