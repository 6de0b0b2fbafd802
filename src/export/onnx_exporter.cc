#include "export/onnx_exporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "base/atomic_file.h"
#include "export/onnx_builder.h"
#include "export/qdq_tensors.h"
#include "graph/describe.h"
#include "graph/validate.h"
#include "octet/error.h"

namespace octet::exporting {
namespace {

class Exporter {
 public:
  /// `integers`: what is to be said as QDQ; null: everything is FP32.
  explicit Exporter(const graph::Graph& graph, const IntegerForm* integers = nullptr)
      : graph_(graph), out_(graph.name.empty() ? "network" : graph.name) {
    if (integers == nullptr) return;
    qdq_.emplace(graph, *integers, out_);
    pixel_input_ = integers->pixel_input;
  }

  onnx::Model run() {
    for (graph::TensorId t : graph_.inputs) declare_input(t);
    for (graph::TensorId t : graph_.outputs) declare(*out_.graph().add_output(), t);
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      node_ = &graph_.nodes[n];
      if (qdq_) qdq_->begin(n);
      std::visit([this](const auto& op) { write(op); }, node_->op);
      if (qdq_) qdq_->end();
    }
    return out_.take();
  }

 private:
  const std::string& name(graph::TensorId t) const {
    return graph_.tensors[static_cast<std::size_t>(t)].name;
  }
  // The names under which the node reads and writes.
  std::string input(std::size_t i) {
    const graph::TensorId t = node_->inputs[i];
    return qdq_ ? qdq_->operand(t) : name(t);
  }
  std::string written(graph::TensorId t) const { return qdq_ ? qdq_->result(t) : name(t); }
  std::string output() const { return written(node_->outputs[0]); }
  const Shape& input_shape() const { return graph_.shape(node_->inputs[0]); }
  const Shape& output_shape() const { return graph_.shape(node_->outputs[0]); }

  [[noreturn]] void unsupported(const std::string& what) const {
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: {}", graph::where(*node_), what));
  }

  void declare_input(graph::TensorId t) {
    onnx::ValueInfo& info = *out_.graph().add_input();
    if (!pixel_input_) return declare(info, t);
    const Shape& planes = graph_.shape(t);
    declare(info, t, kUInt8, {0, planes[2], planes[3], planes[1]});
  }
  void declare(onnx::ValueInfo& info, graph::TensorId t) { declare(info, t, kFloat, graph_.shape(t).dims()); }
  /// dims[0] is the batch, which stays free.
  void declare(onnx::ValueInfo& info, graph::TensorId t, int type, const std::vector<std::int64_t>& dims) {
    info.set_name(name(t));
    onnx::TensorType& tensor = *info.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    tensor.mutable_shape()->add_dim()->set_dim_param("N");
    for (std::size_t i = 1; i < dims.size(); ++i) tensor.mutable_shape()->add_dim()->set_dim_value(dims[i]);
  }

  std::string weight(std::size_t i, const char* suffix) {
    return out_.initializer(node_->name + "." + suffix, node_->weights[i].shape(),
                            node_->weights[i].values());
  }
  /// Per-channel weights shaped to broadcast over a feature map: {C, 1, 1}, or {C} for vectors.
  std::string channel_weight(std::size_t i, const char* suffix) {
    Shape shape = node_->weights[i].shape();
    if (input_shape().rank() == 4) shape = {shape[0], 1, 1};
    return out_.initializer(node_->name + "." + suffix, shape, node_->weights[i].values());
  }

  /// Operands of a convolution or fully connected layer: its input, weights and bias.
  std::vector<std::string> with_weights(const std::string& from) {
    std::vector<std::string> operands = {from};
    if (qdq_ && qdq_->is_integer_layer()) {
      for (std::string& constant : qdq_->weights_and_bias()) operands.push_back(std::move(constant));
      return operands;
    }
    operands.push_back(weight(0, "weight"));
    if (node_->weights.size() > 1) operands.push_back(weight(1, "bias"));
    return operands;
  }

