#include "octet/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "cpu/float_environment.h"
#include "graph/describe.h"
#include "graph/validate.h"
#include "import/caffe/caffe_importer.h"
#include "import/onnx/onnx_importer.h"
#include "octet/calibration.h"
#include "octet/error.h"
#include "optimize/pass.h"
#include "quantize/file_scales.h"
#include "zoo/synthetic_weights.h"
#include "zoo/trained_networks.h"
#include "zoo/zoo.h"

namespace octet {
namespace {

Network finish(graph::Graph graph, std::shared_ptr<const Calibration> calibration = nullptr) {
  graph::validate(graph);
  return Network(std::make_shared<const graph::Graph>(std::move(graph)), std::move(calibration));
}

/// What is left of a network's own scales where layers went.
std::shared_ptr<const Calibration> without_layers_that_went(const std::shared_ptr<const Calibration>& all,
                                                            const graph::Graph& graph) {
  if (all == nullptr) return nullptr;
  auto left = std::make_shared<Calibration>(*all);
  std::erase_if(left->layers, [&](const LayerCalibration& layer) {
    return std::none_of(graph.nodes.begin(), graph.nodes.end(),
                        [&](const graph::Node& node) { return node.name == layer.name; });
  });
  return left;
}

Network import_embedded(const zoo::TrainedNetwork& trained) {
  return finish(caffe::import_caffe(caffe::MemoryFile{trained.prototxt.name, trained.prototxt.bytes},
                                    caffe::MemoryFile{trained.caffemodel.name, trained.caffemodel.bytes}));
}

void check_limit(const std::string& name, std::uint64_t need, std::uint64_t limit) {
  if (limit == 0 || need <= limit) return;
  throw Error(ErrorCode::kMemoryLimit,
              fmt::format("{} does not fit: its weights need {} ({} bytes), limit {} ({} bytes)", name,
                          format_bytes(need), need, format_bytes(limit), limit));
}

/// A file that is not there or cannot be read is the importer's to refuse.
void check_file(const std::filesystem::path& file, std::uint64_t limit) {
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(file, error);
  if (!error) check_limit(file.string(), bytes, limit);
}

void fill_weights(graph::Graph& graph, std::uint64_t seed, std::uint64_t limit) {
  std::uint64_t missing = 0;
  for (const graph::Node& node : graph.nodes)
    for (const graph::Weights& weights : node.weights)
      if (weights.missing())
        missing += static_cast<std::uint64_t>(weights.shape().elements()) * sizeof(float);
  check_limit(graph.name, missing, limit);
  octet::zoo::fill_synthetic_weights(graph, seed);
}

std::vector<TensorInfo> describe(const graph::Graph& graph, const std::vector<graph::TensorId>& tensors) {
  std::vector<TensorInfo> result;
  for (graph::TensorId t : tensors) {
    const graph::Tensor& tensor = graph.tensors[static_cast<std::size_t>(t)];
    result.push_back({tensor.name, tensor.shape});
  }
  return result;
}

/// Letters to insert, delete or replace to get from one word to the other (Levenshtein).
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

/// ", did you mean 'resnet-50'?" if a name begins with the word or is near enough to be what was meant.
std::string suggestion(const std::string& word) {
  constexpr std::size_t kLongestWord = 64;
  if (word.empty() || word.size() > kLongestWord) return {};
  const auto distance = [&](const std::string& name) {
    return name.starts_with(word) ? 0 : edit_distance(word, name);
  };
  const std::vector<std::string>& names = Network::zoo_names();
  const auto nearest =
      std::min_element(names.begin(), names.end(),
                       [&](const std::string& a, const std::string& b) { return distance(a) < distance(b); });
  if (distance(*nearest) > std::max<std::size_t>(2, word.size() / 3)) return {};
  return fmt::format(", did you mean '{}'?", *nearest);
}

bool is_zoo_name(const std::string& word) {
  const std::vector<std::string>& names = Network::zoo_names();
  return std::find(names.begin(), names.end(), word) != names.end();
}

[[noreturn]] void fail_unknown(const std::string& net) {
  throw Error(ErrorCode::kNotFound,
              fmt::format("network '{}': expected a .prototxt or .onnx file or one of {}{}", net,
                          fmt::join(Network::zoo_names(), ", "), suggestion(net)));
}

}  // namespace

Network Network::load_caffe(const std::filesystem::path& prototxt,
                            const std::optional<std::filesystem::path>& caffemodel, std::uint64_t seed,
                            std::uint64_t memory_limit) {
  const cpu::ScopedFloatEnvironment float_environment(cpu::Denormals::kKept);
  if (caffemodel) check_file(*caffemodel, memory_limit);
  graph::Graph graph = caffe::import_caffe(prototxt, caffemodel);
  // A caffemodel gives every weight or is refused, so this fills all of them or none.
  fill_weights(graph, seed, memory_limit);
  return finish(std::move(graph));
}

Network Network::load_onnx(const std::filesystem::path& path, std::uint64_t memory_limit) {
  const cpu::ScopedFloatEnvironment float_environment(cpu::Denormals::kKept);
  check_file(path, memory_limit);
  std::vector<std::string> written_in_fp32;
  graph::Graph graph = onnx::import_onnx(path, &written_in_fp32);
  std::shared_ptr<const Calibration> calibration;
  if (std::any_of(graph.nodes.begin(), graph.nodes.end(),
                  [](const graph::Node& node) { return graph::is_rounding(node.op); })) {
    // Scale and shift are one operation on integers, with nothing rounded between.
    optimize::fold_batch_norm(graph);
    optimize::merge_channel_affine(graph);
    calibration = quantize::take_file_scales(graph, written_in_fp32);
  }
  return finish(std::move(graph), std::move(calibration));
}

Network Network::zoo(const std::string& name, std::uint64_t seed, std::uint64_t memory_limit) {
  const cpu::ScopedFloatEnvironment float_environment(cpu::Denormals::kKept);
  if (!is_zoo_name(name)) fail_unknown(name);
  for (const octet::zoo::TrainedNetwork& trained : octet::zoo::trained_networks()) {
    if (trained.name == name) return import_embedded(trained);
  }
  graph::Graph graph = octet::zoo::build(name);
  fill_weights(graph, seed, memory_limit);
  return finish(std::move(graph));
}

Network Network::open(const std::string& net, const std::optional<std::filesystem::path>& weights,
                      std::uint64_t seed, std::uint64_t memory_limit) {
  const std::filesystem::path path(net);
  if (path.extension() == ".prototxt") return load_caffe(path, weights, seed, memory_limit);
  const bool is_onnx = path.extension() == ".onnx";
  if (!is_onnx && !is_zoo_name(net)) fail_unknown(net);
  if (weights) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("weights '{}' belong to a .prototxt; '{}' {}", weights->string(), net,
                            is_onnx ? "holds its own" : "is a built-in network"));
  }
  return is_onnx ? load_onnx(path, memory_limit) : zoo(net, seed, memory_limit);
}

