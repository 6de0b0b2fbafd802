// calibrate() reads as its stages: optimise the graph, find which tensors need a scale, see their values over
// the pictures, choose scales, then go through the layers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <set>

#include "api/calibrate_layers.h"
#include "api/observe.h"
#include "base/limits.h"
#include "cpu/float_environment.h"
#include "graph/describe.h"
#include "octet/calibration.h"
#include "octet/error.h"
#include "octet/machine.h"
#include "octet/network.h"
#include "optimize/optimizer.h"
#include "quantize/calibrator.h"
#include "quantize/shared_scales.h"

namespace octet {
namespace {

using graph::TensorId;
using quantize::Histogram;
using quantize::ScaleGroup;

constexpr std::size_t kRecordedBins = 128;
constexpr int kSignedZeroPoint = 128;

int settle_threads(int asked) {
  if (asked < 0 || asked > base::kMaxThreads)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("calibration: threads: expected 1 to {}, got {}", base::kMaxThreads, asked));
  return asked > 0 ? asked : describe_machine().default_threads;
}

void check_options(const graph::Graph& graph, const CalibrationOptions& options) {
  if (graph.inputs.size() != 1)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("calibration: network '{}' has {} inputs, expected one", graph.name,
                            graph.inputs.size()));
  if (options.method == CalibrationMethod::kFile)
    throw Error(ErrorCode::kInvalidArgument,
                "method file: the scales of a quantised network are its own; expected one that finds scales");
  if (options.method == CalibrationMethod::kPercentile &&
      !(options.percentile > 0 && options.percentile <= 100))
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("calibration: percentile: expected above 0 and at most 100, got {}", options.percentile));
  if (options.pixel_mean.empty()) return;
  const Shape& shape = graph.shape(graph.inputs[0]);
  const auto values = static_cast<std::int64_t>(options.pixel_mean.size());
  if (values != shape.dim_or_1(1) && values != shape.elements_per_image())
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("calibration: the pictures' mean: expected {} values or {}, got {}",
                            shape.dim_or_1(1), shape.elements_per_image(), values));
  for (const float mean : options.pixel_mean)
    if (!(mean >= 0 && mean <= 255))
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("calibration: the pictures' mean: expected 0 to 255, got {}", mean));
}

/// Whether all that read the input can work on pictures' bytes. The symmetric scheme has no such inputs.
bool takes_pixels(const graph::Graph& graph, const CalibrationOptions& options) {
  if (options.pixel_mean.empty() || options.scheme == QuantizationScheme::kSymmetricInt8) return false;
  const std::vector<int> readers = graph.consumers()[static_cast<std::size_t>(graph.inputs[0])];
  return !readers.empty() && std::all_of(readers.begin(), readers.end(), [&](int n) {
    const graph::Op& op = graph.nodes[static_cast<std::size_t>(n)].op;
    return std::holds_alternative<graph::Convolution>(op) || std::holds_alternative<graph::InnerProduct>(op);
  });
}

/// Histograms of the sources of all groups, by TensorId (empty ones for all other tensors).
std::vector<Histogram> see_values(const graph::Graph& graph, const std::vector<ScaleGroup>& groups,
                                  CalibrationImages& images, int threads, const Watch& watch,
                                  std::int64_t& pictures) {
  std::vector<TensorId> sources;
  for (const ScaleGroup& group : groups)
    sources.insert(sources.end(), group.sources.begin(), group.sources.end());
  std::vector<Histogram> histograms;
  for (const graph::Tensor& tensor : graph.tensors) histograms.emplace_back(tensor.name);
  std::vector<std::mutex> locks(sources.size());
  pictures = observe(
      graph, sources, images, threads,
      [&](std::int64_t, std::span<const std::span<const float>> values) {
        for (std::size_t i = 0; i < sources.size(); ++i) {
          const std::lock_guard lock(locks[i]);
          histograms[static_cast<std::size_t>(sources[i])].add(values[i]);
        }
      },
      watch);
  return histograms;
}

