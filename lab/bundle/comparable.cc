#include "lab/bundle/comparable.h"

#include <algorithm>

#include "lab/bundle/derive.h"
#include "lab/bundle/measured_system.h"
#include "lab/mpi/scaling.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace {

using Rows = std::map<RowIdentity, ComparableRow>;

RowIdentity identity_of(const JsonReader& record, const char* section) {
  RowIdentity identity;
  identity.section = section;
  identity.network = record.text("network");
  identity.precision = record.text("precision");
  identity.batch = record.has("batch") ? record.integer("batch") : 0;
  identity.engine = "octet";
  return identity;
}

void add_systems(const JsonReader& record, RowIdentity identity, Rows& rows) {
  if (!measured(record)) {
    rows[identity] = {record.text("key"), record.text("outcome"), {}, Verdict::kValid, "", "", ""};
    return;
  }
  for (const MeasuredSystem& system : measured_systems(record)) {
    identity.engine = system.info.engine;
    identity.way = system.info.way;
    rows[identity] = {record.text("key"), system.failed() ? "failed" : "measured",
                      system.rates,       system.judgement.verdict,
                      system.info.isa,    system.info.hash,
                      system.output_hash};
  }
}

ComparableRow row_of_ranks(const JsonReader& record, const ScalingRun& run) {
  ComparableRow row{record.text("key"), "measured", {}, judge(run).verdict, "", "", ""};
  for (const RankRun& rank : run.per_rank) {
    const std::vector<double> rates = window_rates(rank.measurement);
    if (&rank == &run.per_rank.front()) row.rates.resize(rates.size());
    row.rates.resize(std::min(row.rates.size(), rates.size()));
    for (std::size_t i = 0; i < row.rates.size(); ++i) row.rates[i] += rates[i];
  }
  if (!run.per_rank.empty()) {
    row.isa = run.per_rank.front().info.isa;
    row.engine_hash = run.per_rank.front().info.hash;
    row.output_hash = run.per_rank.front().output_hash;
  }
  return row;
}

void add_ranks(const JsonReader& record, RowIdentity identity, Rows& rows) {
  identity.ranks = record.integer("ranks", 1);
  if (!measured(record))
    rows[identity] = {record.text("key"), record.text("outcome"), {}, Verdict::kValid, "", "", ""};
  else
    rows[identity] =
        within(record, [&](const Json& json) { return row_of_ranks(record, scaling_run_from(json)); });
}

}  // namespace

Rows comparable_rows(std::span<const Json> all) {
  const Records records(all);
  Rows rows;
  for (const JsonReader& record : records.of_kind("throughput"))
    add_systems(record, identity_of(record, "throughput"), rows);
  for (const JsonReader& record : records.of_kind("ladder")) {
    RowIdentity identity = identity_of(record, "ladder");
    identity.isa = record.text("isa");
    add_systems(record, identity, rows);
  }
  for (const JsonReader& record : records.of_kind("scaling"))
    add_ranks(record, identity_of(record, "scaling"), rows);
  return rows;
}

}  // namespace octet::lab
