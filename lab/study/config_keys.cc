#include "lab/study/config_keys.h"

#include "octet/calibration.h"
#include "octet/network.h"
#include "octet/types.h"

namespace octet::lab {
namespace {

constexpr double kMaxBatch = 65536;
constexpr double kMaxSeconds = 86400;

}  // namespace

std::vector<ConfigKey> config_keys(StudyConfig& c) {
  const auto networks = [](const char* section, std::vector<std::string>& list) {
    return ConfigKey{section, "networks", &list, 0, 0, Words::kNetwork};
  };
  const auto precisions = [](const char* section, std::vector<std::string>& list) {
    return ConfigKey{section, "precisions", &list, 0, 0, Words::kPrecision};
  };
  return {
      {"", "name", &c.name, 0, 0, Words::kNonEmpty},
      {"", "mode", &c.mode, 0, 0, Words::kMode},
      {"", "seed", &c.seed, 0, 9e15},
      {"", "threads", &c.threads, 0, 4096},
      {"limits", "time_s", &c.limits.time_s, 0, 1e9},
      {"limits", "unit_s", &c.limits.unit_s, 0, 1e9},
      {"limits", "memory", SizeField{&c.limits.memory_bytes}},
      networks("throughput", c.throughput.networks),
      precisions("throughput", c.throughput.precisions),
      {"throughput", "engines", &c.throughput.engines, 0, 0, Words::kEngine},
      {"throughput", "batches", &c.throughput.batches, 1, kMaxBatch},
      {"throughput", "headline_batch", &c.throughput.headline_batch, 1, kMaxBatch},
      {"throughput", "seconds", &c.throughput.seconds, 0.001, kMaxSeconds},
      {"throughput", "rounds", &c.throughput.rounds, 1, 1000},
      {"throughput", "warmup_s", &c.throughput.warmup_s, 0, kMaxSeconds},
      networks("ladder", c.ladder.networks),
      precisions("ladder", c.ladder.precisions),
      {"ladder", "isas", &c.ladder.isas, 0, 0, Words::kIsa},
      {"ladder", "batch", &c.ladder.batch, 1, kMaxBatch},
      {"ladder", "seconds", &c.ladder.seconds, 0.001, kMaxSeconds},
      networks("server", c.server.networks),
      precisions("server", c.server.precisions),
      {"server", "max_batch", &c.server.max_batch, 1, kMaxBatch},
      {"server", "p99_ms", &c.server.p99_ms, 0.001, 1e6},
      {"server", "seconds", &c.server.seconds, 0.001, kMaxSeconds},
      {"server", "requests", &c.server.requests, 459, 1e8},
      {"server", "tolerance", &c.server.tolerance, 0.001, 0.5},
      networks("scaling", c.scaling.networks),
      precisions("scaling", c.scaling.precisions),
      {"scaling", "ranks", &c.scaling.ranks, 1, 65536},
      {"scaling", "batch", &c.scaling.batch, 1, kMaxBatch},
      {"scaling", "seconds", &c.scaling.seconds, 0.001, kMaxSeconds},
      networks("accuracy", c.accuracy.networks),
      precisions("accuracy", c.accuracy.precisions),
      {"accuracy", "drawn", &c.accuracy.drawn, 1, 1e8},
      {"accuracy", "images", &c.accuracy.images, 0, 0, Words::kPath},
      {"accuracy", "labels", &c.accuracy.labels, 0, 0, Words::kPath},
      {"accuracy", "devkit_map", &c.accuracy.devkit_map, 0, 0, Words::kPath},
      {"accuracy", "synsets", &c.accuracy.synsets, 0, 0, Words::kPath},
      {"accuracy", "limit", &c.accuracy.limit, 0, 1e9},
      {"accuracy", "batch", &c.accuracy.batch, 1, kMaxBatch},
      networks("calibration", c.calibration.networks),
      {"calibration", "pictures", &c.calibration.pictures, 1, 1e7},
      {"calibration", "method", &c.calibration.method, 0, 0, Words::kMethod},
      {"calibration", "weight_rounding", &c.calibration.weight_rounding, 0, 0, Words::kRounding},
      networks("layers", c.layers.networks),
      precisions("layers", c.layers.precisions),
      {"layers", "batch", &c.layers.batch, 1, kMaxBatch},
      {"layers", "iterations", &c.layers.iterations, 1, 1e6},
      {"power", "idle_s", &c.power.idle_s, 0, kMaxSeconds},
      {"power", "model", &c.power.model},
      {"power", "wall_meter", &c.power.wall_meter, 0, 0, Words::kPath},
      {"power", "rapl_root", &c.power.rapl_root, 0, 0, Words::kNonEmpty},
      {"power", "nvml_library", &c.power.nvml_library, 0, 0, Words::kNonEmpty},
      {"power", "nvml_devices", &c.power.nvml_devices},
      {"power", "ipmitool", &c.power.ipmitool, 0, 0, Words::kNonEmpty},
      networks("projection", c.projection.networks),
      precisions("projection", c.projection.precisions),
      {"projection", "targets", &c.projection.targets, 0, 0, Words::kNonEmpty},
      {"projection", "batches", &c.projection.batches, 1, kMaxBatch},
      {"projection", "devices", &c.projection.devices, 1, 1024},
  };
}

std::vector<std::string> allowed_words(Words words, const StudyConfig& config) {
  switch (words) {
    case Words::kMode:
      return {"quick", "full", "custom"};
    case Words::kPrecision:
      return {to_string(Precision::kFloat32), to_string(Precision::kBFloat16), to_string(Precision::kInt8),
              to_string(Precision::kInt16)};
    case Words::kEngine:
      return {"octet", "onnxruntime", "openvino"};
    case Words::kIsa: {
      std::vector<std::string> names;
      for (const Isa isa : kAllIsas) names.emplace_back(to_string(isa));
      return names;
    }
    case Words::kMethod:
      return {to_string(CalibrationMethod::kEntropy), to_string(CalibrationMethod::kMinMax),
              to_string(CalibrationMethod::kPercentile), to_string(CalibrationMethod::kMse)};
    case Words::kRounding:
      return {to_string(WeightRounding::kNearest), to_string(WeightRounding::kAdaptive)};
    case Words::kNetwork: {
      std::vector<std::string> names = Network::zoo_names();
      for (const NetworkFiles& files : config.files) names.push_back(files.network);
      return names;
    }
    case Words::kAny:
    case Words::kNonEmpty:
    case Words::kPath:
      break;
  }
  return {};
}

}  // namespace octet::lab
