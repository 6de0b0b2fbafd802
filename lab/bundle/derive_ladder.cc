// The instruction sets of the machine, one above the other: each relative to generic code.
#include <map>

#include "lab/bench/statistics.h"
#include "lab/bundle/derive.h"
#include "lab/bundle/measured_system.h"
#include "lab/support/json.h"
#include "octet/types.h"

namespace octet::lab {
namespace {

constexpr const char* kGeneric = "generic";

/// Rising, as octet/types.h has them; what it does not know comes last.
std::size_t place_of(const std::string& isa) {
  std::size_t place = 0;
  for (const Isa known : kAllIsas) {
    if (isa == to_string(known)) break;
    ++place;
  }
  return place;
}

struct Rung {
  JsonReader record;
  std::string isa;
  std::vector<MeasuredSystem> systems;  ///< one; none where it was not measured
};

using Subject = std::tuple<std::string, std::string, std::int64_t>;

Json row_of_rung(const Rung& rung, const Rung* generic) {
  Json row = row_of(rung.record, {"network", "precision", "batch", "isa"});
  if (rung.systems.empty()) return row;
  const MeasuredSystem& system = rung.systems.front();
  if (system.failed()) {
    row["outcome"] = "failed";
    row["error"] = system.error;
    return row;
  }
  row["images_per_second"] = to_json(summarize(system.rates));
  if (generic != nullptr && system.usable())
    row["relative"] = median(system.rates) / median(generic->systems.front().rates);
  row["output_hash"] = system.output_hash;
  extend(row, to_json(system.judgement));
  return row;
}

}  // namespace

Json derive_ladder(const Records& records) {
  std::vector<std::pair<Subject, std::vector<Rung>>> ladders;  // in the order of of_kind
  for (const JsonReader& record : records.of_kind("ladder")) {
    const Subject subject(record.text("network"), record.text("precision"),
                          record.has("batch") ? record.integer("batch", 1) : 0);
    if (ladders.empty() || ladders.back().first != subject) ladders.push_back({subject, {}});
    Rung rung{record, record.text("isa"), {}};
    if (measured(record)) {
      rung.systems = measured_systems(record);
      if (rung.systems.size() != 1) record.at("systems").fail("a list of one system");
    }
    ladders.back().second.push_back(std::move(rung));
  }
  Json section = Json::array();
  for (auto& [subject, rungs] : ladders) {
    std::stable_sort(rungs.begin(), rungs.end(),
                     [](const Rung& a, const Rung& b) { return place_of(a.isa) < place_of(b.isa); });
    const Rung* generic = nullptr;
    for (const Rung& rung : rungs)
      if (rung.isa == kGeneric && !rung.systems.empty() && rung.systems.front().usable()) generic = &rung;
    for (const Rung& rung : rungs)
      section.push_back(within(rung.record, [&](const Json&) { return row_of_rung(rung, generic); }));
  }
  return section;
}

}  // namespace octet::lab
