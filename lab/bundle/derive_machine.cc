// The machine, its meters, and what it draws at rest.
#include "lab/bundle/derive.h"
#include "lab/evidence/verdict.h"
#include "lab/power/energy.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace {

Json idle_section(const JsonReader& entry, const RecordedIdle& idle) {
  Json meters = Json::array();
  double length = 0;
  for (const Window& window : idle.windows) length += seconds(window.stop - window.start);
  for (const PowerTrace& trace : idle.power)
    if (const auto energy = energy_of(trace, idle.windows))
      meters.push_back({{"id", trace.meter.id},
                        {"watts", energy->watts()},
                        {"watts_uncertainty", energy->watts_uncertainty()}});
  Json section = {{"meters", std::move(meters)}, {"seconds", length}};
  const std::vector<Observation> observations = observations_of(entry);
  if (observations.empty()) return section;
  // A machine at rest runs nothing that could be counted: only the observation speaks.
  extend(section, to_json(judge(SampleEvidence{bounds::kCalls, true, {}}, combine(observations))));
  return section;
}

}  // namespace

Json derive_machine(const Records& records) {
  Json sections = Json::object();
  const auto record = records.machine();
  if (!record) return sections;
  sections["machine"] = record->at("machine").json();
  for (const char* key : {"peaks", "meters"}) {
    record->list(key);
    sections[key] = record->at(key).json();
  }
  if (record->has("idle"))
    sections["idle"] = within(record->at("idle"), [&](const Json&) {
      return idle_section(record->at("idle"), recorded_idle(records));
    });
  return sections;
}

}  // namespace octet::lab
