// Rows of throughput, Octet against other engines round by round, and precisions against FP32.
#include <algorithm>
#include <map>

#include "lab/bench/statistics.h"
#include "lab/bundle/derive.h"
#include "lab/bundle/measured_system.h"
#include "lab/power/energy.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace {

constexpr const char* kOctet = "octet";
constexpr const char* kBaseline = "fp32";

Json ratio_json(const Ratio& ratio) {
  return {{"median", ratio.median}, {"ci95", {ratio.ci95.low, ratio.ci95.high}}};
}

Json system_row(const JsonReader& record, const MeasuredSystem& system, const RecordedIdle& idle) {
  Json row = row_of(record, {"network", "precision", "batch"});
  row.erase("outcome");  // after what identifies the row
  row["engine"] = system.info.engine;
  row["version"] = system.info.version;
  row["way"] = system.info.way;
  if (system.failed()) {
    row["outcome"] = "failed";
    row["error"] = system.error;
    return row;
  }
  const Measurement& measurement = system.measurement;
  row["threads"] = system.info.threads;
  row["isa"] = system.info.isa;
  row["outcome"] = "measured";
  row["images_per_second"] = to_json(summarize(system.rates));
  row["total_images_per_second"] = total_rate(measurement);
  row["latency_ms"] = to_json(latency(measurement));
  row["calls"] = measurement.calls.size();
  // Engines that do not tell leave it at 0.
  if (system.info.memory_bytes > 0) row["memory_bytes"] = system.info.memory_bytes;
  row["engine_hash"] = system.info.hash;
  row["output_hash"] = system.output_hash;
  row["calibration"] = system.info.calibration;
  extend(row, to_json(system.judgement));
  row["energy"] = energy_row(images_in(measurement), system.power, round_windows(measurement), idle.power,
                             idle.windows, working_device(system.info.device));
  return row;
}

/// Octet over each peer of the record; rounds that lie beside each other are compared.
void add_comparisons(const JsonReader& record, const std::vector<MeasuredSystem>& systems, Json& section) {
  const auto octet = std::find_if(systems.begin(), systems.end(), [](const MeasuredSystem& system) {
    return system.info.engine == kOctet && system.usable();
  });
  if (octet == systems.end()) return;
  const std::vector<double> own = round_rates(octet->measurement);
  for (const MeasuredSystem& peer : systems) {
    if (peer.info.engine == kOctet || !peer.usable()) continue;
    const std::vector<double> other = round_rates(peer.measurement);
    const std::size_t rounds = std::min(own.size(), other.size());
    if (rounds == 0) continue;
    section.push_back(
        {{"record", record.text("key")},
         {"network", record.text("network")},
         {"precision", record.text("precision")},
         {"batch", record.integer("batch", 1)},
         {"engine", peer.info.engine},
         {"way", peer.info.way},
         {"version", peer.info.version},
         {"ratio", ratio_json(bootstrap_paired_ratio({own.data(), rounds}, {other.data(), rounds}))},
         {"rounds", rounds}});
  }
}

/// Octet's rates at each precision of a network and batch.
using RatesByPrecision = std::vector<std::pair<std::string, std::vector<double>>>;

Json speedups_of(const std::map<std::pair<std::string, std::int64_t>, RatesByPrecision>& octet) {
  Json section = Json::array();
  for (const auto& [subject, precisions] : octet) {
    const auto baseline = std::find_if(precisions.begin(), precisions.end(),
                                       [](const auto& each) { return each.first == kBaseline; });
    if (baseline == precisions.end()) continue;
    for (const auto& [precision, rates] : precisions)
      if (precision != kBaseline)
        section.push_back({{"network", subject.first},
                           {"batch", subject.second},
                           {"precision", precision},
                           {"over", kBaseline},
                           {"ratio", ratio_json(bootstrap_ratio(rates, baseline->second))}});
  }
  return section;
}

}  // namespace

Json derive_throughput(const Records& records) {
  const RecordedIdle idle = recorded_idle(records);
  Json rows = Json::array(), comparisons = Json::array();
  std::map<std::pair<std::string, std::int64_t>, RatesByPrecision> octet;
  for (const JsonReader& record : records.of_kind("throughput")) {
    if (!measured(record)) {
      rows.push_back(row_of(record, {"network", "precision", "batch"}));
      continue;
    }
    const std::vector<MeasuredSystem> systems = measured_systems(record);
    for (const MeasuredSystem& system : systems) {
      rows.push_back(within(record, [&](const Json&) { return system_row(record, system, idle); }));
      if (system.info.engine == kOctet && system.usable())
        octet[{record.text("network"), record.integer("batch", 1)}].emplace_back(record.text("precision"),
                                                                                 system.rates);
    }
    add_comparisons(record, systems, comparisons);
  }
  return {{"throughput", std::move(rows)},
          {"comparisons", std::move(comparisons)},
          {"speedups", speedups_of(octet)}};
}

}  // namespace octet::lab
