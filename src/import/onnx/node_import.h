// One node of a file while it becomes nodes of the graph or a constant: what its inputs stand for, and where
// its output goes. The functions of operators.h work on this alone.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "graph/graph.h"
#include "import/onnx/attributes.h"
#include "import/onnx/constant.h"
#include "import/onnx/fail.h"
#include "import/onnx/onnx_model.h"
#include "import/unique_names.h"

namespace octet::onnx {

/// A tensor of the graph.
struct Variable {
  graph::TensorId tensor = 0;
};

/// The bytes of a tensor of the graph, between QuantizeLinear and DequantizeLinear: real = scale * (q -
/// zero_point), as the file has it.
struct QuantizedVariable {
  Variable real;  // before rounding
  float scale = 1;
  std::int64_t zero_point = 0;
  ElementType type = ElementType::kUint8;
  std::optional<Variable> rounded = std::nullopt;  // once a DequantizeLinear has made it
};

/// Integers that a DequantizeLinear makes real, and its zero points.
struct IntegerTensor {
  Dims dims;
  ElementType type = ElementType::kInt8;
  std::vector<std::int32_t> values;
};

/// What a name of the file stands for.
using Value = std::variant<Variable, Constant, QuantizedVariable, IntegerTensor>;

/// A network on its way from a file into a graph.
struct ImportState {
  ModelFile& file;
  std::int64_t opset = 0;
  graph::Graph graph = {};
  std::unordered_map<std::string, Value> values = {};
  /// The batch that the file's inputs say, if they say one.
  std::optional<std::int64_t> file_batch = std::nullopt;
  UniqueNames node_names = {}, tensor_names = {};
  std::int64_t folded_elements = 0;  // of all constants computed so far
};

class NodeImport {
 public:
  NodeImport(ImportState& state, const NodeEntry& node);
  NodeImport(const NodeImport&) = delete;  // attributes() refers to where()
  NodeImport& operator=(const NodeImport&) = delete;

  const std::string& where() const { return where_; }  // "net.onnx: node 'c' (Conv, opset 13)"
  std::int64_t opset() const { return state_.opset; }
  const Attributes& attributes() const { return attributes_; }
  std::optional<std::int64_t> file_batch() const { return state_.file_batch; }

  // ---- inputs

  std::size_t input_count() const { return node_.inputs.size(); }
  bool has_input(std::size_t i) const { return i < input_count() && !node_.inputs[i].empty(); }
  /// Throws if there is no input `i`, as the others do.
  bool is_constant(std::size_t i) const { return std::holds_alternative<Constant>(value(i)); }
  bool all_constant() const;
  /// Throws Error(kUnsupported) for a constant.
  graph::TensorId tensor(std::size_t i) const;
  /// A copy, since adding nodes moves the tensors.
  Shape shape(std::size_t i) const { return shape_of(tensor(i)); }
  /// Of a tensor of the graph (whose batch is 1) or of a constant.
  Dims dims(std::size_t i) const;
  /// Throws Error(kUnsupported) if it is computed from the network's inputs. `what`: "weights".
  const Constant& constant(std::size_t i, const char* what) const;
  const Constant& real_constant(std::size_t i, const char* what) const;
  /// Integers of at most one dimension that do not depend on the batch.
  std::vector<std::int64_t> integers(std::size_t i, const char* what) const;
  /// nullptr if input `i` is no quantised tensor of the graph.
  QuantizedVariable* quantized(std::size_t i) const;
  /// Of integers in an initializer, a Constant node or the output of a QuantizeLinear.
  IntegerTensor integer_tensor(std::size_t i, const char* what) const;
  /// A constant of one element.
  float real_scalar(std::size_t i, const char* what) const;
  /// A list that is the attribute `name` in older opsets and input `i` in newer ones; nullopt if left out.
  std::optional<std::vector<std::int64_t>> attribute_or_input(const char* name, std::size_t i) const;
  /// The values of a tensor in an attribute.
  Constant read(const TensorEntry& tensor, const char* attribute) const;

  // ---- output

  /// Appends a graph node that makes the output.
  void add(graph::Op op, std::vector<graph::TensorId> inputs, std::vector<graph::Weights> weights = {});
  /// The same, and returns the tensor.
  graph::TensorId add_tensor(graph::Op op, std::vector<graph::TensorId> inputs,
                             std::vector<graph::Weights> weights = {});
  /// Output `i` of a node with several; does nothing for one that the file leaves out.
  void add_output(std::size_t i, graph::Op op, std::vector<graph::TensorId> inputs);
  void set_output(std::size_t i, Value value);
  std::size_t output_count() const { return node_.outputs.size(); }
  /// Appends a graph node for a part of what the node does; `part` distinguishes its name.
  graph::TensorId add_part(const char* part, graph::Op op, std::vector<graph::TensorId> inputs,
                           std::vector<graph::Weights> weights = {});
  void set_output(Value value) { set_output(0, std::move(value)); }
  /// Says how many elements a constant will have, before they are allocated: few bytes of a file can ask for
  /// many. Throws Error(kMemoryLimit).
  void reserve_elements(std::int64_t elements);
  void reserve_elements(const Dims& dims);
  Shape shape_of(graph::TensorId tensor) const { return state_.graph.shape(tensor); }

  // ---- errors

  template <typename... Args>
  [[noreturn]] void invalid(fmt::format_string<Args...> format, Args&&... args) const {
    fail(ErrorCode::kInvalidNetwork, where_, format, std::forward<Args>(args)...);
  }
  template <typename... Args>
  [[noreturn]] void unsupported(fmt::format_string<Args...> format, Args&&... args) const {
    fail(ErrorCode::kUnsupported, where_, format, std::forward<Args>(args)...);
  }
  /// `axis` counted from the start, of `rank` dimensions.
  std::size_t settle_axis(std::int64_t axis, std::size_t rank) const;
  /// Of several, none twice.
  std::vector<std::size_t> settle_axes(const std::vector<std::int64_t>& axes, std::size_t rank) const;

 private:
  Value& value(std::size_t i) const;
  std::string input_label(std::size_t i) const;  // "input 1 'w'"
  graph::TensorId append(const std::string& name, const std::string& output, graph::Op op,
                         std::vector<graph::TensorId> inputs, std::vector<graph::Weights> weights);
  const std::string& node_name() const { return node_.name.empty() ? node_.outputs[0] : node_.name; }

  ImportState& state_;
  const NodeEntry& node_;
  std::string where_;
  Attributes attributes_;
};

}  // namespace octet::onnx
