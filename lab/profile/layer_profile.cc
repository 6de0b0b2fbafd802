#include "lab/profile/layer_profile.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

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
  if (const double peak = peak_of(layer, record.peak); peak > 0) figures.peak_share = figures.gops / peak;
  if (!layer.wait_ms.empty()) figures.wait_ms = median(layer.wait_ms) / record.threads;
  figures.bound = bound_of(layer, record);
  if (figures.ms > 0) figures.bound_share = figures.bound.ms() / figures.ms;
  figures.parts = time_parts(layer, figures.ms, record.batch, record.peak);
  return figures;
}

/// Times of nothing are left out.
Json times_to_json(std::initializer_list<std::pair<const char*, double>> times) {
  Json json = Json::object();
  for (const auto& [key, ms] : times)
    if (ms != 0) json[key] = ms;
  return json;
}

Json to_json(const TimeParts& parts) {
  return times_to_json({{"arithmetic", parts.arithmetic},
                        {"saved", parts.saved},
                        {"memory", parts.memory},
                        {"kernel", parts.kernel},
                        {"layout", parts.layout},
                        {"other", parts.other}});
}

Json to_json(const LayerBound& bound) {
  return times_to_json({{"compute", bound.compute},
                        {"l2", bound.l2},
                        {"l3", bound.l3},
                        {"memory", bound.memory},
                        {"epilogue", bound.epilogue}});
}

/// Of a run, over all layers and threads.
double waiting_ms(const LayerRecord& record) {
  std::vector<double> runs;
  for (const LayerSamples& layer : record.layers) {
    runs.resize(std::max(runs.size(), layer.wait_ms.size()), 0);
    for (std::size_t run = 0; run < layer.wait_ms.size(); ++run) runs[run] += layer.wait_ms[run];
  }
  return runs.empty() ? 0 : median(runs) / record.threads;
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
  profile.waiting_ms = waiting_ms(record);
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
                      {"wait_ms", layer.wait_ms},
                      {"bound", layer.bound.by()},
                      {"bound_ms", layer.bound.ms()},
                      {"bound_share", 100 * layer.bound_share},
                      {"bounds", to_json(layer.bound)},
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
          {"peak", to_json(profile.peak)},
          {"sum_ms", profile.sum_ms},
          {"waiting_ms", profile.waiting_ms},
          {"whole_ms", profile.whole_ms},
          {"untimed_ms", profile.untimed_ms},
          {"waterfall", std::move(steps)}};
}

}  // namespace octet::lab
