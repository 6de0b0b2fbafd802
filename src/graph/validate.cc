#include "graph/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <unordered_set>

#include "graph/describe.h"
#include "octet/error.h"

namespace octet::graph {
namespace {

template <typename... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

void check_terminals(const Graph& graph) {
  const std::vector<int> producers = graph.producers();
  const auto count = static_cast<TensorId>(graph.tensors.size());
  if (graph.inputs.empty()) fail(ErrorCode::kInvalidNetwork, "network '{}' has no input", graph.name);
  if (graph.outputs.empty()) fail(ErrorCode::kInvalidNetwork, "network '{}' has no output", graph.name);

  std::size_t input_nodes = 0;
  for (const Node& node : graph.nodes) input_nodes += std::holds_alternative<Input>(node.op);
  std::unordered_set<TensorId> inputs;
  for (TensorId t : graph.inputs) {
    const int producer = t < 0 || t >= count ? -1 : producers[static_cast<std::size_t>(t)];
    if (producer < 0 || !std::holds_alternative<Input>(graph.nodes[static_cast<std::size_t>(producer)].op) ||
        !inputs.insert(t).second) {
      fail(ErrorCode::kInvalidNetwork, "network '{}': input tensor {} is not the output of one Input layer",
           graph.name, t);
    }
  }
  if (inputs.size() != input_nodes) {
    fail(ErrorCode::kInvalidNetwork, "network '{}' lists {} inputs but has {} Input layers", graph.name,
         inputs.size(), input_nodes);
  }
  for (TensorId t : graph.outputs) {
    if (t < 0 || t >= count || producers[static_cast<std::size_t>(t)] < 0) {
      fail(ErrorCode::kInvalidNetwork, "network '{}': output tensor {} is not produced by any layer",
           graph.name, t);
    }
  }
}

/// Names are printed: no file's may steer a terminal, or look like a line of ours.
void check_printable(const std::string& name) {
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (std::any_of(name.begin(), name.end(), control))
    fail(ErrorCode::kInvalidNetwork, "'{}': a name has a control character", name);
}

void check_names(const Graph& graph) {
  std::unordered_set<std::string> names;
  check_printable(graph.name);
  for (const Tensor& tensor : graph.tensors) check_printable(tensor.name);
  for (const Node& node : graph.nodes) {
    check_printable(node.name);
    for (TensorId t : node.outputs) {
      const std::string& name = graph.tensors[static_cast<std::size_t>(t)].name;
      if (!names.insert(name).second) {
        fail(ErrorCode::kInvalidNetwork, "{}: a second tensor is named '{}'", where(node), name);
      }
    }
  }
}

/// Whether a node may do without its weight number `index`.
bool is_optional(const Node& node, std::size_t index) {
  if (std::holds_alternative<ChannelAffine>(node.op)) return true;
  return index == 1 && !std::holds_alternative<BatchNorm>(node.op);
}

void check_weights(const Graph& graph, const Node& node) {
  const std::vector<Shape> expected = weight_shapes(graph, node, true);
  if (node.weights.size() > expected.size()) {
    fail(ErrorCode::kMismatch, "{}: {} weight blobs, expected at most {}", where(node), node.weights.size(),
         expected.size());
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (i >= node.weights.size() || (node.weights[i].empty() && !node.weights[i].missing())) {
      if (is_optional(node, i)) continue;
      fail(ErrorCode::kMismatch, "{}: weight blob {} is missing, expected {}", where(node), i,
           expected[i].to_string());
    }
    if (node.weights[i].shape() != expected[i]) {
      fail(ErrorCode::kMismatch, "{}: weight blob {} is {}, expected {}", where(node), i,
           node.weights[i].shape().to_string(), expected[i].to_string());
    }
  }
}

/// True if any value is infinite or not a number. Integers, so that the compiler vectorises it.
bool any_not_finite(std::span<const float> values) {
  int found = 0;
  for (float v : values) found |= (std::bit_cast<std::int32_t>(v) & 0x7fffffff) >= 0x7f800000 ? 1 : 0;
  return found != 0;
}

}  // namespace

void validate(const Graph& graph) {
  Graph inferred = graph;
  infer_shapes(inferred);
  for (const Node& node : graph.nodes) {
    for (TensorId t : node.outputs) {
      if (graph.shape(t) != inferred.shape(t)) {
        fail(ErrorCode::kInvalidNetwork, "{}: output is stored as {}, inferred as {}", where(node),
             graph.shape(t).to_string(), inferred.shape(t).to_string());
      }
    }
  }
  check_terminals(graph);
  check_names(graph);
  for (const Node& node : graph.nodes) check_weights(inferred, node);
}

void check_weights_there(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    for (std::size_t blob = 0; blob < node.weights.size(); ++blob) {
      if (!node.weights[blob].missing()) continue;
      fail(ErrorCode::kMismatch, "{}: weight blob {} ({}) has no values", where(node), blob,
           node.weights[blob].shape().to_string());
    }
  }
}

void check_weights_finite(const Graph& graph) {
  check_weights_there(graph);
  constexpr std::size_t kChunk = 1 << 14;  // stays in the first-level cache for the second look
  for (const Node& node : graph.nodes) {
    for (std::size_t blob = 0; blob < node.weights.size(); ++blob) {
      const std::span<const float> values = node.weights[blob].values();
      for (std::size_t begin = 0; begin < values.size(); begin += kChunk) {
        const auto chunk = values.subspan(begin, std::min(kChunk, values.size() - begin));
        if (!any_not_finite(chunk)) continue;
        std::size_t i = 0;
        while (!any_not_finite(chunk.subspan(i, 1))) ++i;
        fail(ErrorCode::kInvalidNetwork, "{}: weight blob {} holds {} at element {}", where(node), blob,
             chunk[i], begin + i);
      }
    }
  }
}

}  // namespace octet::graph
