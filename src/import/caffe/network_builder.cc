#include "import/caffe/network_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <unordered_map>
#include <unordered_set>

#include "graph/validate.h"
#include "import/caffe/fail.h"
#include "import/unique_names.h"
#include "octet/error.h"

namespace octet::caffe {
namespace {

using graph::Graph;
using graph::TensorId;

class NetworkBuilder {
 public:
  explicit NetworkBuilder(const Prototxt& prototxt) : prototxt_(prototxt) {
    for (const SourceLayer& layer : prototxt.layers) {
      if (!used_at_inference(layer, prototxt.net.state(), prototxt.file)) continue;
      // Types first: of a layer that Octet does not have, an unknown field is no news.
      check_layer_type(layer.parameters, origin(layer));
      used_.push_back(&layer);
    }
    for (const SourceLayer* layer : used_) {
      if (layer->unknown_fields.empty()) continue;
      const UnknownField& unknown = layer->unknown_fields.front();
      throw Error(ErrorCode::kParse, fmt::format("{}:{}:{}: layer '{}': {}", prototxt.file, unknown.line,
                                                 unknown.column, layer->parameters.name(), unknown.text));
    }
  }

  BuiltNetwork build() {
    Graph& graph = network_.graph;
    graph.name = prototxt_.net.name();
    if (graph.name.empty()) graph.name = std::filesystem::path(prototxt_.file).stem().string();
    add_net_inputs();
    for (const SourceLayer* layer : used_) {
      const Origin from = origin(*layer);
      check_arity(layer->parameters, from);
      if (layer->parameters.type() == "Input") {
        add_input_layer(*layer, from);
      } else {
        add_layer(*layer, from);
      }
    }
    name_tensors();
    collect_outputs();
    return std::move(network_);
  }

 private:
  /// One writing of a blob.
  struct Version {
    TensorId tensor;
    std::string layer;
  };

  Origin origin(const SourceLayer& layer) const {
    return {prototxt_.file, layer.line, layer.parameters.name()};
  }

  static const std::string& node_name(const LayerParameter& p) {
    return p.name().empty() ? p.top(0) : p.name();
  }

  void add_net_inputs() {
    const NetParameter& net = prototxt_.net;
    const Origin from{prototxt_.file, prototxt_.input_lines.empty() ? 0 : prototxt_.input_lines[0], ""};
    if (net.input_dim_size() > 0 && net.input_shape_size() > 0) {
      fail(ErrorCode::kInvalidNetwork, from, "both input_dim and input_shape are given; expected either");
    }
    if (net.input_shape_size() > 0 && net.input_shape_size() != net.input_size()) {
      fail(ErrorCode::kInvalidNetwork, from, "{} input(s) but {} input_shape(s)", net.input_size(),
           net.input_shape_size());
    }
    if (net.input_shape_size() == 0 && net.input_dim_size() != 4 * net.input_size()) {
      fail(ErrorCode::kInvalidNetwork, from, "{} input(s) need {} input_dim values, got {}", net.input_size(),
           4 * net.input_size(), net.input_dim_size());
    }
    for (int i = 0; i < net.input_size(); ++i) {
      std::vector<std::int64_t> dims;
      if (net.input_shape_size() > 0) {
        dims.assign(net.input_shape(i).dim().begin(), net.input_shape(i).dim().end());
      } else {
        dims.assign(net.input_dim().begin() + 4 * i, net.input_dim().begin() + 4 * (i + 1));
      }
      const Origin input_from{prototxt_.file, prototxt_.input_lines[static_cast<std::size_t>(i)],
                              net.input(i)};
      add_input(net.input(i), net.input(i), dims, input_from);
    }
  }

  void add_input_layer(const SourceLayer& layer, const Origin& from) {
    const LayerParameter& p = layer.parameters;
    const auto& shapes = p.input_param().shape();
    if (shapes.size() != 1 && shapes.size() != p.top_size()) {
      fail(ErrorCode::kInvalidNetwork, from, "{} shape(s) in input_param for {} top(s), expected 1 or {}",
           shapes.size(), p.top_size(), p.top_size());
    }
    for (int i = 0; i < p.top_size(); ++i) {
      const BlobShape& shape = shapes[shapes.size() == 1 ? 0 : i];
      add_input(p.top_size() == 1 ? node_name(p) : p.top(i), p.top(i),
                {shape.dim().begin(), shape.dim().end()}, from);
    }
  }

  void add_input(const std::string& name, const std::string& blob, std::vector<std::int64_t> dims,
                 const Origin& from) {
    if (dims.empty()) fail(ErrorCode::kInvalidNetwork, from, "input '{}' has no dimensions", blob);
    for (const std::int64_t dim : dims) {
      if (dim < 1 || dim > graph::kMaxDimension) {
        fail(ErrorCode::kInvalidNetwork, from, "input '{}' has the dimension {}, expected 1 to {}", blob, dim,
             graph::kMaxDimension);
      }
    }
    dims[0] = 1;  // the batch is the engine's to choose
    if (versions_.contains(blob)) {
      fail(ErrorCode::kInvalidNetwork, from, "the blob '{}' is made twice", blob);
    }
    const TensorId tensor = add_node(name, graph::Input{}, {}, {blob}, from)[0];
    network_.graph.tensors[static_cast<std::size_t>(tensor)].shape = Shape(std::move(dims));
    network_.graph.inputs.push_back(tensor);
  }

