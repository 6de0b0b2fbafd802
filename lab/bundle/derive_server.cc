// The server scenario: each rate tried, and the highest that kept its bound.
#include <algorithm>

#include "lab/bench/observed.h"
#include "lab/bench/server.h"
#include "lab/bundle/derive.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace {

Warmup warmup_of(const JsonReader& record) {
  Warmup warmup;
  warmup.steady = true;  // a record that says nothing of it
  if (!record.has("warmup")) return warmup;
  const JsonReader entry = record.at("warmup");
  warmup.calls = static_cast<int>(entry.integer("calls", 0, std::numeric_limits<int>::max()));
  warmup.seconds = entry.number("seconds");
  warmup.steady = entry.boolean("steady");
  return warmup;
}

Json trial_row(const JsonReader& entry, double p99_ms, const Warmup& warmup, double& highest) {
  const Trial trial = within(entry, trial_from);
  const TrialFigures figures = judge_trial(trial, p99_ms);
  const std::vector<Observation> observations = observations_of(entry);
  const Judgement judgement =
      judge(trial, warmup, observations.empty() ? Observation{} : combine(observations));
  if (figures.kept && judgement.verdict != Verdict::kInvalid) highest = std::max(highest, trial.qps);
  Json row = {{"qps", trial.qps}};
  extend(row, to_json(figures));
  extend(row, to_json(judgement));
  return row;
}

}  // namespace

Json derive_server(const Records& records) {
  Json section = Json::array();
  for (const JsonReader& record : records.of_kind("server")) {
    Json row = row_of(record, {"network", "precision", "max_batch", "p99_ms"});
    if (measured(record)) {
      const double p99_ms = record.number("p99_ms");
      const Warmup warmup = warmup_of(record);
      double highest = 0;
      Json trials = Json::array();
      for (const JsonReader& entry : record.list("trials"))
        trials.push_back(
            within(entry, [&](const Json&) { return trial_row(entry, p99_ms, warmup, highest); }));
      row["highest_qps"] = highest;
      for (const char* key : {"converged", "note"})
        if (record.has(key)) row[key] = record.at(key).json();
      row["trials"] = std::move(trials);
    }
    section.push_back(std::move(row));
  }
  return section;
}

}  // namespace octet::lab
