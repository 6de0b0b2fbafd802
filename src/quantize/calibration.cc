// What a Calibration can say about itself: words, look-ups, whether it fits a network, its hash.
#include "octet/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/hash.h"
#include "graph/describe.h"
#include "octet/error.h"
#include "octet/network.h"

namespace octet {
namespace {

constexpr std::array kMethods = {"entropy", "minmax", "percentile", "mse", "file"};
constexpr std::array kSchemes = {"u8", "symmetric-s8"};
constexpr std::array kRoundings = {"nearest", "adaptive"};

template <typename Enum, std::size_t N>
Enum parse_word(std::string_view text, const std::array<const char*, N>& words, const char* what) {
  for (std::size_t i = 0; i < N; ++i)
    if (text == words[i]) return static_cast<Enum>(i);
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: expected one of {}, got '{}'", what, fmt::join(words, ", "), text));
}

template <typename Entry>
const Entry* find(const std::vector<Entry>& entries, std::string_view name) {
  const auto at =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.name == name; });
  return at == entries.end() ? nullptr : &*at;
}

/// The first entry whose name is not among `names`; null if all are.
template <typename Entry>
const Entry* find_unknown(const std::vector<Entry>& entries, const std::set<std::string_view>& names) {
  for (const Entry& entry : entries)
    if (!names.contains(entry.name)) return &entry;
  return nullptr;
}

}  // namespace

const char* to_string(CalibrationMethod method) { return kMethods[static_cast<std::size_t>(method)]; }
CalibrationMethod parse_calibration_method(std::string_view text) {
  return parse_word<CalibrationMethod>(text, kMethods, "calibration method");
}
const char* to_string(QuantizationScheme scheme) { return kSchemes[static_cast<std::size_t>(scheme)]; }
QuantizationScheme parse_quantization_scheme(std::string_view text) {
  return parse_word<QuantizationScheme>(text, kSchemes, "quantisation scheme");
}
const char* to_string(WeightRounding rounding) { return kRoundings[static_cast<std::size_t>(rounding)]; }
WeightRounding parse_weight_rounding(std::string_view text) {
  return parse_word<WeightRounding>(text, kRoundings, "weight rounding");
}

const TensorCalibration* Calibration::find_tensor(std::string_view name) const { return find(tensors, name); }
const LayerCalibration* Calibration::find_layer(std::string_view name) const { return find(layers, name); }

void Calibration::check(const Network& network, std::string_view preprocessing_hash, bool force) {
  const graph::Graph& graph = network.graph();
  const auto differs = [&](const std::string& what) {
    if (!force) throw Error(ErrorCode::kMismatch, what);
    forced.push_back(what);
  };
  if (const std::string hash = graph::hash(graph);
      !source.network_hash.empty() && source.network_hash != hash)
    differs(fmt::format("the calibration is for network '{}' with hash {}, not for '{}' with hash {}",
                        source.network, source.network_hash, graph.name, hash));
  if (!source.preprocessing_hash.empty() && !preprocessing_hash.empty() &&
      source.preprocessing_hash != preprocessing_hash)
    differs(fmt::format("the calibration is for pictures prepared as '{}' (hash {}), these have hash {}",
                        source.preprocessing, source.preprocessing_hash, preprocessing_hash));
  std::set<std::string_view> tensor_names, layer_names;
  for (const graph::Tensor& tensor : graph.tensors) tensor_names.insert(tensor.name);
  for (const graph::Node& node : graph.nodes) layer_names.insert(node.name);
  if (const auto* unknown = find_unknown(tensors, tensor_names))
    differs(fmt::format("the calibration has a tensor '{}' that network '{}' has not", unknown->name,
                        graph.name));
  if (const auto* unknown = find_unknown(layers, layer_names))
    differs(
        fmt::format("the calibration has a layer '{}' that network '{}' has not", unknown->name, graph.name));
}

std::string Calibration::hash() const {
  base::Hasher hasher;
  for (const TensorCalibration& tensor : tensors) {
    hasher.add(std::string_view(tensor.name));
    hasher.add(static_cast<double>(tensor.scale));
    hasher.add(static_cast<std::int64_t>(tensor.zero_point));
    hasher.add(static_cast<std::int64_t>(tensor.pixel_mean.size()));
    hasher.add(std::span<const float>(tensor.pixel_mean));
  }
  for (const LayerCalibration& layer : layers) {
    hasher.add(std::string_view(layer.name));
    hasher.add(static_cast<std::int64_t>(layer.precision));
    hasher.add(static_cast<std::int64_t>(layer.bias_correction.size()));
    hasher.add(std::span<const float>(layer.bias_correction));
    hasher.add(static_cast<std::int64_t>(layer.rounding_bits.size()));
    hasher.add_bytes(layer.rounding_bits.data(), layer.rounding_bits.size());
  }
  return hasher.hex();
}

}  // namespace octet
