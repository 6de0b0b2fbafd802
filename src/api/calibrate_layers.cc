#include "api/calibrate_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <memory>
#include <vector>

#include "api/observe.h"
#include "base/thread_pool.h"
#include "graph/describe.h"
#include "octet/error.h"
#include "quantize/adaptive_rounding.h"
#include "quantize/integer_layer.h"
#include "quantize/layer_statistics.h"
#include "quantize/weight_integers.h"

namespace octet {
namespace {

using graph::TensorId;
using quantize::LayerStatistics;

/// Statistics held at a time; layers that need more go into further passes over the pictures.
constexpr std::int64_t kStatisticsBytes = std::int64_t{1} << 30;
/// Second moments of layers with more taps would not be worth their memory.
constexpr std::int64_t kMostTaps = 8192;
constexpr double kDamping = 0.01;
constexpr std::int64_t kChannelsAtATime = 8;

struct Layer {
  const graph::Node* node = nullptr;
  LayerCalibration* calibration = nullptr;
  quantize::LayerGeometry geometry;
  quantize::LayerInput input;
  std::unique_ptr<LayerStatistics> statistics;

  std::span<const float> weights() const { return node->weights[0].values(); }
  std::span<const float> channel_weights(std::int64_t k) const {
    return weights().subspan(static_cast<std::size_t>(k * geometry.taps()),
                             static_cast<std::size_t>(geometry.taps()));
  }
  std::int64_t group_of(std::int64_t k) const { return k / (geometry.out_channels / geometry.groups); }
};

/// Adaptive rounding needs as many columns as there are taps: fully connected layers, of which a picture
/// gives one, mostly have too few and are rounded to nearest.
bool can_adapt(const quantize::LayerGeometry& geometry, std::int64_t pictures) {
  return geometry.taps() <= kMostTaps &&
         LayerStatistics::expected_samples(geometry, pictures) >= geometry.taps();
}

/// The layer's integers as the engine will make them, for an input scale of which only the weights' own
/// scales depend.
quantize::IntegerLayer integers_of(const Layer& layer, const LayerCalibration& calibration) {
  quantize::IntegerLayerSpec spec;
  spec.where = graph::where(*layer.node);
  spec.weights = layer.weights();
  if (layer.node->weights.size() > 1) spec.bias = layer.node->weights[1].values();
  spec.out_channels = layer.geometry.out_channels;
  spec.input = layer.input.quantization;
  spec.output_type = DataType::kFloat32;
  spec.calibration = &calibration;
  return quantize::make_integer_layer(spec);
}

/// Runs f(i) for i in [0, count) on all threads.
template <typename F>
void for_each(base::ThreadPool& pool, std::int64_t count, F f) {
  std::atomic<std::int64_t> next{0};
  pool.run([&](int) {
    for (std::int64_t i = next++; i < count; i = next++) f(i);
  });
}

// ---- what is left of a layer's output, on the pictures kept apart

struct Judgement {
  double signal = 0, noise = 0;
  double noise_corrected = 0;  // with the bias correction
};

/// Sums in eight lanes, so that the compiler vectorises without changing the order of additions.
template <typename T>
double dot(std::span<const float> a, std::span<const T> b) {
  constexpr std::size_t kLanes = 8;
  float lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= a.size(); i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] += a[i + lane] * static_cast<float>(b[i + lane]);
  double sum = 0;
  for (const float lane : lanes) sum += static_cast<double>(lane);
  for (; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

/// `correction` may be empty.
Judgement judge(const Layer& layer, const quantize::IntegerLayer& integers, std::span<const float> correction,
                base::ThreadPool& pool) {
  const LayerStatistics& statistics = *layer.statistics;
  const std::int64_t taps = layer.geometry.taps();
  std::vector<Judgement> channels(static_cast<std::size_t>(layer.geometry.out_channels));
  for_each(pool, layer.geometry.out_channels, [&](std::int64_t k) {
    Judgement& channel = channels[static_cast<std::size_t>(k)];
    const auto first = static_cast<std::size_t>(layer.group_of(k) * taps);
    const auto count = static_cast<std::size_t>(taps);
    const auto weights = layer.channel_weights(k);
    std::vector<float> quantised(count);
    const double scale = static_cast<double>(layer.input.quantization.scale) *
                         static_cast<double>(integers.weight_scales[static_cast<std::size_t>(k)]);
    for (std::size_t t = 0; t < count; ++t)
      quantised[t] = static_cast<float>(integers.weights[static_cast<std::size_t>(k * taps) + t]);
    const double shift =
        correction.empty() ? 0 : static_cast<double>(correction[static_cast<std::size_t>(k)]);
    for (std::int64_t i = 0; i < statistics.apart_columns(); ++i) {
      const double real = dot(weights, statistics.apart_reals(i).subspan(first, count));
      const double error =
          scale * dot(std::span<const float>(quantised), statistics.apart_integers(i).subspan(first, count)) -
          real;
      channel.signal += real * real;
      channel.noise += error * error;
      channel.noise_corrected += (error + shift) * (error + shift);
    }
  });
  Judgement sum;
  for (const Judgement& channel : channels) {
    sum.signal += channel.signal;
    sum.noise += channel.noise;
    sum.noise_corrected += channel.noise_corrected;
  }
  return sum;
}

// ---- the steps for one layer

std::vector<std::uint8_t> to_bits(const Layer& layer, const std::vector<std::int8_t>& integers,
                                  const std::vector<float>& scales) {
  std::vector<std::uint8_t> bits(quantize::bit_bytes(integers.size()), 0);
  const auto taps = static_cast<std::size_t>(layer.geometry.taps());
  for (std::size_t i = 0; i < integers.size(); ++i) {
    const bool up = static_cast<float>(integers[i]) > std::floor(layer.weights()[i] / scales[i / taps]);
    if (up) bits[i / 8] = static_cast<std::uint8_t>(bits[i / 8] | 1u << (i % 8));
  }
  return bits;
}

std::vector<std::uint8_t> adaptive_bits(const Layer& layer, bool bias_will_be_corrected,
                                        base::ThreadPool& pool) {
  const std::int64_t taps = layer.geometry.taps();
  const std::int64_t group_channels = layer.geometry.out_channels / layer.geometry.groups;
  const std::vector<float> scales = integers_of(layer, {}).weight_scales;
  const std::vector<double> mean_integers = layer.statistics->mean_integers();
  std::vector<std::int8_t> integers(layer.weights().size());
  for (std::int64_t group = 0; group < layer.geometry.groups; ++group) {
    quantize::QuadraticForm form{taps, layer.statistics->mean_products(group)};
    if (bias_will_be_corrected)
      form.centre(std::span<const double>(mean_integers)
                      .subspan(static_cast<std::size_t>(group * taps), static_cast<std::size_t>(taps)));
    form.dampen(kDamping);
    const quantize::AdaptiveRounding rounding(form, pool);
    for_each(pool, (group_channels + kChannelsAtATime - 1) / kChannelsAtATime, [&](std::int64_t block) {
      const std::int64_t first = group * group_channels + block * kChannelsAtATime;
      const std::int64_t count = std::min(kChannelsAtATime, (group + 1) * group_channels - first);
      const auto rounded = rounding.round(
          layer.weights().subspan(static_cast<std::size_t>(first * taps),
                                  static_cast<std::size_t>(count * taps)),
          std::span(scales).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
      std::copy(rounded.begin(), rounded.end(), integers.begin() + first * taps);
    });
  }
  return to_bits(layer, integers, scales);
}

/// Mean of the layer's real output less that of its quantised one, by output channel.
std::vector<float> bias_correction(const Layer& layer, const quantize::IntegerLayer& integers) {
  const std::vector<double> input_error = layer.statistics->mean_input_error();
  const std::vector<double> mean_integers = layer.statistics->mean_integers();
  const std::int64_t taps = layer.geometry.taps();
  const auto input_scale = static_cast<double>(layer.input.quantization.scale);
  std::vector<float> correction;
  for (std::int64_t k = 0; k < layer.geometry.out_channels; ++k) {
    const auto weights = layer.channel_weights(k);
    const auto weight_scale = static_cast<double>(integers.weight_scales[static_cast<std::size_t>(k)]);
    double sum = 0;
    for (std::int64_t t = 0; t < taps; ++t) {
      const auto element = static_cast<std::size_t>(layer.group_of(k) * taps + t);
      const auto weight = static_cast<double>(weights[static_cast<std::size_t>(t)]);
      const double quantised = weight_scale * integers.weights[static_cast<std::size_t>(k * taps + t)];
      sum += weight * input_error[element] + (weight - quantised) * input_scale * mean_integers[element];
    }
    correction.push_back(static_cast<float>(sum));
  }
  return correction;
}

double decibels(const Judgement& judgement) {
  if (!(judgement.signal > 0)) return 0;
  // An error of nothing is printed as the smallest that doubles of this size can tell.
  return 10 * std::log10(judgement.signal / std::max(judgement.noise_corrected, judgement.signal * 1e-30));
}

void finish_layer(Layer& layer, const Calibration& calibration, base::ThreadPool& pool) {
  LayerCalibration& result = *layer.calibration;
  quantize::IntegerLayer integers = integers_of(layer, result);
  Judgement judgement = judge(layer, integers, {}, pool);
  if (calibration.weight_rounding == WeightRounding::kAdaptive &&
      can_adapt(layer.geometry, layer.statistics->split().pictures)) {
    LayerCalibration adaptive = result;
    adaptive.rounding_bits = adaptive_bits(layer, calibration.bias_correction, pool);
    quantize::IntegerLayer rounded = integers_of(layer, adaptive);
    const Judgement better = judge(layer, rounded, {}, pool);
    if (better.noise < judgement.noise) {
      result.rounding_bits = std::move(adaptive.rounding_bits);
      integers = std::move(rounded);
      judgement = better;
    }
  }
  if (calibration.bias_correction && layer.statistics->split().has_apart()) {
    std::vector<float> correction = bias_correction(layer, integers);
    const Judgement corrected = judge(layer, integers, correction, pool);
    if (corrected.noise_corrected < corrected.noise) {
      result.bias_correction = std::move(correction);
      judgement = corrected;
    }
  }
  result.sqnr_db = decibels(judgement);
}

bool has_taps(const graph::Node& node) {
  return std::holds_alternative<graph::Convolution>(node.op) ||
         std::holds_alternative<graph::InnerProduct>(node.op);
}

std::vector<Layer> list_layers(const graph::Graph& graph, Calibration& calibration) {
  std::vector<Layer> layers;
  for (const graph::Node& node : graph.nodes) {
    if (!has_taps(node)) continue;
    const auto at = std::find_if(calibration.layers.begin(), calibration.layers.end(),
                                 [&](const LayerCalibration& l) { return l.name == node.name; });
    if (at == calibration.layers.end()) continue;
    const TensorCalibration* input =
        calibration.find_tensor(graph.tensors[static_cast<std::size_t>(node.inputs[0])].name);
    layers.push_back({&node,
                      &*at,
                      quantize::layer_geometry(graph, node),
                      {{input->scale, input->zero_point, 0}, !input->pixel_mean.empty()},
                      nullptr});
  }
  return layers;
}

}  // namespace

std::uint64_t layer_statistics_bytes(const graph::Graph& graph, std::int64_t pictures,
                                     WeightRounding rounding) {
  std::int64_t all = 0, largest = 0;
  for (const graph::Node& node : graph.nodes) {
    if (!has_taps(node)) continue;
    const quantize::LayerGeometry geometry = quantize::layer_geometry(graph, node);
    const bool moments = rounding == WeightRounding::kAdaptive && can_adapt(geometry, pictures);
    const std::int64_t bytes = LayerStatistics::bytes(geometry, pictures, moments);
    all += bytes;
    largest = std::max(largest, bytes);
  }
  return static_cast<std::uint64_t>(std::min(all, std::max(largest, kStatisticsBytes)));
}

void calibrate_layers(const graph::Graph& graph, CalibrationImages& images, std::int64_t pictures,
                      int threads, Calibration& calibration, const std::function<void(double)>& progress) {
  std::vector<Layer> layers = list_layers(graph, calibration);
  const bool adaptive = calibration.weight_rounding == WeightRounding::kAdaptive;
  const auto wants_moments = [&](const Layer& layer) {
    return adaptive && can_adapt(layer.geometry, pictures);
  };
  base::ThreadPool pool(threads);
  for (std::size_t begin = 0, end = 0; begin < layers.size(); begin = end) {
    std::int64_t bytes = 0;
    std::vector<TensorId> tensors;
    std::map<TensorId, std::size_t> place;
    for (; end < layers.size(); ++end) {
      bytes += LayerStatistics::bytes(layers[end].geometry, pictures, wants_moments(layers[end]));
      if (end > begin && bytes > kStatisticsBytes) break;
      const TensorId input = layers[end].node->inputs[0];
      if (place.emplace(input, tensors.size()).second) tensors.push_back(input);
    }
    const auto chosen = std::span(layers).subspan(begin, end - begin);
    for (Layer& layer : chosen)
      layer.statistics =
          std::make_unique<LayerStatistics>(layer.geometry, layer.input, pictures, wants_moments(layer));
    const auto share = [&](double part) {
      return (static_cast<double>(begin) + part * static_cast<double>(chosen.size())) /
             static_cast<double>(layers.size());
    };
    const std::int64_t seen = observe(
        graph, tensors, images, threads,
        [&](std::int64_t picture, std::span<const std::span<const float>> values) {
          for (Layer& layer : chosen) layer.statistics->add(picture, values[place.at(layer.node->inputs[0])]);
        },
        [&](std::int64_t done) {
          progress(share(0.5 * static_cast<double>(done) / static_cast<double>(std::max(done, pictures))));
        });
    if (seen != pictures) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("calibration: there were {} images at first and {} later", pictures, seen));
    }
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      chosen[i].statistics->finish();
      finish_layer(chosen[i], calibration, pool);
      chosen[i].statistics.reset();
      progress(share(0.5 + 0.5 * static_cast<double>(i + 1) / static_cast<double>(chosen.size())));
    }
  }
}

}  // namespace octet
