#include "import/onnx/node_import.h"

#include <algorithm>

#include "graph/validate.h"
#include "import/onnx/tensor_data.h"

namespace octet::onnx {
namespace {

/// Of one constant and of all that are computed, 4 bytes each: above what the weights of any network need.
constexpr std::int64_t kMostFoldedElements = std::int64_t{1} << 30;
constexpr std::size_t kMostConstantAxes = 32;

}  // namespace

NodeImport::NodeImport(ImportState& state, const NodeEntry& node)
    : state_(state),
      node_(node),
      where_(
          fmt::format("{}: {} ({}, opset {})", state.file.name(), node.label(), node.op_type, state.opset)),
      attributes_(node, where_) {}

std::string NodeImport::input_label(std::size_t i) const {
  return has_input(i) ? fmt::format("input {} '{}'", i, node_.inputs[i]) : fmt::format("input {}", i);
}

Value& NodeImport::value(std::size_t i) const {
  if (!has_input(i)) invalid("{} is missing", input_label(i));
  return state_.values.at(node_.inputs[i]);
}

bool NodeImport::all_constant() const {
  for (std::size_t i = 0; i < input_count(); ++i) {
    if (has_input(i) && !is_constant(i)) return false;
  }
  return true;
}

graph::TensorId NodeImport::tensor(std::size_t i) const {
  const auto* variable = std::get_if<Variable>(&value(i));
  if (quantized(i) != nullptr) {
    unsupported("{} is quantised; expected a DequantizeLinear before this operator", input_label(i));
  }
  if (variable == nullptr) {
    unsupported("{} is a constant; expected one computed from the network's inputs", input_label(i));
  }
  return variable->tensor;
}

Dims NodeImport::dims(std::size_t i) const {
  return is_constant(i) ? constant(i, "data").dims : shape(i).dims();
}

const Constant& NodeImport::constant(std::size_t i, const char* what) const {
  const auto* constant = std::get_if<Constant>(&value(i));
  if (std::holds_alternative<IntegerTensor>(value(i))) {
    unsupported("{} ({}) is quantised; expected a DequantizeLinear before this operator", input_label(i),
                what);
  }
  if (constant == nullptr) {
    unsupported("{} ({}) is computed from the network's inputs; expected a constant", input_label(i), what);
  }
  return *constant;
}

const Constant& NodeImport::real_constant(std::size_t i, const char* what) const {
  const Constant& result = constant(i, what);
  if (!result.is_real()) invalid("{} ({}) holds integers, expected floats", input_label(i), what);
  return result;
}

std::vector<std::int64_t> NodeImport::integers(std::size_t i, const char* what) const {
  const Constant& list = constant(i, what);
  if (list.is_real() || list.dims.size() > 1) {
    invalid("{} ({}) is {} of {}, expected a list of integers", input_label(i), what, list.shape_text(),
            list.is_real() ? "floats" : "integers");
  }
  std::vector<std::int64_t> result;
  for (const ShapeNumber number : list.integers) {
    if (number.times_batch) {
      unsupported("{} ({}) depends on the batch: {}", input_label(i), what, number.to_string());
    }
    result.push_back(number.value);
  }
  return result;
}

QuantizedVariable* NodeImport::quantized(std::size_t i) const {
  return std::get_if<QuantizedVariable>(&value(i));
}

IntegerTensor NodeImport::integer_tensor(std::size_t i, const char* what) const {
  if (const auto* tensor = std::get_if<IntegerTensor>(&value(i))) return *tensor;
  const Constant& list = constant(i, what);
  if (list.is_real()) invalid("{} ({}) holds floats, expected integers", input_label(i), what);
  IntegerTensor result{list.dims, list.integer_type, {}};
  for (const ShapeNumber number : list.integers) {
    if (number.times_batch || number.value != static_cast<std::int32_t>(number.value)) {
      unsupported("{} ({}) holds {}; expected 32 bits", input_label(i), what, number.to_string());
    }
    result.values.push_back(static_cast<std::int32_t>(number.value));
  }
  return result;
}

float NodeImport::real_scalar(std::size_t i, const char* what) const {
  const Constant& scalar = real_constant(i, what);
  if (scalar.elements() != 1) {
    invalid("{} ({}) is {}, expected one value", input_label(i), what, scalar.shape_text());
  }
  return scalar.real_values()[0];
}

std::optional<std::vector<std::int64_t>> NodeImport::attribute_or_input(const char* name,
                                                                        std::size_t i) const {
  if (attributes_.has(name)) return attributes_.integers(name);
  if (!has_input(i)) return std::nullopt;
  return integers(i, name);
}

Constant NodeImport::read(const TensorEntry& tensor, const char* attribute) const {
  return read_tensor(state_.file, tensor, fmt::format("{}: attribute '{}'", where_, attribute));
}

graph::TensorId NodeImport::append(const std::string& name, const std::string& output, graph::Op op,
                                   std::vector<graph::TensorId> inputs, std::vector<graph::Weights> weights) {
  const graph::TensorId tensor =
      state_.graph.add_node(state_.node_names.make(name), std::move(op), std::move(inputs),
                            std::move(weights), Origin{state_.file.name(), 0, node_name()}, output);
  graph::infer_last_shape(state_.graph);
  return tensor;
}

void NodeImport::add(graph::Op op, std::vector<graph::TensorId> inputs, std::vector<graph::Weights> weights) {
  add_tensor(std::move(op), std::move(inputs), std::move(weights));
}

graph::TensorId NodeImport::add_tensor(graph::Op op, std::vector<graph::TensorId> inputs,
                                       std::vector<graph::Weights> weights) {
  const graph::TensorId tensor =
      append(node_name(), node_.outputs[0], std::move(op), std::move(inputs), std::move(weights));
  set_output(Variable{tensor});
  return tensor;
}

graph::TensorId NodeImport::add_part(const char* part, graph::Op op, std::vector<graph::TensorId> inputs,
                                     std::vector<graph::Weights> weights) {
  const std::string output = state_.tensor_names.make(fmt::format("{}@{}", node_.outputs[0], part));
  return append(fmt::format("{}@{}", node_name(), part), output, std::move(op), std::move(inputs),
                std::move(weights));
}

void NodeImport::add_output(std::size_t i, graph::Op op, std::vector<graph::TensorId> inputs) {
  const std::string& output = node_.outputs[i];
  if (!output.empty())
    set_output(i, Variable{append(node_name(), output, std::move(op), std::move(inputs), {})});
}

void NodeImport::set_output(std::size_t i, Value value) {
  if (const auto* constant = std::get_if<Constant>(&value);
      constant != nullptr && constant->dims.size() > kMostConstantAxes) {
    unsupported("a constant of {} dimensions; the limit is {}", constant->dims.size(), kMostConstantAxes);
  }
  if (!node_.outputs[i].empty()) state_.values.insert_or_assign(node_.outputs[i], std::move(value));
}

void NodeImport::reserve_elements(std::int64_t elements) {
  if (elements < 0 || elements > kMostFoldedElements - state_.folded_elements) {
    fail(ErrorCode::kMemoryLimit, where_,
         "{} values to compute at import, with {} before; the limit is {} for a network", elements,
         state_.folded_elements, kMostFoldedElements);
  }
  state_.folded_elements += elements;
}

void NodeImport::reserve_elements(const Dims& dims) {
  std::int64_t elements = 1;
  for (const std::int64_t dim : dims) {
    if (dim < 0) invalid("a dimension of {} in {}", dim, to_string(dims));
    if (dim > 0 && elements > kMostFoldedElements / dim) {
      fail(ErrorCode::kMemoryLimit, where_, "{} values to compute at import; the limit is {} for a network",
           to_string(dims), kMostFoldedElements);
    }
    elements *= dim;
  }
  reserve_elements(elements);
}

std::size_t NodeImport::settle_axis(std::int64_t axis, std::size_t rank) const {
  const auto dimensions = static_cast<std::int64_t>(rank);
  if (axis < -dimensions || axis >= dimensions) {
    invalid("axis {} is out of range for {} dimensions", axis, rank);
  }
  return static_cast<std::size_t>(axis < 0 ? axis + dimensions : axis);
}

std::vector<std::size_t> NodeImport::settle_axes(const std::vector<std::int64_t>& axes,
                                                 std::size_t rank) const {
  std::vector<std::size_t> result;
  for (const std::int64_t axis : axes) {
    result.push_back(settle_axis(axis, rank));
    if (std::count(result.begin(), result.end(), result.back()) > 1) invalid("axis {} is there twice", axis);
  }
  return result;
}

}  // namespace octet::onnx