  std::optional<graph::Relu> remaining(const std::optional<graph::Relu>& relu) const {
    return qdq_ ? qdq_->remaining(relu) : relu;
  }
  /// The name that a node must write so that `relu`, if any, ends in output().
  std::string before(const std::optional<graph::Relu>& relu) const {
    return remaining(relu) ? output() + ".linear" : output();
  }
  void finish(const std::optional<graph::Relu>& relu) {
    if (const std::optional<graph::Relu> left = remaining(relu)) write_relu(*left, before(relu));
  }
  void write_relu(const graph::Relu& relu, const std::string& from) {
    const bool limited = std::isfinite(relu.limit);
    if (relu.slope == 0 && limited) return write_clip(from, 0.0f, relu.limit);
    const std::string result = limited ? output() + ".unlimited" : output();
    if (relu.slope == 0) {
      out_.add("Relu", {from}, result);
    } else {
      set(out_.add("LeakyRelu", {from}, result), "alpha", relu.slope);
    }
    if (limited) write_clip(result, -std::numeric_limits<float>::infinity(), relu.limit);
  }
  /// Infinite bounds are left out.
  void write_clip(const std::string& from, float low, float high) {
    const auto bound = [&](const char* suffix, float value) {
      return std::isinf(value) ? std::string()
                               : out_.initializer(output() + "." + suffix, Shape{}, std::span(&value, 1));
    };
    out_.add("Clip", {from, bound("min", low), bound("max", high)}, output());
  }

  void write(const graph::Input&) {}

  void write(const graph::Convolution& conv) {
    const bool adds = node_->inputs.size() > 1;
    const std::optional<graph::Relu> relu = remaining(conv.relu);
    std::string sum = adds || relu ? output() + ".sum" : output();
    write_convolution(conv, sum);
    if (!adds && !relu) return;
    if (qdq_ && qdq_->splits_sum()) sum = qdq_->quantise_sum(sum, conv.relu);
    if (adds) out_.add("Add", {sum, input(1)}, before(conv.relu));
    if (relu) write_relu(*relu, adds ? before(conv.relu) : sum);
  }
  void write_convolution(const graph::Convolution& conv, const std::string& result) {
    graph::Window w = conv.window;
    std::string from;
    if (qdq_ && qdq_->reads_pictures()) {
      from = qdq_->pictures(w);
      w.pad_top = w.pad_left = w.pad_bottom = w.pad_right = 0;
    } else {
      from = input(0);
    }
    onnx::Node& node = out_.add("Conv", with_weights(from), result);
    set(node, "kernel_shape", {w.kernel_h, w.kernel_w});
    set(node, "strides", {w.stride_h, w.stride_w});
    set(node, "pads", {w.pad_top, w.pad_left, w.pad_bottom, w.pad_right});
    set(node, "dilations", {w.dilation_h, w.dilation_w});
    set(node, "group", conv.groups);
  }

  void write(const graph::InnerProduct& fc) {
    std::string from = input(0);
    if (input_shape().rank() != 2) {
      const std::string flat = output() + ".flat";
      set(out_.add("Flatten", {from}, flat), "axis", std::int64_t{1});
      from = qdq_ && qdq_->is_integer_layer() ? qdq_->quantise_input(flat) : flat;
    }
    set(out_.add("Gemm", with_weights(from), before(fc.relu)), "transB", std::int64_t{1});
    finish(fc.relu);
  }

  void write(const graph::Pooling& pool) {
    const bool max = pool.kind == graph::PoolKind::kMax;
    if (pool.global) {
      out_.add(max ? "GlobalMaxPool" : "GlobalAveragePool", {input(0)}, output());
      return;
    }
    const graph::Window& w = pool.window;
    // Caffe's rounding, said as padding: what the last window needs beyond the input.
    const auto end_padding = [](std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                                std::int64_t begin) {
      return std::max<std::int64_t>(0, (out - 1) * stride + kernel - in - begin);
    };
    const std::int64_t bottom =
        end_padding(input_shape()[2], output_shape()[2], w.kernel_h, w.stride_h, w.pad_top);
    const std::int64_t right =
        end_padding(input_shape()[3], output_shape()[3], w.kernel_w, w.stride_w, w.pad_left);
    const bool counts_padding = pool.divisor == graph::AverageDivisor::kPaddedWindow;
    onnx::Node& node = out_.add(max ? "MaxPool" : "AveragePool", {input(0)}, output());
    set(node, "kernel_shape", {w.kernel_h, w.kernel_w});
    set(node, "strides", {w.stride_h, w.stride_w});
    if (!max && counts_padding && (bottom > w.pad_bottom || right > w.pad_right)) {
      // Rounding up reaches beyond the padding, which an average must not count; only ceil_mode says that.
      set(node, "pads", {w.pad_top, w.pad_left, w.pad_bottom, w.pad_right});
      set(node, "ceil_mode", std::int64_t{1});
    } else {
      set(node, "pads", {w.pad_top, w.pad_left, bottom, right});
    }
    if (!max && counts_padding) set(node, "count_include_pad", std::int64_t{1});
  }

