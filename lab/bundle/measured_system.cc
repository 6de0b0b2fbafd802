#include "lab/bundle/measured_system.h"

#include "lab/bench/observed.h"
#include "lab/bundle/derive.h"
#include "lab/power/board_evidence.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace {

MeasuredSystem failed_system(const JsonReader& entry) {
  const JsonReader info = entry.at("info");
  MeasuredSystem system;
  system.info.engine = info.text("engine");
  system.info.version = info.text_or("version", "");
  system.info.way = info.text_or("way", "");
  system.error = entry.text("error");
  if (system.error.empty()) entry.at("error").fail("why it failed");
  return system;
}

MeasuredSystem system_from(const JsonReader& entry) {
  if (entry.text_or("outcome", "measured") != "measured") return failed_system(entry);
  MeasuredSystem system;
  system.info = within(entry.at("info"), system_info_from);
  system.output_hash = entry.text("output_hash");
  system.measurement = within(entry, measurement_from);
  system.rates = within(entry, [&](const Json&) { return window_rates(system.measurement); });
  const std::vector<Observation> observations = observations_of(entry);
  system.judgement = within(entry, [&](const Json&) { return judge(system.measurement, observations); });
  system.power = traces_of(entry);
  judge_boards(system.power, round_windows(system.measurement), system.judgement);
  return system;
}

}  // namespace

std::vector<MeasuredSystem> measured_systems(const JsonReader& record) {
  std::vector<MeasuredSystem> systems;
  for (const JsonReader& entry : record.list("systems")) systems.push_back(system_from(entry));
  return systems;
}

std::vector<Observation> observations_of(const JsonReader& entry) {
  std::vector<Observation> observations;
  if (!entry.has("observation")) return observations;
  const JsonReader value = entry.at("observation");
  if (value.json().is_object()) return {within(value, observation_from)};
  for (const JsonReader& item : value.items()) observations.push_back(within(item, observation_from));
  return observations;
}

std::vector<PowerTrace> traces_of(const JsonReader& entry) {
  std::vector<PowerTrace> traces;
  if (entry.has("power"))
    for (const JsonReader& trace : entry.list("power")) traces.push_back(within(trace, power_trace_from));
  return traces;
}

RecordedIdle recorded_idle(const Records& records) {
  RecordedIdle idle;
  const auto machine = records.machine();
  if (!machine || !machine->has("idle")) return idle;
  const JsonReader entry = machine->at("idle");
  for (const JsonReader& window : entry.list("windows"))
    idle.windows.push_back({window.integer("start_ns", std::numeric_limits<Nanoseconds>::min()),
                            window.integer("stop_ns", std::numeric_limits<Nanoseconds>::min())});
  idle.power = traces_of(entry);
  return idle;
}

}  // namespace octet::lab