const std::vector<std::string>& Network::zoo_names() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> names = octet::zoo::names();
    for (const octet::zoo::TrainedNetwork& trained : octet::zoo::trained_networks())
      names.push_back(trained.name);
    return names;
  }();
  return all;
}

const std::string& Network::name() const { return graph_->name; }
std::vector<TensorInfo> Network::inputs() const { return describe(*graph_, graph_->inputs); }
std::vector<TensorInfo> Network::outputs() const { return describe(*graph_, graph_->outputs); }

std::vector<LayerInfo> Network::layers() const {
  std::vector<LayerInfo> result;
  for (const graph::Node& node : graph_->nodes) result.push_back(graph::layer_info(*graph_, node));
  return result;
}

bool Network::synthetic_weights() const { return graph_->synthetic_weights; }
std::string Network::hash() const { return graph::hash(*graph_); }

Network Network::with_output(const std::string& tensor) const {
  for (const graph::Node& node : graph_->nodes) {
    for (graph::TensorId t : node.outputs) {
      if (graph_->tensors[static_cast<std::size_t>(t)].name != tensor) continue;
      graph::Graph graph = *graph_;
      graph.outputs = {t};
      optimize::eliminate_dead_code(graph);
      auto calibration = without_layers_that_went(calibration_, graph);
      return finish(std::move(graph), std::move(calibration));
    }
  }
  throw Error(ErrorCode::kNotFound, fmt::format("network '{}' has no tensor '{}'", graph_->name, tensor));
}

}  // namespace octet