  void write(const graph::Relu& relu) { write_relu(relu, input(0)); }

  void write(const graph::Activation& activation) {
    switch (activation.function) {
      case graph::ActivationFunction::kSigmoid:
      case graph::ActivationFunction::kTanh:
        out_.add(graph::to_string(activation.function), {input(0)}, output());
        return;
      case graph::ActivationFunction::kHardSigmoid:
        return write_hard_sigmoid(activation.a, activation.b, output());
      case graph::ActivationFunction::kHardSwish: {
        // An operator of its own only from operator set 14 on.
        const std::string gate = output() + ".gate";
        write_hard_sigmoid(1.0f / 6, 0.5f, gate);
        out_.add("Mul", {input(0), gate}, output());
        return;
      }
      case graph::ActivationFunction::kClip:
        return write_clip(input(0), activation.a, activation.b);
      case graph::ActivationFunction::kRounding:
        return write_rounding(activation);
    }
  }
  void write_rounding(const graph::Activation& rounding) {
    const auto zero_point = static_cast<std::uint8_t>(rounding.b);
    const std::string scale = out_.initializer(output() + ".scale", Shape{}, std::span(&rounding.a, 1));
    const std::string zero = out_.initializer(output() + ".zero_point", Shape{}, std::span(&zero_point, 1));
    const std::string integers = output() + ".quantized";
    out_.add("QuantizeLinear", {input(0), scale, zero}, integers);
    out_.add("DequantizeLinear", {integers, scale, zero}, output());
  }
  void write_hard_sigmoid(float alpha, float beta, const std::string& result) {
    onnx::Node& node = out_.add("HardSigmoid", {input(0)}, result);
    set(node, "alpha", alpha);
    set(node, "beta", beta);
  }

  void write(const graph::Lrn& lrn) {
    if (lrn.region != graph::LrnRegion::kAcrossChannels)
      unsupported("LRN within a channel has no ONNX operator");
    onnx::Node& node = out_.add("LRN", {input(0)}, output());
    set(node, "size", lrn.size);
    set(node, "alpha", lrn.alpha);
    set(node, "beta", lrn.beta);
    set(node, "bias", lrn.k);
  }

  void write(const graph::BatchNorm& norm) {
    const std::vector<float> ones(static_cast<std::size_t>(input_shape()[1]), 1.0f), zeros(ones.size(), 0.0f);
    const Shape channels{input_shape()[1]};
    const std::string gamma = out_.initializer(node_->name + ".gamma", channels, ones);
    const std::string beta = out_.initializer(node_->name + ".beta", channels, zeros);
    set(out_.add("BatchNormalization", {input(0), gamma, beta, weight(0, "mean"), weight(1, "variance")},
                 output()),
        "epsilon", norm.epsilon);
  }

  void write(const graph::ChannelAffine& affine) {
    const bool scales = !node_->weights.empty() && !node_->weights[0].empty();
    const bool shifts = node_->weights.size() > 1 && !node_->weights[1].empty();
    std::string from = input(0);
    if (scales) {
      const std::string result = shifts ? output() + ".scaled" : before(affine.relu);
      out_.add("Mul", {from, channel_weight(0, "scale")}, result);
      from = result;
    }
    if (shifts) {
      out_.add("Add", {from, channel_weight(1, "shift")}, before(affine.relu));
    } else if (!scales) {
      out_.add("Identity", {from}, before(affine.relu));
    }
    finish(affine.relu);
  }

  void write(const graph::Concat& concat) {
    std::vector<std::string> inputs;
    for (std::size_t i = 0; i < node_->inputs.size(); ++i) inputs.push_back(input(i));
    set(out_.add("Concat", std::move(inputs), output()), "axis", concat.axis);
  }

