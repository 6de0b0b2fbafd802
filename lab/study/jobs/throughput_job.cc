// Throughput and latency of a network at one precision and batch, by all engines of the study in turns; and
// of one forced instruction set, for the ladder.
#include <fmt/format.h>

#include <optional>

#include "lab/bench/octet_system.h"
#include "lab/peers/peer_system.h"
#include "lab/study/jobs/jobs.h"
#include "lab/study/jobs/timed_systems.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

LoadSettings load_settings(const Unit& unit, const StudyConfig& config, double seconds, int rounds,
                           const JobProgress& progress) {
  LoadSettings settings;
  settings.batch = unit.batch;
  settings.duration_s = seconds;
  settings.rounds = rounds;
  settings.least_calls = kLeastCalls;
  settings.warmup.most_s = config.throughput.warmup_s;
  settings.on_progress = progress;
  return settings;
}

Json head(const Unit& unit) {
  return {{"network", unit.network}, {"precision", unit.precision}, {"batch", unit.batch}};
}

/// A record that says so, if the network at this batch is too large for the memory.
std::optional<Json> refuse_for_memory(const Unit& unit, Workshop& shop, const BuildOptions& options) {
  const MemoryNeed need = memory_need(shop.network(unit.network), options);
  if (shop.memory_limit() == 0 || need.total() <= shop.memory_limit()) return std::nullopt;
  return does_not_fit(need.total(), shop.memory_limit());
}

/// The systems of a unit that could be started, and entries for those that could not.
struct Lineup {
  std::vector<std::unique_ptr<SystemUnderTest>> systems;
  std::vector<SystemUnderTest*> pointers;
  Json failed = Json::array();

  void add(std::unique_ptr<SystemUnderTest> system) {
    pointers.push_back(system.get());
    systems.push_back(std::move(system));
  }
};

/// Nothing at a precision that peers are not run in.
void add_peer(Lineup& lineup, const std::string& engine, const Unit& unit, Workshop& shop) {
  if (!peers_run(parse_precision(unit.precision))) return;
  for (const std::string& way : peer_ways(engine, unit.batch)) {
    shop.check_stop();
    try {
      PeerSettings settings;
      settings.engine = engine;
      settings.way = way;
      settings.precision = parse_precision(unit.precision);
      settings.max_batch = unit.batch;
      settings.threads = shop.threads();
      lineup.add(start_peer(shop.peers(), shop.network(unit.network), settings));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInterrupted) throw;
      SystemInfo info;
      info.engine = engine;
      info.way = way;
      info.network = unit.network;
      info.precision = unit.precision;
      info.max_batch = unit.batch;
      lineup.failed.push_back(failed_system(info, error.what()));
    }
  }
}

}  // namespace

Json throughput_job(const Unit& unit, Workshop& shop, const JobProgress& progress) {
  const StudyConfig::Throughput& section = shop.config().throughput;
  Lineup lineup;
  for (const std::string& engine : section.engines) {
    if (engine != "octet") {
      add_peer(lineup, engine, unit, shop);
      continue;
    }
    const BuildOptions options = shop.build_options(unit);
    if (const std::optional<Json> record = refuse_for_memory(unit, shop, options)) return *record;
    lineup.add(std::make_unique<OctetSystem>(shop.network(unit.network), options, shop.config().seed));
  }
  if (lineup.pointers.empty() && lineup.failed.empty())
    return not_run(fmt::format("no engine of this study is run in {}", unit.precision));
  if (lineup.pointers.empty())
    throw Error(ErrorCode::kNotFound, lineup.failed.front().at("error").get<std::string>());
  Json record = head(unit);
  record["systems"] = measure_systems(
      shop, lineup.pointers, load_settings(unit, shop.config(), section.seconds, section.rounds, progress));
  for (Json& entry : lineup.failed) record["systems"].push_back(std::move(entry));
  return record;
}

Json ladder_job(const Unit& unit, Workshop& shop, const JobProgress& progress) {
  for (const IsaStatus& status : shop.machine().isas)
    if (to_string(status.isa) == unit.isa && !status.usable) return not_run(status.reason);
  const BuildOptions options = shop.build_options(unit);
  if (const std::optional<Json> record = refuse_for_memory(unit, shop, options)) return *record;
  OctetSystem system(shop.network(unit.network), options, shop.config().seed);
  SystemUnderTest* pointer = &system;
  Json record = head(unit);
  record["isa"] = unit.isa;
  record["systems"] = measure_systems(
      shop, {&pointer, 1}, load_settings(unit, shop.config(), shop.config().ladder.seconds, 1, progress));
  return record;
}

}  // namespace octet::lab
