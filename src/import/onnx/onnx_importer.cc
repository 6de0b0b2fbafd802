#include "import/onnx/onnx_importer.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "graph/validate.h"
#include "import/onnx/fail.h"
#include "import/onnx/node_import.h"
#include "import/onnx/node_order.h"
#include "import/onnx/onnx_model.h"
#include "import/onnx/operators.h"
#include "import/onnx/padding.h"
#include "import/onnx/tensor_data.h"

namespace octet::onnx {
namespace {

class OnnxImporter {
 public:
  explicit OnnxImporter(ModelFile& file) : model_(file.model()), state_{.file = file} {}

  graph::Graph run() {
    read_opset();
    state_.graph.name =
        model_.graph_name.empty() ? std::filesystem::path(file()).stem().string() : model_.graph_name;
    reserve_names();
    const std::vector<std::size_t> order = order_nodes(model_, file(), given_);
    count_readings(order);
    add_inputs();
    for (const std::size_t i : order) add_node(model_.nodes[i]);
    add_outputs();
    give_padding_to_convolutions(state_.graph);
    graph::validate(state_.graph);
    graph::check_weights_finite(state_.graph);
    return std::move(state_.graph);
  }

 private:
  const std::string& file() const { return state_.file.name(); }

  void read_opset() {
    const auto opset = model_.opsets.find("");
    if (opset == model_.opsets.end()) {
      fail(ErrorCode::kInvalidNetwork, file(), "no operator set of ONNX is imported (opset_import)");
    }
    state_.opset = opset->second;
    if (state_.opset < kFirstOpset || state_.opset > kLastOpset) {
      fail(ErrorCode::kUnsupported, file(), "operator set {}; Octet reads {} to {}", state_.opset,
           kFirstOpset, kLastOpset);
    }
  }

  /// Initializers and inputs by name; all names of the file, so that tensors made here get others.
  void reserve_names() {
    for (std::size_t i = 0; i < model_.initializers.size(); ++i) {
      const std::string& name = model_.initializers[i].name;
      if (!initializers_.emplace(name, i).second) {
        fail(ErrorCode::kInvalidNetwork, file(), "initializer '{}' is there twice", name);
      }
      given_.insert(name);
    }
    std::unordered_set<std::string> inputs;
    for (const ValueEntry& input : model_.inputs) {
      if (input.name.empty() || !inputs.insert(input.name).second) {
        fail(ErrorCode::kInvalidNetwork, file(), "input '{}' is there twice, or has no name", input.name);
      }
      given_.insert(input.name);
    }
    for (const std::string& name : given_) state_.tensor_names.make(name);
    for (const NodeEntry& node : model_.nodes) {
      for (const std::string& output : node.outputs) state_.tensor_names.make(output);
    }
  }

  /// How often each name is read by needed nodes: a constant is dropped with its last reader, an output that
  /// nobody reads is no output to make.
  void count_readings(const std::vector<std::size_t>& order) {
    for (const std::size_t i : order) {
      for (const std::string& input : model_.nodes[i].inputs) ++readings_[input];
    }
    for (const ValueEntry& output : model_.outputs) ++readings_[output.name];
  }

  // ---- inputs

  void add_inputs() {
    for (const ValueEntry& input : model_.inputs) {
      // Before version 4 of the format, initializers stood among the inputs too.
      if (!initializers_.contains(input.name)) add_input(input);
    }
  }

  void add_input(const ValueEntry& input) {
    const std::string where = fmt::format("{}: input '{}'", file(), input.name);
    if (!input.type || !is_real(*input.type) || *input.type == ElementType::kDouble) {
      fail(ErrorCode::kUnsupported, where, "is {}; expected a tensor of float, float16 or bfloat16",
           input.type ? "of " + to_string(*input.type) : "no tensor");
    }
    if (input.dims.empty()) {
      fail(ErrorCode::kInvalidNetwork, where, "has no shape; expected a batch and fixed dimensions");
    }
    Dims dims = {1};
    for (std::size_t i = 1; i < input.dims.size(); ++i) {
      const DimensionEntry& dim = input.dims[i];
      if (!dim.value || *dim.value < 1 || *dim.value > graph::kMaxDimension) {
        fail(dim.value ? ErrorCode::kInvalidNetwork : ErrorCode::kUnsupported, where,
             "dimension {} is {}; expected 1 to {} (only dimension 0, the batch, may be free)", i,
             dim.to_string(), graph::kMaxDimension);
      }
      dims.push_back(*dim.value);
    }
    read_batch(input.dims[0], where);
    const graph::TensorId tensor = state_.graph.add_node(state_.node_names.make(input.name), graph::Input{},
                                                         {}, {}, Origin{file(), 0, input.name}, input.name);
    state_.graph.tensors[static_cast<std::size_t>(tensor)].shape = Shape(std::move(dims));
    graph::infer_last_shape(state_.graph);
    state_.graph.inputs.push_back(tensor);
    state_.values.emplace(input.name, Variable{tensor});
  }

  void read_batch(const DimensionEntry& dim, const std::string& where) {
    if (!dim.value || *dim.value < 1) return;
    if (state_.file_batch && *state_.file_batch != *dim.value) {
      fail(ErrorCode::kUnsupported, where, "its batch is {}, that of another input {}; expected one for all",
           *dim.value, *state_.file_batch);
    }
    state_.file_batch = *dim.value;
  }

  // ---- nodes

  void add_node(const NodeEntry& node) {
    const Operator& op = known_operator(node);
    read_initializers(node);
    NodeImport current(state_, node);
    check_form(node, op, current);
    op.convert(current);
    for (const std::string& input : node.inputs) drop_after_last_reading(input);
  }

