#include "lab/study/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <set>

#include "lab/bundle/bundle.h"
#include "lab/bundle/record.h"
#include "lab/support/clock.h"
#include "lab/support/files.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace fs = std::filesystem;
namespace {

// A run that is killed leaves a report that is not older than this; writing it costs at most a twentieth of
// the time.
constexpr double kReportEvery_s = 30;
constexpr double kReportShare = 0.05;

double now_s() { return seconds(system_clock().now()); }
double unix_now_s() { return seconds(system_clock().now() + unix_offset()); }

/// What identifies the row of a record that has no samples.
void identify(const Unit& unit, Json& record) {
  const auto add = [&](const char* key, const auto& value, bool there) {
    if (there && !record.contains(key)) record[key] = value;
  };
  add("network", unit.network, !unit.network.empty());
  add("precision", unit.precision, !unit.precision.empty());
  const bool server = unit.kind == UnitKind::kServer;
  add(server ? "max_batch" : "batch", unit.batch, unit.batch > 0 && unit.kind != UnitKind::kAccuracy);
  add("isa", unit.isa, !unit.isa.empty());
  add("ranks", unit.ranks, unit.ranks > 0);
  add("target", unit.target, !unit.target.empty());
}

/// A study that goes on keeps the time of its first start.
double started_unix_s(const fs::path& folder) {
  const fs::path manifest = folder / "manifest.json";
  try {
    if (fs::exists(manifest)) {
      const Json json = Json::parse(read_file_inside(folder, "manifest.json"));
      const double started = study_header_from(json.at("study")).started_unix_s;
      if (started > 0) return started;
    }
  } catch (const std::exception&) {
    // A broken manifest is written anew.
  }
  return unix_now_s();
}

class Run {
 public:
  Run(const StudyFolder& folder, const StudyConfig& config, const std::vector<Unit>& units,
      UnitWorker& worker, const std::atomic<bool>& stop, const RunnerCallbacks& callbacks)
      : folder_(folder.path()),
        config_(config),
        units_(units),
        worker_(worker),
        stop_(stop),
        callbacks_(callbacks),
        store_(folder.path()) {
    header_.name = config.name;
    header_.mode = config.mode;
    header_.started_unix_s = lab::started_unix_s(folder_);
    for (const Unit& unit : units) header_.planned.push_back(unit.key);
  }

  StudyReport run() {
    write_file(folder_ / "study.toml", write_config(config_));
    report_.units = units_.size();
    start_s_ = last_written_s_ = now_s();
    find_kept();
    for (std::size_t i = 0; i < units_.size() && !stop_; ++i) {
      if (kept_[i]) continue;
      if (!do_unit(i)) break;
      write_report_if_due();
    }
    report_.interrupted = stop_ || interrupted_;
    write_report();
    return report_;
  }

 private:
  void find_kept() {
    kept_.resize(units_.size());
    for (std::size_t i = 0; i < units_.size(); ++i) {
      const std::optional<Json> record = store_.find(units_[i].key, units_[i].depends);
      // What failed, or what time was too short for, is tried again.
      if (!record || record->at("outcome") == "failed" || record->at("outcome") == "not_run") continue;
      kept_[i] = true;
      ++report_.kept;
      worker_.learn(units_[i], *record);
    }
  }

  /// False: the study was interrupted and the unit given up.
  bool do_unit(std::size_t i) {
    const Unit& unit = units_[i];
    const double started = unix_now_s(), start = now_s();
    show_progress(i, 0);
    Json record;
    if (const std::optional<Json> too_long = refuse_for_time(unit)) {
      record = *too_long;
    } else {
      try {
        record = worker_.run(unit, [&](double share) { show_progress(i, share); });
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kInterrupted || stop_) return give_up();
        record = {{"outcome", "failed"}, {"error", error.what()}};
      } catch (const std::bad_alloc&) {
        record = {{"outcome", "failed"}, {"error", "out of memory"}};
      } catch (const std::exception& error) {
        record = {{"outcome", "failed"}, {"error", error.what()}};
      }
      // A unit that was disturbed by the interruption is done again as a whole.
      if (stop_) return give_up();
    }
    save(unit, std::move(record), started, now_s() - start);
    ++done_;
    return true;
  }

  bool give_up() {
    interrupted_ = true;
    return false;
  }

  std::optional<Json> refuse_for_time(const Unit& unit) const {
    double predicted = worker_.forecast_s(unit);
    const auto refusal = [&](std::string reason) {
      return Json{{"outcome", "not_run"}, {"predicted_s", predicted}, {"reason", std::move(reason)}};
    };
    const StudyConfig::Limits& limits = config_.limits;
    if (limits.unit_s > 0 && predicted > limits.unit_s)
      return refusal(fmt::format("would take {:.0f} s, the limit of one measurement is {:.0f} s", predicted,
                                 limits.unit_s));
    predicted += worker_.preparation_s(unit);
    const double elapsed = now_s() - start_s_;
    if (limits.time_s > 0 && elapsed + predicted > limits.time_s)
      return refusal(fmt::format("would take {:.0f} s, of the {:.0f} s for the study {:.0f} s are left",
                                 predicted, limits.time_s, std::max(0.0, limits.time_s - elapsed)));
    return std::nullopt;
  }

