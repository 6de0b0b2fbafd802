#include "lab/profile/layer_profile.h"

#include "lab/bench/statistics.h"
#include "lab/profile/waterfall.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace {

LayerFigures figures_of(const LayerSamples& layer, const LayerRecord& record) {
  LayerFigures figures{layer.layer, layer.op, layer.kernel};
  figures.ms = median(layer.busy_ms) / record.threads;
  const double giga_ops = giga_operations(layer, record.batch);
  const double gigabytes = giga_bytes(layer, record.batch);
  if (figures.ms > 0) {
    figures.gops = giga_ops / (figures.ms * 1e-3);
    figures.gbps = gigabytes / (figures.ms * 1e-3);
  }
  if (const double peak = peak_of(layer, record.peak); peak > 0) {
    figures.peak_share = figures.gops / peak;
    const double memory = record.peak.memory_read_gbps;
    if (memory > 0 && giga_ops / peak >= gigabytes / memory) figures.bound = "compute";
  }
  figures.parts = time_parts(layer, figures.ms, record.batch, record.peak);
  return figures;
}

/// Parts of nothing are left out.
Json to_json(const TimeParts& parts) {
  Json json = Json::object();
  const auto add = [&](const char* key, double ms) {
    if (ms != 0) json[key] = ms;
  };
  add("arithmetic", parts.arithmetic);
  add("saved", parts.saved);
  add("memory", parts.memory);
  add("kernel", parts.kernel);
  add("layout", parts.layout);
  add("other", parts.other);
  return json;
}

}  // namespace

LayerProfile derive_layer_profile(const LayerRecord& record) {
  LayerProfile profile{record.network, record.precision, record.batch,
                       record.threads, record.isa,       record.peak};
  for (const LayerSamples& layer : record.layers) {
    profile.layers.push_back(figures_of(layer, record));
    profile.sum_ms += profile.layers.back().ms;
  }
  for (LayerFigures& layer : profile.layers) layer.share = profile.sum_ms > 0 ? layer.ms / profile.sum_ms : 0;
  profile.whole_ms = median(record.whole_ms);
  profile.untimed_ms = median(record.untimed_ms);
  profile.waterfall = waterfall(record, profile);
  return profile;
}

Json to_json(const LayerProfile& profile) {
  Json layers = Json::array();
  for (const LayerFigures& layer : profile.layers)
    layers.push_back({{"layer", layer.layer},
                      {"op", layer.op},
                      {"kernel", layer.kernel},
                      {"ms", layer.ms},
                      {"share", 100 * layer.share},
                      {"gops", layer.gops},
                      {"peak_share", 100 * layer.peak_share},
                      {"gbps", layer.gbps},
                      {"bound", layer.bound},
                      {"parts", to_json(layer.parts)}});
  Json steps = Json::array();
  for (const WaterfallStep& step : profile.waterfall)
    steps.push_back({{"step", step.step}, {"ms", step.ms}, {"text", step.text}});
  return {{"network", profile.network},
          {"precision", profile.precision},
          {"batch", profile.batch},
          {"threads", profile.threads},
          {"isa", profile.isa},
          {"layers", std::move(layers)},
          {"peak",
           {{"fp32_gflops", profile.peak.fp32_gflops},
            {"int8_gops", profile.peak.int8_gops},
            {"memory_read_gbps", profile.peak.memory_read_gbps},
            {"l2_read_gbps", profile.peak.l2_read_gbps}}},
          {"sum_ms", profile.sum_ms},
          {"whole_ms", profile.whole_ms},
          {"untimed_ms", profile.untimed_ms},
          {"waterfall", std::move(steps)}};
}

}  // namespace octet::lab
