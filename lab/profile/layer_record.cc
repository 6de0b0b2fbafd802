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
                      {"busy_ms", layer.busy_ms}});
  return {{"network", record.network},
          {"precision", record.precision},
          {"batch", record.batch},
          {"threads", record.threads},
          {"isa", record.isa},
          {"peak",
           {{"fp32_gflops", record.peak.fp32_gflops},
            {"int8_gops", record.peak.int8_gops},
            {"memory_read_gbps", record.peak.memory_read_gbps},
            {"l2_read_gbps", record.peak.l2_read_gbps}}},
          {"layers", std::move(layers)},
          {"whole_ms", record.whole_ms},
          {"untimed_ms", record.untimed_ms}};
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
  const Json layers = member<Json>(json, "layers", where);
  if (!layers.is_array() || layers.empty())
    throw Error(ErrorCode::kParse, where + ": layers: expected a list with entries");
  for (const Json& layer : layers) record.layers.push_back(layer_from(layer, record.layers.size()));
  record.whole_ms = samples(json, "whole_ms", where);
  record.untimed_ms = samples(json, "untimed_ms", where);
  return record;
}

}  // namespace octet::lab
