#include "lab/study/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "lab/support/json.h"
#include "lab/support/text.h"
#include "octet/hash.h"

namespace octet::lab {
namespace {

/// Makes the units of one configuration, section by section.
class Planner {
 public:
  Planner(const StudyConfig& config, const PlanMachine& machine) : config_(config), machine_(machine) {}

  std::vector<Unit> plan() {
    add_machine();
    for (const std::string& network : config_.throughput.networks) {
      add_throughput(network, true);
      add_calibration(network);
    }
    for (const std::string& network : config_.accuracy.networks) {
      add_accuracy(network);
      add_calibration(network);
    }
    for (const std::string& network : config_.projection.networks) add_projections(network);
    for (const std::string& network : all_networks()) {
      add_throughput(network, false);
      add_ladder(network);
      add_layers(network);
      add_scaling(network);
      add_server(network);
      add_calibration(network);
    }
    return std::move(units_);
  }

 private:
  std::vector<std::string> all_networks() const {
    std::vector<std::string> all = config_.throughput.networks;
    for (const auto* list : {&config_.ladder.networks, &config_.layers.networks, &config_.scaling.networks,
                             &config_.server.networks, &config_.calibration.networks})
      for (const std::string& network : *list)
        if (!contains(all, network)) all.push_back(network);
    return all;
  }

  /// Headline first where it is one of the batches, else the first batch.
  int headline_batch() const {
    const std::vector<int>& batches = config_.throughput.batches;
    const int wanted = config_.throughput.headline_batch;
    return std::find(batches.begin(), batches.end(), wanted) != batches.end() ? wanted : batches.front();
  }

  void add(Unit unit, Json options) {
    // A key that two sections come to (a network's calibration) is done once.
    if (std::any_of(units_.begin(), units_.end(), [&](const Unit& other) { return other.key == unit.key; }))
      return;
    options["key"] = unit.key;
    options["seed"] = config_.seed;
    options["threads"] = config_.threads;
    options["identity"] = machine_.identity;
    const std::string text = options.dump(-1, ' ', false, Json::error_handler_t::replace);
    unit.depends = hash_bytes(std::as_bytes(std::span(text)));
    units_.push_back(std::move(unit));
  }

  /// What every timed unit depends on beside its own options.
  Json timed(const std::string& network, const std::string& precision, double seconds) const {
    Json options = {{"seconds", seconds}, {"memory", config_.limits.memory_bytes}, {"power", power()}};
    if (needs_calibration(precision)) options["calibration"] = calibration(network);
    return options;
  }
  static bool needs_calibration(const std::string& precision) { return precision.starts_with("int"); }
  Json power() const {
    const StudyConfig::Power& power = config_.power;
    return {power.model,        power.wall_meter,   power.rapl_root,
            power.nvml_library, power.nvml_devices, power.ipmitool};
  }
  Json calibration(const std::string& network) const {
    Json options = {{"method", config_.calibration.method},
                    {"rounding", config_.calibration.weight_rounding}};
    if (contains(config_.accuracy.networks, network)) {
      options["pictures"] = config_.calibration.pictures;
      options["images"] = pictures();
    }
    return options;
  }
  Json pictures() const {
    const StudyConfig::Accuracy& accuracy = config_.accuracy;
    return {accuracy.images, accuracy.labels, accuracy.devkit_map, accuracy.synsets, accuracy.limit};
  }

  void add_machine() {
    Unit unit{UnitKind::kMachine, "machine"};
    add(std::move(unit), {{"idle_s", config_.power.idle_s}, {"power", power()}});
  }

  void add_throughput(const std::string& network, bool headline) {
    const StudyConfig::Throughput& section = config_.throughput;
    if (!contains(section.networks, network)) return;
    for (const std::string& precision : section.precisions)
      for (const int batch : section.batches) {
        if ((batch == headline_batch()) != headline) continue;
        Unit unit{UnitKind::kThroughput, fmt::format("throughput/{}/{}/b{}", network, precision, batch),
                  network, precision, batch};
        Json options = timed(network, precision, section.seconds);
        options["rounds"] = section.rounds;
        options["warmup_s"] = section.warmup_s;
        options["engines"] = section.engines;
        add(std::move(unit), std::move(options));
      }
  }