  void add_layer(const SourceLayer& layer, const Origin& from) {
    const LayerParameter& p = layer.parameters;
    LayerOp op = convert_layer(p, from);
    std::vector<TensorId> inputs;
    for (int i = 0; i < p.bottom_size(); ++i) inputs.push_back(find_bottom(layer, i));
    check_tops(p, from);
    if (op.blobs > 0) {
      if (!weighted_names_.insert(p.name()).second) {
        fail(ErrorCode::kInvalidNetwork, from,
             "a second layer with weights has this name, so a caffemodel cannot tell them apart");
      }
      network_.weighted.push_back({network_.graph.nodes.size(), p.name(), op});
    }
    add_node(node_name(p), op.op, std::move(inputs), {p.top().begin(), p.top().end()}, from);
  }

  /// The current version of a bottom's blob.
  TensorId find_bottom(const SourceLayer& layer, int index) const {
    const std::string& blob = layer.parameters.bottom(index);
    const auto found = versions_.find(blob);
    if (found != versions_.end()) return found->second.back().tensor;

    Origin from = origin(layer);
    if (static_cast<std::size_t>(index) < layer.bottom_lines.size()) {
      from.line = layer.bottom_lines[static_cast<std::size_t>(index)];
    }
    for (const SourceLayer* other : used_) {
      const auto& tops = other->parameters.top();
      if (std::find(tops.begin(), tops.end(), blob) == tops.end()) continue;
      if (other == &layer) {
        fail(ErrorCode::kInvalidNetwork, from,
             "bottom '{}' is made by this layer itself and by none before it: a cycle", blob);
      }
      fail(ErrorCode::kInvalidNetwork, from,
           "bottom '{}' is made only later, by layer '{}' in line {}: a cycle, or layers out of order", blob,
           other->parameters.name(), other->line);
    }
    fail(ErrorCode::kInvalidNetwork, from, "bottom '{}' is made by no layer", blob);
  }

  /// A top is a new blob, or the bottom in the same place (an in-place layer).
  void check_tops(const LayerParameter& p, const Origin& from) const {
    std::unordered_set<std::string> seen;
    for (int i = 0; i < p.top_size(); ++i) {
      const std::string& blob = p.top(i);
      if (!seen.insert(blob).second) {
        fail(ErrorCode::kInvalidNetwork, from, "the top '{}' is there twice", blob);
      }
      const bool in_place = i < p.bottom_size() && p.bottom(i) == blob;
      const auto made = versions_.find(blob);
      if (!in_place && made != versions_.end()) {
        fail(ErrorCode::kInvalidNetwork, from,
             "the blob '{}' is made twice: layer '{}' has it as a top already", blob,
             made->second.back().layer);
      }
    }
  }

  std::vector<TensorId> add_node(const std::string& name, graph::Op op, std::vector<TensorId> inputs,
                                 const std::vector<std::string>& blobs, const Origin& from) {
    graph::Node node;
    node.name = node_names_.make(name);
    node.op = std::move(op);
    node.inputs = std::move(inputs);
    node.origin = from;
    for (const std::string& blob : blobs) {
      const TensorId tensor = network_.graph.add_tensor(blob);
      node.outputs.push_back(tensor);
      auto& versions = versions_[blob];
      if (versions.empty()) blobs_in_order_.push_back(blob);
      versions.push_back({tensor, name});
    }
    network_.graph.nodes.push_back(std::move(node));
    return network_.graph.nodes.back().outputs;
  }

  void name_tensors() {
    UniqueNames tensor_names;
    for (const std::string& blob : blobs_in_order_) tensor_names.make(blob);
    for (const std::string& blob : blobs_in_order_) {
      const auto& versions = versions_.at(blob);
      for (std::size_t i = 0; i + 1 < versions.size(); ++i) {
        network_.graph.tensors[static_cast<std::size_t>(versions[i].tensor)].name =
            tensor_names.make(fmt::format("{}@{}", blob, versions[i].layer));
      }
    }
  }

  /// What nobody reads is an output, but for an input that nobody reads.
  void collect_outputs() {
    Graph& graph = network_.graph;
    const auto consumers = graph.consumers();
    for (const graph::Node& node : graph.nodes) {
      if (std::holds_alternative<graph::Input>(node.op)) continue;
      for (const TensorId tensor : node.outputs) {
        if (consumers[static_cast<std::size_t>(tensor)].empty()) graph.outputs.push_back(tensor);
      }
    }
    const Origin from{prototxt_.file, 0, ""};
    if (graph.outputs.empty()) fail(ErrorCode::kInvalidNetwork, from, "no layer of it is used at inference");
    if (graph.inputs.empty()) {
      fail(ErrorCode::kInvalidNetwork, from, "the network has no input: no 'input' field and no Input layer");
    }
  }

  const Prototxt& prototxt_;
  std::vector<const SourceLayer*> used_;
  BuiltNetwork network_;
  std::unordered_map<std::string, std::vector<Version>> versions_;  // by blob, in the order of writing
  std::vector<std::string> blobs_in_order_;
  UniqueNames node_names_;
  std::unordered_set<std::string> weighted_names_;
};

}  // namespace

BuiltNetwork build_network(const Prototxt& prototxt) { return NetworkBuilder(prototxt).build(); }

}  // namespace octet::caffe
