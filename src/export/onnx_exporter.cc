#include "export/onnx_exporter.h"

#include <fmt/format.h>
#include <import/onnx/onnx.pb.h>

#include <algorithm>
#include <vector>

#include "base/atomic_file.h"
#include "graph/describe.h"
#include "graph/validate.h"
#include "octet/error.h"
#include "octet/version.h"

namespace octet::exporting {
namespace {

constexpr int kOpset = 13;
constexpr int kIrVersion = 7;
constexpr int kFloat = 1, kInt64 = 7;                               // TensorProto's data types
constexpr std::int64_t kLargestMessage = std::int64_t{2000} << 20;  // protobuf's own limit is 2 GiB

void set(onnx::Node& node, const char* name, std::int64_t value) {
  onnx::Attribute& a = *node.add_attribute();
  a.set_name(name), a.set_type(onnx::Attribute::INT), a.set_i(value);
}
void set(onnx::Node& node, const char* name, float value) {
  onnx::Attribute& a = *node.add_attribute();
  a.set_name(name), a.set_type(onnx::Attribute::FLOAT), a.set_f(value);
}
void set(onnx::Node& node, const char* name, const std::vector<std::int64_t>& values) {
  onnx::Attribute& a = *node.add_attribute();
  a.set_name(name), a.set_type(onnx::Attribute::INTS);
  for (std::int64_t v : values) a.add_ints(v);
}

class Exporter {
 public:
  explicit Exporter(const graph::Graph& graph) : graph_(graph), out_(*model_.mutable_graph()) {
    model_.set_ir_version(kIrVersion);
    model_.set_producer_name("octet");
    model_.set_producer_version(kVersion);
    onnx::OperatorSet& opset = *model_.add_opset_import();
    opset.set_domain("");
    opset.set_version(kOpset);
    out_.set_name(graph.name.empty() ? "network" : graph.name);
  }

  onnx::Model run() {
    for (graph::TensorId t : graph_.inputs) declare(*out_.add_input(), t);
    for (graph::TensorId t : graph_.outputs) declare(*out_.add_output(), t);
    for (const graph::Node& node : graph_.nodes) {
      node_ = &node;
      std::visit([this](const auto& op) { write(op); }, node.op);
    }
    return std::move(model_);
  }

 private:
  const std::string& name(graph::TensorId t) const {
    return graph_.tensors[static_cast<std::size_t>(t)].name;
  }
  const std::string& input(std::size_t i) const { return name(node_->inputs[i]); }
  const std::string& output() const { return name(node_->outputs[0]); }
  const Shape& input_shape() const { return graph_.shape(node_->inputs[0]); }
  const Shape& output_shape() const { return graph_.shape(node_->outputs[0]); }

  [[noreturn]] void unsupported(const std::string& what) const {
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: {}", graph::where(*node_), what));
  }

  void declare(onnx::ValueInfo& info, graph::TensorId t) {
    info.set_name(name(t));
    onnx::TensorType& type = *info.mutable_type()->mutable_tensor_type();
    type.set_elem_type(kFloat);
    const Shape& shape = graph_.shape(t);
    type.mutable_shape()->add_dim()->set_dim_param("N");
    for (std::size_t i = 1; i < shape.rank(); ++i) type.mutable_shape()->add_dim()->set_dim_value(shape[i]);
  }

  std::string initializer(const std::string& tensor_name, const Shape& shape, std::span<const float> values) {
    bytes_ += static_cast<std::int64_t>(values.size_bytes());
    if (bytes_ > kLargestMessage)
      unsupported("the network's weights are larger than an ONNX file without external data can hold");
    onnx::Tensor& tensor = *out_.add_initializer();
    tensor.set_name(tensor_name);
    tensor.set_data_type(kFloat);
    for (std::int64_t d : shape.dims()) tensor.add_dims(d);
    tensor.set_raw_data(values.data(), values.size_bytes());
    return tensor_name;
  }
  std::string weight(std::size_t i, const char* suffix) {
    return initializer(node_->name + "." + suffix, node_->weights[i].shape(), node_->weights[i].values());
  }
  /// Per-channel weights shaped to broadcast over a feature map: {C, 1, 1}, or {C} for vectors.
  std::string channel_weight(std::size_t i, const char* suffix) {
    Shape shape = node_->weights[i].shape();
    if (input_shape().rank() == 4) shape = {shape[0], 1, 1};
    return initializer(node_->name + "." + suffix, shape, node_->weights[i].values());
  }

