#include "lab/study/jobs/timed_systems.h"

#include "lab/bench/observed.h"
#include "lab/power/recorder.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {

Json failed_system(const SystemInfo& info, const std::string& error) {
  return {{"outcome", "failed"}, {"error", error}, {"info", to_json(info)}};
}

Json measure_systems(Workshop& shop, std::span<SystemUnderTest* const> systems,
                     const LoadSettings& settings) {
  std::vector<StoppableSystem> stoppable;
  for (SystemUnderTest* system : systems) stoppable.emplace_back(*system, shop);
  std::vector<SystemUnderTest*> pointers;
  for (StoppableSystem& system : stoppable) pointers.push_back(&system);
  std::vector<std::string> hashes;
  for (SystemUnderTest* system : pointers) hashes.push_back(system->output_hash());

  const Recorder recorder(shop.meters().meters);
  const std::vector<ObservedMeasurement> measured = measure_interleaved_observed(pointers, settings);
  shop.check_stop();

  Json entries = Json::array();
  bool any = false;
  for (std::size_t s = 0; s < systems.size(); ++s) {
    const auto& [measurement, observations] = measured[s];
    if (!measurement.error.empty()) {
      entries.push_back(failed_system(systems[s]->info(), measurement.error));
      continue;
    }
    any = true;
    Json entry = {{"info", to_json(systems[s]->info())}, {"output_hash", hashes[s]}};
    entry.update(to_json(measurement));
    entry["observation"] = Json::array();
    for (const Observation& observation : observations) entry["observation"].push_back(to_json(observation));
    entry["power"] = Json::array();
    const std::vector<Window> windows = round_windows(measurement);
    for (const PowerTrace& trace : recorder.traces(windows)) entry["power"].push_back(to_json(trace));
    entries.push_back(std::move(entry));
  }
  if (!any) throw Error(ErrorCode::kInternal, measured.front().measurement.error);
  return entries;
}

}  // namespace octet::lab