  void add_ladder(const std::string& network) {
    const StudyConfig::Ladder& section = config_.ladder;
    if (!contains(section.networks, network)) return;
    for (const std::string& precision : section.precisions)
      for (const std::string& isa : section.isas.empty() ? machine_.isas : section.isas) {
        Unit unit{UnitKind::kLadder, fmt::format("ladder/{}/{}/{}", network, precision, isa),
                  network,           precision,
                  section.batch,     isa};
        Json options = timed(network, precision, section.seconds);
        options["batch"] = section.batch;
        add(std::move(unit), std::move(options));
      }
  }

  void add_layers(const std::string& network) {
    const StudyConfig::Layers& section = config_.layers;
    if (!contains(section.networks, network)) return;
    for (const std::string& precision : section.precisions) {
      Unit unit{UnitKind::kLayers, fmt::format("layers/{}/{}", network, precision), network, precision,
                section.batch};
      Json options = timed(network, precision, 0);
      options["batch"] = section.batch;
      options["iterations"] = section.iterations;
      add(std::move(unit), std::move(options));
    }
  }

  void add_scaling(const std::string& network) {
    const StudyConfig::Scaling& section = config_.scaling;
    if (!contains(section.networks, network)) return;
    for (const std::string& precision : section.precisions)
      for (const int ranks : section.ranks) {
        Unit unit{UnitKind::kScaling, fmt::format("scaling/{}/{}/r{}", network, precision, ranks), network,
                  precision, section.batch};
        unit.ranks = ranks;
        Json options = timed(network, precision, section.seconds);
        options["batch"] = section.batch;
        add(std::move(unit), std::move(options));
      }
  }

  void add_server(const std::string& network) {
    const StudyConfig::Server& section = config_.server;
    if (!contains(section.networks, network)) return;
    for (const std::string& precision : section.precisions) {
      Unit unit{UnitKind::kServer, fmt::format("server/{}/{}", network, precision), network, precision,
                section.max_batch};
      Json options = timed(network, precision, section.seconds);
      options["max_batch"] = section.max_batch;
      options["p99_ms"] = section.p99_ms;
      options["requests"] = section.requests;
      options["tolerance"] = section.tolerance;
      add(std::move(unit), std::move(options));
    }
  }

  void add_accuracy(const std::string& network) {
    Unit unit{UnitKind::kAccuracy, "accuracy/" + network, network};
    unit.batch = config_.accuracy.batch;
    Json options = {{"precisions", config_.accuracy.precisions}, {"calibration", calibration(network)}};
    if (network == "octet-20")
      options["drawn"] = config_.accuracy.drawn;
    else
      options["images"] = pictures();
    add(std::move(unit), std::move(options));
  }

  void add_calibration(const std::string& network) {
    if (!contains(config_.calibration.networks, network)) return;
    Unit unit{UnitKind::kCalibration, "calibration/" + network, network};
    add(std::move(unit), {{"calibration", calibration(network)}});
  }

  void add_projections(const std::string& network) {
    const StudyConfig::Projection& section = config_.projection;
    for (const std::string& precision : section.precisions)
      for (const std::string& target : section.targets) {
        Unit unit{UnitKind::kProjected,
                  fmt::format("projected/{}/{}/{}", network, precision, target_name(target)), network,
                  precision};
        unit.target = target;
        add(std::move(unit),
            {{"target", target}, {"batches", section.batches}, {"devices", section.devices}});
      }
  }

  /// A target may be a file; records are named after its stem.
  static std::string target_name(const std::string& target) {
    std::string name = std::filesystem::path(target).stem().string();
    for (char& c : name)
      if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_') c = '_';
    return name;
  }

  const StudyConfig& config_;
  const PlanMachine& machine_;
  std::vector<Unit> units_;
};

}  // namespace

const char* to_string(UnitKind kind) {
  switch (kind) {
    case UnitKind::kMachine:
      return "machine";
    case UnitKind::kThroughput:
      return "throughput";
    case UnitKind::kLadder:
      return "ladder";
    case UnitKind::kServer:
      return "server";
    case UnitKind::kScaling:
      return "scaling";
    case UnitKind::kAccuracy:
      return "accuracy";
    case UnitKind::kLayers:
      return "layers";
    case UnitKind::kCalibration:
      return "calibration";
    case UnitKind::kProjected:
      return "projected";
  }
  return "";
}

std::vector<Unit> plan_study(const StudyConfig& config, const PlanMachine& machine) {
  return Planner(config, machine).plan();
}

}  // namespace octet::lab