/// The scales of all tensors, in the order in which the network makes them.
class ScaleChooser {
 public:
  ScaleChooser(const graph::Graph& graph, const std::vector<Histogram>& histograms,
               const CalibrationOptions& options)
      : graph_(graph), histograms_(histograms), options_(options), by_tensor_(graph.tensors.size()) {}

  std::vector<TensorCalibration> run(const std::vector<ScaleGroup>& groups) {
    for (const ScaleGroup& group : groups) choose(group);
    std::vector<TensorCalibration> in_order;
    for (const graph::Node& node : graph_.nodes)
      for (const TensorId t : node.outputs)
        if (TensorCalibration& tensor = by_tensor_[static_cast<std::size_t>(t)]; !tensor.name.empty())
          in_order.push_back(std::move(tensor));
    return in_order;
  }

 private:
  void choose(const ScaleGroup& group) {
    Histogram whole(graph_.tensors[static_cast<std::size_t>(group.leader)].name);
    for (const TensorId source : group.sources) whole.add(histograms_[static_cast<std::size_t>(source)]);
    const TensorCalibration scaled = choose_scale(group, whole);
    for (const TensorId t : group.members) {
      const bool is_source = std::find(group.sources.begin(), group.sources.end(), t) != group.sources.end();
      TensorCalibration& tensor = by_tensor_[static_cast<std::size_t>(t)];
      tensor = scaled;
      tensor.name = graph_.tensors[static_cast<std::size_t>(t)].name;
      if (t != group.leader) {
        tensor.tied_to = scaled.name;
        tensor.pixel_mean.clear();
      }
      record(is_source ? histograms_[static_cast<std::size_t>(t)] : whole, tensor);
    }
  }

  static void record(const Histogram& histogram, TensorCalibration& tensor) {
    tensor.minimum = histogram.minimum();
    tensor.maximum = histogram.maximum();
    tensor.histogram = histogram.over_range(kRecordedBins);
    tensor.zeros = histogram.zeros();
  }

  TensorCalibration choose_scale(const ScaleGroup& group, const Histogram& histogram) const {
    TensorCalibration tensor;
    tensor.name = graph_.tensors[static_cast<std::size_t>(group.leader)].name;
    if (group.leader == graph_.inputs[0] && takes_pixels(graph_, options_)) {
      tensor.method = CalibrationMethod::kMinMax;
      tensor.threshold = histogram.largest_magnitude();
      tensor.pixel_mean = options_.pixel_mean;
      return tensor;
    }
    const bool is_unsigned = options_.scheme == QuantizationScheme::kUnsigned8 &&
                             (group.never_negative || histogram.minimum() >= 0);
    const int levels = is_unsigned ? quantize::kUnsignedLevels : quantize::kSignedLevels;
    // Of scores the largest decide, which methods that go by the number of values alone take for outliers.
    tensor.method = group.scores && options_.method != CalibrationMethod::kMinMax ? CalibrationMethod::kMse
                                                                                  : options_.method;
    const quantize::Threshold threshold =
        quantize::choose_threshold(histogram, tensor.method, options_.percentile, levels);
    tensor.threshold = threshold.value;
    tensor.clipped = threshold.clipped;
    tensor.zero_point = is_unsigned ? 0 : kSignedZeroPoint;
    tensor.scale = threshold.value / static_cast<float>(levels);
    return tensor;
  }

  const graph::Graph& graph_;
  const std::vector<Histogram>& histograms_;
  const CalibrationOptions& options_;
  std::vector<TensorCalibration> by_tensor_;
};

std::vector<LayerCalibration> list_layers(const graph::Graph& graph) {
  std::vector<LayerCalibration> layers;
  const std::vector<char> live = graph.live_nodes();
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const graph::Node& node = graph.nodes[n];
    if (!live[n]) continue;
    LayerCalibration layer;
    layer.name = node.name;
    layer.reason = quantize::reason_for_fp32(node);
    if (!layer.reason.empty()) layer.precision = Precision::kFloat32;
    const bool has_taps = std::holds_alternative<graph::Convolution>(node.op) ||
                          std::holds_alternative<graph::InnerProduct>(node.op);
    if (has_taps || !layer.reason.empty()) layers.push_back(std::move(layer));
  }
  return layers;
}