  onnx::Node& add(const char* op, std::vector<std::string> inputs, const std::string& result) {
    onnx::Node& node = *out_.add_node();
    node.set_op_type(op);
    node.set_name(result);
    for (std::string& i : inputs) node.add_input(std::move(i));
    node.add_output(result);
    return node;
  }

  /// The name that a node must write so that `relu`, if any, ends in output().
  std::string before(const std::optional<graph::Relu>& relu) const {
    return relu ? output() + ".linear" : output();
  }
  void finish(const std::optional<graph::Relu>& relu) {
    if (relu) write_relu(*relu, before(relu));
  }
  void write_relu(const graph::Relu& relu, const std::string& from) {
    if (relu.slope == 0) {
      add("Relu", {from}, output());
    } else {
      set(add("LeakyRelu", {from}, output()), "alpha", relu.slope);
    }
  }

  void write(const graph::Input&) {}

  void write(const graph::Convolution& conv) {
    if (node_->inputs.size() > 1) unsupported("a fused residual; export the network before optimisation");
    std::vector<std::string> inputs = {input(0), weight(0, "weight")};
    if (node_->weights.size() > 1) inputs.push_back(weight(1, "bias"));
    onnx::Node& node = add("Conv", std::move(inputs), before(conv.relu));
    const graph::Window& w = conv.window;
    set(node, "kernel_shape", {w.kernel_h, w.kernel_w});
    set(node, "strides", {w.stride_h, w.stride_w});
    set(node, "pads", {w.pad_top, w.pad_left, w.pad_bottom, w.pad_right});
    set(node, "dilations", {w.dilation_h, w.dilation_w});
    set(node, "group", conv.groups);
    finish(conv.relu);
  }

  void write(const graph::InnerProduct& fc) {
    std::string from = input(0);
    if (input_shape().rank() != 2) {
      from = output() + ".flat";
      set(add("Flatten", {input(0)}, from), "axis", std::int64_t{1});
    }
    std::vector<std::string> inputs = {from, weight(0, "weight")};
    if (node_->weights.size() > 1) inputs.push_back(weight(1, "bias"));
    set(add("Gemm", std::move(inputs), before(fc.relu)), "transB", std::int64_t{1});
    finish(fc.relu);
  }