  void save(const Unit& unit, Json record, double started, double took) {
    if (!record.contains("outcome")) record["outcome"] = "measured";
    const std::string outcome = record["outcome"];
    if (outcome != "measured") identify(unit, record);
    record["key"] = unit.key;
    record["kind"] = to_string(unit.kind);
    record["started_unix_s"] = started;
    // Of the unit's own, a calibration says how long it took by itself.
    if (!record.contains("seconds")) record["seconds"] = took;
    record["depends"] = unit.depends;
    store_.save(record);
    count(unit, outcome, record);
    worker_.learn(unit, record);
    if (callbacks_.on_record) callbacks_.on_record(unit, record);
  }

  void count(const Unit& unit, const std::string& outcome, const Json& record) {
    if (outcome == "measured") ++report_.measured;
    if (outcome == "does_not_fit") ++report_.does_not_fit;
    if (outcome == "not_run") ++report_.not_run;
    if (outcome == "failed")
      report_.failed.push_back(fmt::format("{}: {}", unit.key, record["error"].get<std::string>()));
    // Beside systems that were measured there may be some that were not.
    if (outcome != "measured" || !record.contains("systems")) return;
    for (const Json& system : record["systems"])
      if (system.value("outcome", "") == "failed")
        report_.failed.push_back(fmt::format("{}: {}", unit.key, system["error"].get<std::string>()));
  }

  /// Of this unit and all after it; made once a unit, as progress is shown while it is timed.
  void forecast_from(std::size_t current) {
    std::vector<Unit> left;
    for (std::size_t i = current; i < units_.size(); ++i)
      if (!kept_[i]) left.push_back(units_[i]);
    unit_forecast_s_ = forecast_after_s_ = 0;
    const std::vector<PlannedTime> times = planned_times(worker_, left, config_.limits.unit_s);
    for (std::size_t i = 0; i < times.size(); ++i)
      if (!times[i].too_long) (i == 0 ? unit_forecast_s_ : forecast_after_s_) += times[i].seconds;
  }

  void show_progress(std::size_t current, double share) {
    if (!callbacks_.on_progress) return;
    if (share == 0) forecast_from(current);
    StudyProgress progress;
    progress.done = report_.kept + done_;
    progress.units = units_.size();
    progress.unit = units_[current].key;
    progress.unit_share = share;
    progress.elapsed_s = now_s() - start_s_;
    progress.left_s = (1 - share) * unit_forecast_s_ + forecast_after_s_;
    if (config_.limits.time_s > 0)
      progress.left_s = std::min(progress.left_s, std::max(0.0, config_.limits.time_s - progress.elapsed_s));
    callbacks_.on_progress(progress);
  }

  void write_report_if_due() {
    if (now_s() - last_written_s_ >= std::max(kReportEvery_s, report_cost_s_ / kReportShare)) write_report();
  }

  void write_report() {
    const double start = now_s();
    header_.finished_unix_s = unix_now_s();
    write_bundle(folder_, header_);
    last_written_s_ = now_s();
    report_cost_s_ = last_written_s_ - start;
  }

  fs::path folder_;
  const StudyConfig& config_;
  const std::vector<Unit>& units_;
  UnitWorker& worker_;
  const std::atomic<bool>& stop_;
  const RunnerCallbacks& callbacks_;
  RecordStore store_;
  StudyHeader header_;
  StudyReport report_;
  std::vector<bool> kept_;
  std::size_t done_ = 0;
  bool interrupted_ = false;
  double unit_forecast_s_ = 0, forecast_after_s_ = 0;  // of the unit in progress, and of those after it
  double start_s_ = 0, last_written_s_ = 0, report_cost_s_ = 0;
};

}  // namespace

std::vector<PlannedTime> planned_times(const UnitWorker& worker, std::span<const Unit> units, double unit_s) {
  std::vector<PlannedTime> times;
  std::set<std::string> prepared;  // networks
  for (const Unit& unit : units) {
    PlannedTime time{worker.forecast_s(unit), false};
    time.too_long = unit_s > 0 && time.seconds > unit_s;
    const double preparation_s = time.too_long ? 0 : worker.preparation_s(unit);
    if (preparation_s > 0 && prepared.insert(unit.network).second) time.seconds += preparation_s;
    times.push_back(time);
  }
  return times;
}

StudyReport run_study(const StudyFolder& folder, const StudyConfig& config, const std::vector<Unit>& units,
                      UnitWorker& worker, const std::atomic<bool>& stop, const RunnerCallbacks& callbacks) {
  return Run(folder, config, units, worker, stop, callbacks).run();
}

}  // namespace octet::lab
