// Scaling over devices (lab/mpi/scaling.h), with the energy of all hosts over the common window.
#include <algorithm>
#include <optional>

#include "lab/bundle/derive.h"
#include "lab/mpi/scaling.h"
#include "lab/power/energy.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace {

struct Point {
  JsonReader record;
  std::optional<ScalingRun> run;  ///< nothing where it was not measured
};

double images_of(const ScalingRun& run) {
  double images = 0;
  for (const RankRun& rank : run.per_rank) images += images_in(rank.measurement);
  return images;
}

/// Traces of several hosts, on rank 0's clock, each meter named by its host.
std::vector<PowerTrace> power_of(const ScalingRun& run) {
  std::vector<PowerTrace> all;
  for (const RankRun& rank : run.per_rank)
    for (PowerTrace trace : rank.power) {
      for (PowerSample& sample : trace.samples) sample.time += rank.clock.offset;
      for (Nanoseconds& time : trace.breaks) time += rank.clock.offset;
      for (BoardSample& sample : trace.board) sample.time += rank.clock.offset;
      if (rank.host != run.per_rank.front().host) trace.meter.id = rank.host + " " + trace.meter.id;
      all.push_back(std::move(trace));
    }
  return all;
}

Json point_row(const Point& point, const ScalingFigures* one_rank, const RecordedIdle& idle) {
  Json row = row_of(point.record, {"ranks"});
  if (!point.run) return row;
  const ScalingFigures figures = scaling_figures(*point.run);
  const bool comparable = judge(*point.run).verdict != Verdict::kInvalid;
  extend(row, scaling_row(*point.run, comparable ? one_rank : nullptr));
  row["energy"] = energy_row(images_of(*point.run), power_of(*point.run), {{figures.window}}, idle.power,
                             idle.windows, working_device(point.run->per_rank.front().info.device));
  return row;
}

Json series_row(const std::vector<Point>& points, const RecordedIdle& idle) {
  Json series = row_of(points.front().record, {"network", "precision", "batch"});
  for (const char* key :
       {"record", "outcome", "needed_bytes", "limit_bytes", "predicted_s", "reason", "error"})
    series.erase(key);
  std::optional<ScalingFigures> one_rank;
  for (const Point& point : points)
    if (point.run && point.run->ranks == 1 && judge(*point.run).verdict != Verdict::kInvalid)
      one_rank = within(point.record, [&](const Json&) { return scaling_figures(*point.run); });
  Json rows = Json::array();
  for (const Point& point : points)
    rows.push_back(within(
        point.record, [&](const Json&) { return point_row(point, one_rank ? &*one_rank : nullptr, idle); }));
  series["rows"] = std::move(rows);
  return series;
}

}  // namespace

Json derive_scaling(const Records& records) {
  const RecordedIdle idle = recorded_idle(records);
  Json section = Json::array();
  std::vector<Point> points;
  const auto same_series = [](const JsonReader& a, const JsonReader& b) {
    for (const char* key : {"network", "precision"})
      if (a.text(key) != b.text(key)) return false;
    return a.has("batch") == b.has("batch") &&
           (!a.has("batch") || a.integer("batch", 1) == b.integer("batch", 1));
  };
  for (const JsonReader& record : records.of_kind("scaling")) {
    if (!points.empty() && !same_series(points.back().record, record)) {
      section.push_back(series_row(points, idle));
      points.clear();
    }
    Point point{record, std::nullopt};
    record.integer("ranks", 1);
    if (measured(record)) point.run = within(record, scaling_run_from);
    points.push_back(std::move(point));
  }
  if (!points.empty()) section.push_back(series_row(points, idle));
  return section;
}

}  // namespace octet::lab