/// Weights of both graphs, each once, as the second has many of the first.
std::uint64_t bytes_only_of(const graph::Graph& graph, const graph::Graph& other) {
  std::set<const base::AlignedBuffer*> counted;
  for (const graph::Node& node : other.nodes)
    for (const graph::Weights& weights : node.weights) counted.insert(weights.storage().get());
  std::uint64_t bytes = 0;
  for (const graph::Node& node : graph.nodes)
    for (const graph::Weights& weights : node.weights)
      if (!weights.empty() && counted.insert(weights.storage().get()).second)
        bytes += weights.storage()->size();
  return bytes;
}

/// Before anything of it is allocated: engine and contexts that show the values, the histograms of these, and
/// the statistics of layers.
void check_memory(const Network& network, const graph::Graph& graph, const std::vector<ScaleGroup>& groups,
                  const CalibrationOptions& options, int threads) {
  if (options.memory_limit == 0) return;
  std::vector<TensorId> sources;
  for (const ScaleGroup& group : groups)
    sources.insert(sources.end(), group.sources.begin(), group.sources.end());
  constexpr std::uint64_t kHistogramBytes = 2 * Histogram::kBins * sizeof(std::uint64_t);
  const std::uint64_t need = bytes_only_of(network.graph(), graph) +
                             observing_bytes(graph, sources, threads) + sources.size() * kHistogramBytes +
                             layer_statistics_bytes(graph, std::max<std::int64_t>(options.source.images, 1),
                                                    options.weight_rounding);
  if (need <= options.memory_limit) return;
  throw Error(
      ErrorCode::kMemoryLimit,
      fmt::format("calibrating {} does not fit: needs {} ({} bytes), limit {} ({} bytes)", network.name(),
                  format_bytes(need), need, format_bytes(options.memory_limit), options.memory_limit));
}

}  // namespace

Calibration calibrate(const Network& network, CalibrationImages& images, const CalibrationOptions& options) {
  const cpu::ScopedFloatEnvironment float_environment(cpu::Denormals::kKept);
  check_options(network.graph(), options);
  const int threads = settle_threads(options.threads);
  graph::Graph graph = network.graph();
  optimize::optimize(graph);
  const std::vector<ScaleGroup> groups = quantize::shared_scales(graph);
  check_memory(network, graph, groups, options, threads);

  // Until the pictures are counted, what the source says they are.
  const auto expected = static_cast<double>(std::max<std::int64_t>(options.source.images, 1));
  constexpr double kShareOfScales = 0.5;
  const auto watch = [&](std::int64_t done) {
    if (options.progress)
      options.progress(kShareOfScales * std::min(1.0, static_cast<double>(done) / expected));
  };
  std::int64_t pictures = 0;
  const std::vector<Histogram> histograms = see_values(graph, groups, images, threads, watch, pictures);

  Calibration calibration;
  calibration.source = options.source;
  calibration.source.network = network.name();
  calibration.source.network_hash = network.hash();
  calibration.source.images = pictures;
  calibration.method = options.method;
  calibration.percentile = options.method == CalibrationMethod::kPercentile ? options.percentile : 0;
  calibration.scheme = options.scheme;
  calibration.weight_rounding = options.weight_rounding;
  calibration.bias_correction = options.bias_correction;
  calibration.tensors = ScaleChooser(graph, histograms, options).run(groups);
  calibration.layers = list_layers(graph);
  calibrate_layers(graph, images, pictures, threads, calibration, [&](double share) {
    if (options.progress) options.progress(kShareOfScales + (1 - kShareOfScales) * share);
  });
  return calibration;
}

}  // namespace octet