  void write(const graph::Eltwise& eltwise) {
    std::vector<std::string> inputs;
    for (std::size_t i = 0; i < node_->inputs.size(); ++i) {
      inputs.push_back(input(i));
      if (eltwise.coefficients.empty() || eltwise.coefficients[i] == 1) continue;
      const std::string scaled = fmt::format("{}.term{}", output(), i);
      const std::string factor =
          out_.initializer(scaled + ".factor", Shape{1}, std::span(&eltwise.coefficients[i], 1));
      out_.add("Mul", {inputs.back(), factor}, scaled);
      inputs.back() = scaled;
    }
    const std::string result = before(eltwise.relu);
    switch (eltwise.kind) {
      case graph::EltwiseKind::kSum: {
        // Two-operand Add is what every engine's fusion looks for.
        const char* const op = inputs.size() == 2 ? "Add" : "Sum";
        out_.add(op, std::move(inputs), result);
        break;
      }
      case graph::EltwiseKind::kMax:
        out_.add("Max", std::move(inputs), result);
        break;
      case graph::EltwiseKind::kMin:
        out_.add("Min", std::move(inputs), result);
        break;
      case graph::EltwiseKind::kProduct:
        write_in_pairs("Mul", inputs, result);
        break;
      case graph::EltwiseKind::kQuotient:
        write_in_pairs("Div", inputs, result);
        break;
    }
    finish(eltwise.relu);
  }
  void write_in_pairs(const char* op, const std::vector<std::string>& inputs, const std::string& result) {
    std::string so_far = inputs[0];
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      const std::string next = i + 1 == inputs.size() ? result : fmt::format("{}.first{}", output(), i + 1);
      out_.add(op, {so_far, inputs[i]}, next);
      so_far = next;
    }
  }

  void write(const graph::Softmax& softmax) {
    set(out_.add(softmax.logarithm ? "LogSoftmax" : "Softmax", {input(0)}, output()), "axis", softmax.axis);
  }
  void write(const graph::Flatten&) { write_reshape(); }
  void write(const graph::Reshape&) { write_reshape(); }
  void write_reshape() { write_reshape(input(0), output_shape().dims(), output()); }
  void write_reshape(const std::string& from, std::vector<std::int64_t> dims, const std::string& result) {
    dims[0] = 0;  // the batch stays
    out_.add("Reshape", {from, out_.integers(result + ".shape", dims)}, result);
  }
  void write(const graph::Pad& pad) {
    const std::int64_t pads[] = {0, 0, pad.top, pad.left, 0, 0, pad.bottom, pad.right};
    std::vector<std::string> inputs = {input(0), out_.integers(output() + ".pads", pads)};
    if (pad.value != 0)
      inputs.push_back(out_.initializer(output() + ".value", Shape{}, std::span(&pad.value, 1)));
    out_.add("Pad", std::move(inputs), output());
  }
  void write(const graph::Slice& slice) {
    const auto list = [&](const char* suffix, std::int64_t value) {
      return out_.integers(output() + "." + suffix, std::span(&value, 1));
    };
    out_.add("Slice",
             {input(0), list("start", slice.first), list("end", slice.first + slice.count), list("axis", 1)},
             output());
  }
  /// As the frameworks write it: the groups as a dimension of their own, which changes places with the next.
  void write(const graph::ChannelShuffle& shuffle) {
    std::vector<std::int64_t> dims = output_shape().dims();
    dims[1] /= shuffle.groups;
    dims.insert(dims.begin() + 1, shuffle.groups);
    std::vector<std::int64_t> axes(dims.size());
    std::iota(axes.begin(), axes.end(), std::int64_t{0});
    std::swap(axes[1], axes[2]);
    write_reshape(input(0), dims, output() + ".grouped");
    set(out_.add("Transpose", {output() + ".grouped"}, output() + ".transposed"), "perm", axes);
    write_reshape(output() + ".transposed", output_shape().dims(), output());
  }
  void write(const graph::Identity&) {
    for (graph::TensorId t : node_->outputs) out_.add("Identity", {input(0)}, written(t));
  }

  const graph::Graph& graph_;
  OnnxBuilder out_;
  std::optional<QdqTensors> qdq_;
  bool pixel_input_ = false;
  const graph::Node* node_ = nullptr;
};

void write_model(const onnx::Model& model, const std::filesystem::path& path) {
  base::AtomicFile file(path);
  errno = 0;
  if (!model.SerializeToFileDescriptor(file.descriptor())) {
    throw Error(ErrorCode::kIo, fmt::format("{}: writing failed: {}", path.string(),
                                            errno != 0 ? std::strerror(errno)
                                                       : "the network is larger than protobuf writes"));
  }
  file.commit();
}

}  // namespace

void export_onnx(const graph::Graph& graph, const std::filesystem::path& path) {
  graph::check_weights_there(graph);
  write_model(Exporter(graph).run(), path);
}

void export_qdq_onnx(const graph::Graph& graph, const IntegerForm& form, const std::filesystem::path& path) {
  graph::check_weights_there(graph);
  write_model(Exporter(graph, &form).run(), path);
}

}  // namespace octet::exporting
