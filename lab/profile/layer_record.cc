#include "lab/profile/layer_record.h"

#include <fmt/format.h>

#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

template <typename T>
T member(const Json& json, const char* key, const std::string& where) {
  const auto found = json.find(key);
  if (found == json.end())
    throw Error(ErrorCode::kParse, fmt::format("{}: expected the key '{}', it is not there", where, key));
  try {
    return found->get<T>();
  } catch (const Json::exception&) {
    throw Error(ErrorCode::kParse, fmt::format("{}: {}: of the wrong type", where, key));
  }
}

/// A key that older records do not have.
template <typename T>
T member_or(const Json& json, const char* key, T absent, const std::string& where) {
  return json.contains(key) ? member<T>(json, key, where) : absent;
}

int count(const Json& json, const char* key, const std::string& where) {
  const int value = member<int>(json, key, where);
  if (value < 1)
    throw Error(ErrorCode::kParse, fmt::format("{}: {}: expected 1 or more, got {}", where, key, value));
  return value;
}

std::vector<double> samples(const Json& json, const char* key, const std::string& where) {
  std::vector<double> values = member<std::vector<double>>(json, key, where);
  if (values.empty())
    throw Error(ErrorCode::kParse, fmt::format("{}: {}: expected samples, there are none", where, key));
  return values;
}

/// Peaks that older records do not have.
struct LaterPeak {
  const char* key;
  double MachinePeaks::*value;
};
constexpr LaterPeak kLaterPeaks[] = {{"l1_read_gbps", &MachinePeaks::l1_read_gbps},
                                     {"l3_read_gbps", &MachinePeaks::l3_read_gbps},
                                     {"fp32_outputs_gps", &MachinePeaks::fp32_outputs_gps},
                                     {"int8_outputs_gps", &MachinePeaks::int8_outputs_gps},
                                     {"bf16_gflops", &MachinePeaks::bf16_gflops}};

LayerSamples layer_from(const Json& json, std::size_t index) {
  std::string where = fmt::format("layers: entry {}", index + 1);
  if (!json.is_object()) throw Error(ErrorCode::kParse, where + ": expected an object");
  LayerSamples layer;
  layer.layer = member<std::string>(json, "layer", where);
  where = fmt::format("layers: '{}'", layer.layer);
  layer.op = member<std::string>(json, "op", where);
  layer.kernel = member<std::string>(json, "kernel", where);
  layer.output_layout = member<std::string>(json, "output_layout", where);
  layer.macs = member<std::int64_t>(json, "macs", where);
  layer.input_bytes = member<std::int64_t>(json, "input_bytes", where);
  layer.output_bytes = member<std::int64_t>(json, "output_bytes", where);
  layer.weight_bytes = member<std::int64_t>(json, "weight_bytes", where);
  layer.images_per_group = count(json, "images_per_group", where);
  layer.busy_ms = samples(json, "busy_ms", where);
  layer.wait_ms = member_or<std::vector<double>>(json, "wait_ms", {}, where);
  if (!layer.wait_ms.empty() && layer.wait_ms.size() != layer.busy_ms.size())
    throw Error(ErrorCode::kParse, fmt::format("{}: wait_ms: expected {} samples as of busy_ms, got {}",
                                               where, layer.busy_ms.size(), layer.wait_ms.size()));
  layer.kernel_macs = member_or<std::int64_t>(json, "kernel_macs", 0, where);
  layer.outputs = member_or<std::int64_t>(json, "outputs", 0, where);
  layer.shared_by_threads = member_or(json, "shared_by_threads", false, where);
  layer.reads_caller = member_or(json, "reads_caller", false, where);
  layer.writes_caller = member_or(json, "writes_caller", false, where);
  return layer;
}

}  // namespace

Json to_json(const LayerRecord& record) {
  Json layers = Json::array();
  for (const LayerSamples& layer : record.layers)
    layers.push_back({{"layer", layer.layer},
                      {"op", layer.op},
                      {"kernel", layer.kernel},
                      {"output_layout", layer.output_layout},
                      {"macs", layer.macs},
                      {"input_bytes", layer.input_bytes},
                      {"output_bytes", layer.output_bytes},
                      {"weight_bytes", layer.weight_bytes},
                      {"images_per_group", layer.images_per_group},
                      {"busy_ms", layer.busy_ms},
                      {"wait_ms", layer.wait_ms},
                      {"kernel_macs", layer.kernel_macs},
                      {"outputs", layer.outputs},
                      {"shared_by_threads", layer.shared_by_threads},
                      {"reads_caller", layer.reads_caller},
                      {"writes_caller", layer.writes_caller}});
  return {{"network", record.network},
          {"precision", record.precision},
          {"batch", record.batch},
          {"threads", record.threads},
          {"isa", record.isa},
          {"l2_bytes", record.l2_bytes},
          {"l3_bytes", record.l3_bytes},
          {"peak", to_json(record.peak)},
          {"layers", std::move(layers)},
          {"whole_ms", record.whole_ms},
          {"untimed_ms", record.untimed_ms}};
}

Json to_json(const MachinePeaks& peaks) {
  Json json = {{"fp32_gflops", peaks.fp32_gflops},
               {"int8_gops", peaks.int8_gops},
               {"memory_read_gbps", peaks.memory_read_gbps},
               {"l2_read_gbps", peaks.l2_read_gbps}};
  for (const LaterPeak& peak : kLaterPeaks)
    if (peaks.*peak.value > 0) json[peak.key] = peaks.*peak.value;
  return json;
}

LayerRecord layer_record_from(const Json& json) {
  const std::string where = "layers record";
  if (!json.is_object()) throw Error(ErrorCode::kParse, where + ": expected an object");
  LayerRecord record;
  record.network = member<std::string>(json, "network", where);
  record.precision = member<std::string>(json, "precision", where);
  record.batch = count(json, "batch", where);
  record.threads = count(json, "threads", where);
  record.isa = member<std::string>(json, "isa", where);
  const Json peak = member<Json>(json, "peak", where);
  if (!peak.is_object()) throw Error(ErrorCode::kParse, where + ": peak: expected an object");
  record.peak.fp32_gflops = member<double>(peak, "fp32_gflops", where + ": peak");
  record.peak.int8_gops = member<double>(peak, "int8_gops", where + ": peak");
  record.peak.memory_read_gbps = member<double>(peak, "memory_read_gbps", where + ": peak");
  record.peak.l2_read_gbps = member<double>(peak, "l2_read_gbps", where + ": peak");
  for (const LaterPeak& later : kLaterPeaks)
    record.peak.*later.value = member_or(peak, later.key, 0.0, where + ": peak");
  record.l2_bytes = member_or<std::uint64_t>(json, "l2_bytes", 0, where);
  record.l3_bytes = member_or<std::uint64_t>(json, "l3_bytes", 0, where);
  const Json layers = member<Json>(json, "layers", where);
  if (!layers.is_array() || layers.empty())
    throw Error(ErrorCode::kParse, where + ": layers: expected a list with entries");
  for (const Json& layer : layers) record.layers.push_back(layer_from(layer, record.layers.size()));
  record.whole_ms = samples(json, "whole_ms", where);
  record.untimed_ms = samples(json, "untimed_ms", where);
  return record;
}

}  // namespace octet::lab
