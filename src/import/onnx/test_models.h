// For the importer's tests: models built message by message with ONNX's schema, and errors as values.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <import/onnx/onnx.pb.h>

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "import/onnx/onnx_importer.h"
#include "import/onnx/onnx_model.h"
#include "octet/error.h"

namespace octet::onnx {

inline constexpr std::int64_t kBatch = -1;  // a dimension named "N"

inline Attribute& add_attribute(Node& node, const std::string& name, Attribute::Type type) {
  Attribute& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}
inline Node& with(Node& node, const std::string& name, std::int64_t value) {
  add_attribute(node, name, Attribute::INT).set_i(value);
  return node;
}
inline Node& with(Node& node, const std::string& name, float value) {
  add_attribute(node, name, Attribute::FLOAT).set_f(value);
  return node;
}
inline Node& with(Node& node, const std::string& name, const std::string& value) {
  add_attribute(node, name, Attribute::STRING).set_s(value);
  return node;
}
inline Node& with(Node& node, const std::string& name, const std::vector<std::int64_t>& values) {
  Attribute& attribute = add_attribute(node, name, Attribute::INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
  return node;
}

class ModelBuilder {
 public:
  explicit ModelBuilder(std::int64_t opset = 13) {
    model_.set_ir_version(8);
    model_.add_opset_import()->set_version(opset);
    model_.mutable_graph()->set_name("net");
  }

  Model& model() { return model_; }
  Graph& graph() { return *model_.mutable_graph(); }

  ModelBuilder& input(const std::string& name, const std::vector<std::int64_t>& dims,
                      ElementType type = ElementType::kFloat) {
    declare(*graph().add_input(), name, dims, type);
    return *this;
  }
  ModelBuilder& output(const std::string& name) {
    graph().add_output()->set_name(name);
    return *this;
  }
  /// The node is named after its first output, "node_OUTPUT".
  Node& node(const std::string& op, const std::vector<std::string>& inputs,
             const std::vector<std::string>& outputs) {
    Node& node = *graph().add_node();
    node.set_op_type(op);
    node.set_name("node_" + outputs.at(0));
    for (const std::string& input : inputs) node.add_input(input);
    for (const std::string& output : outputs) node.add_output(output);
    return node;
  }
  Tensor& tensor(const std::string& name, const std::vector<std::int64_t>& dims, ElementType type) {
    Tensor& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(static_cast<int>(type));
    for (const std::int64_t dim : dims) tensor.add_dims(dim);
    return tensor;
  }
  ModelBuilder& reals(const std::string& name, const std::vector<std::int64_t>& dims,
                      const std::vector<float>& values) {
    tensor(name, dims, ElementType::kFloat).set_raw_data(values.data(), values.size() * sizeof(float));
    return *this;
  }
  /// All elements 1, 2, 3, ...
  ModelBuilder& counted(const std::string& name, const std::vector<std::int64_t>& dims) {
    std::int64_t elements = 1;
    for (const std::int64_t dim : dims) elements *= dim;
    std::vector<float> values;
    for (std::int64_t i = 0; i < elements; ++i) values.push_back(static_cast<float>(i + 1));
    return reals(name, dims, values);
  }
  ModelBuilder& integers(const std::string& name, const std::vector<std::int64_t>& values) {
    Tensor& list = tensor(name, {static_cast<std::int64_t>(values.size())}, ElementType::kInt64);
    for (const std::int64_t value : values) list.add_int64_data(value);
    return *this;
  }

  std::string bytes() const { return model_.SerializeAsString(); }
  graph::Graph imported() const {
    const std::string file = bytes();
    return import_onnx("net.onnx", std::as_bytes(std::span(file)));
  }

 private:
  static void declare(ValueInfo& info, const std::string& name, const std::vector<std::int64_t>& dims,
                      ElementType type) {
    info.set_name(name);
    TensorType& tensor = *info.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(static_cast<int>(type));
    for (const std::int64_t dim : dims) {
      Dimension& dimension = *tensor.mutable_shape()->add_dim();
      if (dim == kBatch) {
        dimension.set_dim_param("N");
      } else {
        dimension.set_dim_value(dim);
      }
    }
  }

  Model model_;
};

/// The node of the single operation of type `Op`.
template <typename Op>
const graph::Node& node_of(const graph::Graph& graph) {
  for (const graph::Node& node : graph.nodes) {
    if (std::holds_alternative<Op>(node.op)) return node;
  }
  throw std::runtime_error("no such operation in the graph");
}
template <typename Op>
const Op& op_of(const graph::Graph& graph) {
  return std::get<Op>(node_of<Op>(graph).op);
}

inline std::vector<float> values_of(const graph::Weights& weights) {
  return {weights.values().begin(), weights.values().end()};
}
inline Shape output_shape(const graph::Graph& graph) { return graph.shape(graph.outputs.at(0)); }
/// "Input Convolution ReLU"
inline std::string op_names(const graph::Graph& graph) {
  std::string names;
  for (const graph::Node& node : graph.nodes) {
    names += (names.empty() ? "" : " ") + std::string(graph::op_name(node.op));
  }
  return names;
}

inline void expect_refused(const std::function<void()>& action, ErrorCode code,
                           const std::vector<std::string>& words) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    for (const std::string& word : words) EXPECT_THAT(error.what(), ::testing::HasSubstr(word));
    return;
  }
  ADD_FAILURE() << "no error was thrown";
}
inline void expect_refused(const ModelBuilder& model, ErrorCode code, const std::vector<std::string>& words) {
  expect_refused([&] { model.imported(); }, code, words);
}

}  // namespace octet::onnx