  void write(const graph::Pooling& pool) {
    const bool max = pool.kind == graph::PoolKind::kMax;
    if (pool.global) {
      add(max ? "GlobalMaxPool" : "GlobalAveragePool", {input(0)}, output());
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
    onnx::Node& node = add(max ? "MaxPool" : "AveragePool", {input(0)}, output());
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

  void write(const graph::Lrn& lrn) {
    if (lrn.region != graph::LrnRegion::kAcrossChannels)
      unsupported("LRN within a channel has no ONNX operator");
    onnx::Node& node = add("LRN", {input(0)}, output());
    set(node, "size", lrn.size);
    set(node, "alpha", lrn.alpha);
    set(node, "beta", lrn.beta);
    set(node, "bias", lrn.k);
  }

  void write(const graph::BatchNorm& norm) {
    const std::vector<float> ones(static_cast<std::size_t>(input_shape()[1]), 1.0f), zeros(ones.size(), 0.0f);
    const Shape channels{input_shape()[1]};
    const std::string gamma = initializer(node_->name + ".gamma", channels, ones);
    const std::string beta = initializer(node_->name + ".beta", channels, zeros);
    set(add("BatchNormalization", {input(0), gamma, beta, weight(0, "mean"), weight(1, "variance")},
            output()),
        "epsilon", norm.epsilon);
  }

  void write(const graph::ChannelAffine& affine) {
    const bool scales = !node_->weights.empty() && !node_->weights[0].empty();
    const bool shifts = node_->weights.size() > 1 && !node_->weights[1].empty();
    std::string from = input(0);
    if (scales) {
      const std::string result = shifts ? output() + ".scaled" : before(affine.relu);
      add("Mul", {from, channel_weight(0, "scale")}, result);
      from = result;
    }
    if (shifts) {
      add("Add", {from, channel_weight(1, "shift")}, before(affine.relu));
    } else if (!scales) {
      add("Identity", {from}, before(affine.relu));
    }
    finish(affine.relu);
  }

  void write(const graph::Concat& concat) {
    std::vector<std::string> inputs;
    for (std::size_t i = 0; i < node_->inputs.size(); ++i) inputs.push_back(input(i));
    set(add("Concat", std::move(inputs), output()), "axis", concat.axis);
  }

  void write(const graph::Eltwise& eltwise) {
    std::vector<std::string> inputs;
    for (std::size_t i = 0; i < node_->inputs.size(); ++i) {
      inputs.push_back(input(i));
      if (eltwise.coefficients.empty() || eltwise.coefficients[i] == 1) continue;
      const std::string scaled = fmt::format("{}.term{}", output(), i);
      const std::string factor =
          initializer(scaled + ".factor", Shape{1}, std::span(&eltwise.coefficients[i], 1));
      add("Mul", {inputs.back(), factor}, scaled);
      inputs.back() = scaled;
    }
    const std::string result = before(eltwise.relu);
    switch (eltwise.kind) {
      case graph::EltwiseKind::kSum: {
        // Two-operand Add is what every engine's fusion looks for.
        const char* const op = inputs.size() == 2 ? "Add" : "Sum";
        add(op, std::move(inputs), result);
        break;
      }
      case graph::EltwiseKind::kMax:
        add("Max", std::move(inputs), result);
        break;
      case graph::EltwiseKind::kProduct: {
        std::string product = inputs[0];
        for (std::size_t i = 1; i < inputs.size(); ++i) {
          const std::string next = i + 1 == inputs.size() ? result : fmt::format("{}.product{}", output(), i);
          add("Mul", {product, inputs[i]}, next);
          product = next;
        }
        break;
      }
    }
    finish(eltwise.relu);
  }

  void write(const graph::Softmax& softmax) {
    set(add("Softmax", {input(0)}, output()), "axis", softmax.axis);
  }
  void write(const graph::Flatten&) { write_reshape(); }
  void write(const graph::Reshape&) { write_reshape(); }
  void write_reshape() {
    const Shape& to = output_shape();
    onnx::Tensor& dims = *out_.add_initializer();
    dims.set_name(output() + ".shape");
    dims.set_data_type(kInt64);
    dims.add_dims(static_cast<std::int64_t>(to.rank()));
    dims.add_int64_data(0);  // the batch stays
    for (std::size_t i = 1; i < to.rank(); ++i) dims.add_int64_data(to[i]);
    add("Reshape", {input(0), dims.name()}, output());
  }
  void write(const graph::Identity&) {
    for (graph::TensorId t : node_->outputs) add("Identity", {input(0)}, name(t));
  }

  const graph::Graph& graph_;
  onnx::Model model_;
  onnx::Graph& out_;
  const graph::Node* node_ = nullptr;
  std::int64_t bytes_ = 0;
};

}  // namespace

void export_onnx(const graph::Graph& graph, const std::filesystem::path& path) {
  graph::check_weights_there(graph);
  const onnx::Model model = Exporter(graph).run();
  base::AtomicFile file(path);
  if (!model.SerializeToFileDescriptor(file.descriptor())) {
    throw Error(ErrorCode::kIo, fmt::format("{}: writing failed", path.string()));
  }
  file.commit();
}

}  // namespace octet::exporting