  const Operator& known_operator(const NodeEntry& node) const {
    const std::string where =
        fmt::format("{}: {} ({}, opset {})", file(), node.label(), node.op_type, state_.opset);
    if (!node.domain.empty()) {
      fail(ErrorCode::kUnsupported, where, "operators of domain '{}' are not supported, only ONNX's own",
           node.domain);
    }
    const Operator* op = find_operator(node.op_type);
    if (op == nullptr) {
      fail(ErrorCode::kUnsupported, where, "operator '{}' is not supported; Octet reads {}", node.op_type,
           operator_names());
    }
    return *op;
  }

  void check_form(const NodeEntry& node, const Operator& op, const NodeImport& current) const {
    if (node.inputs.size() < op.least_inputs || node.inputs.size() > op.most_inputs) {
      current.invalid("{} input(s), expected {}{}", node.inputs.size(),
                      op.least_inputs == op.most_inputs ? "" : "at least ", op.least_inputs);
    }
    if (node.outputs.empty() || node.outputs[0].empty()) current.invalid("no output, expected one");
    for (std::size_t i = 1; i < node.outputs.size() && !op.many_outputs; ++i) {
      const std::string& output = node.outputs[i];
      if (!output.empty() && readings_.contains(output)) {
        current.unsupported("its output {} '{}' is used; Octet computes the first only", i, output);
      }
    }
    for (const AttributeEntry& attribute : node.attributes) check_attribute(attribute, op, current);
  }

  void check_attribute(const AttributeEntry& attribute, const Operator& op, const NodeImport& current) const {
    const auto known = std::find_if(op.attributes.begin(), op.attributes.end(),
                                    [&](const KnownAttribute& k) { return k.name == attribute.name; });
    if (known == op.attributes.end()) {
      current.unsupported("attribute '{}' is not known for {}", attribute.name, op.name);
    }
    if (state_.opset < known->first_opset || state_.opset > known->last_opset) {
      current.invalid("attribute '{}' is there in operator sets {} to {} only", attribute.name,
                      known->first_opset, known->last_opset);
    }
  }

  /// Read when they are needed, not before, since they are most of a file.
  void read_initializers(const NodeEntry& node) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const std::string& input = node.inputs[i];
      const auto initializer = initializers_.find(input);
      if (initializer == initializers_.end() || state_.values.contains(input)) continue;
      const TensorEntry& tensor = model_.initializers[initializer->second];
      const std::string where = fmt::format("{}: initializer '{}'", file(), input);
      if (reads_integers(node, i) && !is_real(tensor.type)) {
        state_.values.emplace(
            input, IntegerTensor{tensor.dims, tensor.type, read_integers(state_.file, tensor, where)});
      } else {
        state_.values.emplace(input, read_tensor(state_.file, tensor, where));
      }
    }
  }

  void drop_after_last_reading(const std::string& name) {
    if (name.empty() || --readings_.at(name) > 0) return;
    const auto value = state_.values.find(name);
    const bool is_constant = std::holds_alternative<Constant>(value->second) ||
                             std::holds_alternative<IntegerTensor>(value->second);
    if (is_constant) state_.values.erase(value);
  }

  // ---- outputs

  void add_outputs() {
    if (model_.outputs.empty()) fail(ErrorCode::kInvalidNetwork, file(), "the network has no output");
    std::unordered_set<std::string> names;
    for (const ValueEntry& output : model_.outputs) {
      if (!names.insert(output.name).second) {
        fail(ErrorCode::kInvalidNetwork, file(), "output '{}' is there twice", output.name);
      }
      state_.graph.outputs.push_back(output_tensor(output.name));
    }
  }

  graph::TensorId output_tensor(const std::string& name) {
    const auto value = state_.values.find(name);
    const auto* variable = value == state_.values.end() ? nullptr : std::get_if<Variable>(&value->second);
    if (value != state_.values.end() && std::holds_alternative<QuantizedVariable>(value->second)) {
      fail(ErrorCode::kUnsupported, file(),
           "output '{}' is of integers; expected a DequantizeLinear behind it", name);
    }
    if (variable == nullptr) {
      fail(ErrorCode::kUnsupported, file(), "output '{}' does not depend on the network's inputs", name);
    }
    const graph::TensorId tensor = variable->tensor;
    if (state_.graph.tensors[static_cast<std::size_t>(tensor)].name == name) return tensor;
    // Another name for a tensor, as of a Pad that adds nothing.
    const graph::TensorId copy =
        state_.graph.add_node(state_.node_names.make(name), graph::Identity{"Identity"}, {tensor}, {},
                              Origin{file(), 0, name}, name);
    graph::infer_last_shape(state_.graph);
    return copy;
  }

  const ModelEntry& model_;
  ImportState state_;
  std::unordered_map<std::string, std::size_t> initializers_;  // index by name
  std::unordered_set<std::string> given_;                      // inputs and initializers
  std::unordered_map<std::string, std::int64_t> readings_;
};

}  // namespace

graph::Graph import_onnx(const std::filesystem::path& path, std::vector<std::string>* written_in_fp32) {
  ModelFile file(path);
  if (written_in_fp32 != nullptr) *written_in_fp32 = file.model().written_in_fp32;
  return OnnxImporter(file).run();
}

graph::Graph import_onnx(const std::string& name, std::span<const std::byte> bytes) {
  ModelFile file(name, bytes);
  return OnnxImporter(file).run();
}

}  // namespace octet::onnx
