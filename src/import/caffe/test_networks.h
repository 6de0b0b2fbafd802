// For the importer's tests: networks from text, caffemodels to match, and errors as values.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/validate.h"
#include "import/caffe/caffe_importer.h"
#include "import/caffe/network_builder.h"
#include "import/caffe/prototxt.h"
#include "import/caffe/weight_loader.h"
#include "octet/error.h"
#include "tests/caffe/caffemodel_writer.h"
#include "tests/support/temporary_directory.h"

namespace octet::caffe {

/// The network of a text, as import_caffe gives it without a caffemodel.
inline graph::Graph graph_of(const std::string& text) {
  BuiltNetwork network = build_network(parse_prototxt(text, "net.prototxt"));
  graph::infer_shapes(network.graph);
  expected_blobs(network);
  return network.graph;
}

/// An Input layer of the given dimensions in line 1, then `layers`, of which the first begins in line 2.
inline std::string with_input(const std::string& dims, const std::string& layers) {
  std::istringstream in(dims);
  std::string shape;
  for (std::string dim; in >> dim;) shape += "dim: " + dim + " ";
  return "layer { name: 'data' type: 'Input' top: 'data' input_param { shape { " + shape + "} } }\n" + layers;
}

/// The single node of the operation type `Op`, failing the test if there is none.
template <typename Op>
const Op& find_op(const graph::Graph& graph) {
  for (const graph::Node& node : graph.nodes) {
    if (const Op* op = std::get_if<Op>(&node.op)) return *op;
  }
  throw std::runtime_error("no such operation in the graph");
}

inline const graph::Node& find_node(const graph::Graph& graph, const std::string& name) {
  for (const graph::Node& node : graph.nodes) {
    if (node.name == name) return node;
  }
  throw std::runtime_error("no node " + name);
}

struct Failure {
  ErrorCode code;
  std::string message;
};

/// The octet::Error that `action` throws; nullopt if it throws none.
inline std::optional<Failure> failure_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return Failure{error.code(), error.what()};
  }
  return std::nullopt;
}

inline void expect_failure(const std::function<void()>& action, ErrorCode code,
                           const std::vector<std::string>& words) {
  const auto failure = failure_of(action);
  ASSERT_TRUE(failure) << "no error was thrown";
  EXPECT_EQ(static_cast<int>(failure->code), static_cast<int>(code)) << failure->message;
  for (const std::string& word : words) {
    EXPECT_NE(failure->message.find(word), std::string::npos)
        << "'" << word << "' is not in: " << failure->message;
  }
}

}  // namespace octet::caffe
