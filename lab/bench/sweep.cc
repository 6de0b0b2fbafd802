#include "lab/bench/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "lab/bench/require.h"
#include "octet/error.h"
#include "octet/machine.h"

namespace octet::lab {
namespace {

bool needs_calibration(Precision precision) {
  return precision != Precision::kFloat32 && precision != Precision::kBFloat16;
}

/// What warm_up() takes: three windows, if all goes well.
double warmup_s(const WarmupLimits& limits, double call_s) {
  const double window_s = call_s >= 0.25 ? call_s : std::max(0.02, 3 * call_s);
  const double steady_s = std::min(std::max(limits.least_s, 3 * window_s), limits.most_s + call_s);
  return std::max(steady_s, limits.least_calls * call_s);
}

double measuring_s(const LoadSettings& load, double call_s) {
  if (load.iterations > 0) return load.iterations * call_s;
  return std::max(load.duration_s + 0.5 * call_s, load.least_calls * call_s);
}

/// The engine's options of a row.
BuildOptions options_of(const SweepSettings& settings, Precision precision, int batch) {
  BuildOptions options = settings.build;
  options.precision = precision;
  options.max_batch = batch;
  options.calibration = needs_calibration(precision) ? settings.calibration : nullptr;
  options.memory_limit = 0;
  return options;
}

/// More than can be counted is more than any limit.
std::uint64_t needed_bytes(const Network& network, const BuildOptions& options) {
  try {
    return memory_need(network, options).total();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kMemoryLimit) return std::numeric_limits<std::int64_t>::max();
    throw;
  }
}

std::vector<SweepRow> planned_rows(const Network& network, const SweepSettings& settings) {
  std::vector<SweepRow> rows;
  for (int batch : settings.batches) {
    for (Precision precision : settings.precisions) {
      SweepRow row;
      row.precision = precision;
      row.batch = batch;
      row.needed_bytes = needed_bytes(network, options_of(settings, precision, batch));
      row.limit_bytes = settings.memory_limit;
      if (settings.memory_limit > 0 && row.needed_bytes > settings.memory_limit)
        row.outcome = SweepRow::Outcome::kDoesNotFit;
      rows.push_back(row);
    }
  }
  return rows;
}

class Sweep {
 public:
  Sweep(const Network& network, const SweepSettings& settings, Clock& clock)
      : network_(network), settings_(settings), clock_(clock), start_(clock.now()) {}

  void run(SweepRow& row, const std::function<void(double)>& on_progress) {
    if (row.outcome != SweepRow::Outcome::kMeasured) return;
    const auto predicted = forecast_.seconds(row.precision, row.batch, settings_.load);
    if (predicted && settings_.time_budget_s > 0) {
      row.predicted_s = *predicted;
      row.left_s = std::max(0.0, settings_.time_budget_s - seconds(clock_.now() - start_));
      if (row.predicted_s > row.left_s) {
        row.outcome = SweepRow::Outcome::kNotRun;
        return;
      }
    }
    measure_row(row, on_progress);
  }

 private:
  void measure_row(SweepRow& row, const std::function<void(double)>& on_progress) {
    OctetSystem system(network_, options_of(settings_, row.precision, row.batch), settings_.seed);
    row.info = system.info();
    row.build_ms = system.build_ms();
    row.output_hash = system.output_hash();
    LoadSettings load = settings_.load;
    load.batch = row.batch;
    load.on_progress = on_progress;
    row.measured = measure_observed(system, load, clock_);
    forecast_.learn(row.precision, row.batch, 1e-3 * latency(row.measured.measurement).p50,
                    1e-3 * row.build_ms);
  }

  const Network& network_;
  const SweepSettings& settings_;
  Clock& clock_;
  Nanoseconds start_;
  RowForecast forecast_;
};

}  // namespace

std::uint64_t available_memory(const std::filesystem::path& meminfo) {
  const std::uint64_t limit = describe_machine().memory_bytes;
  std::ifstream file(meminfo);
  std::string key, unit;
  for (std::uint64_t kib = 0; file >> key >> kib && std::getline(file, unit);)
    if (key == "MemAvailable:" && kib < limit / 1024) return kib * 1024;
  return limit;
}

void RowForecast::learn(Precision precision, int batch, double call_s, double build_s) {
  const auto after = std::upper_bound(learned_.begin(), learned_.end(), batch,
                                      [](int b, const Learned& row) { return b < row.batch; });
  learned_.insert(after, {precision, batch, call_s, build_s});
}

std::vector<RowForecast::Learned> RowForecast::of(Precision precision) const {
  std::vector<Learned> rows;
  for (const Learned& row : learned_)
    if (row.precision == precision) rows.push_back(row);
  if (!rows.empty() || learned_.empty()) return rows;
  // Of one other precision, so that a line goes through points that belong together.
  return of(learned_.back().precision);
}

std::optional<double> RowForecast::seconds(Precision precision, int batch, const LoadSettings& load) const {
  const std::vector<Learned> rows = of(precision);
  if (rows.empty()) return std::nullopt;
  const Learned& largest = rows.back();
  double call_s = largest.call_s * batch / largest.batch;
  if (rows.size() >= 2) {
    const Learned& before = rows[rows.size() - 2];
    const double slope = (largest.call_s - before.call_s) / std::max(1, largest.batch - before.batch);
    const double linear = largest.call_s + slope * (batch - largest.batch);
    if (slope > 0 && linear > 0) call_s = linear;
  }
  return largest.build_s + warmup_s(load.warmup, call_s) + measuring_s(load, call_s);
}

void check(const SweepSettings& settings) {
  require(!settings.precisions.empty(), "precision: expected at least one");
  for (std::size_t i = 0; i < settings.precisions.size(); ++i) {
    const Precision precision = settings.precisions[i];
    require(std::count(settings.precisions.begin(), settings.precisions.end(), precision) == 1,
            fmt::format("precision: {} stands twice", to_string(precision)));
  }
  require(!settings.batches.empty(), "batches: expected at least one");
  require(settings.batches.front() >= 1,
          fmt::format("batches: expected 1 or more, got {}", settings.batches.front()));
  for (std::size_t i = 1; i < settings.batches.size(); ++i)
    require(settings.batches[i] > settings.batches[i - 1],
            fmt::format("batches: expected a rising list, got {} after {}", settings.batches[i],
                        settings.batches[i - 1]));
  require(settings.time_budget_s >= 0 && std::isfinite(settings.time_budget_s),
          fmt::format("time budget: expected a positive number of seconds, or 0 for none; got {}",
                      settings.time_budget_s));
  LoadSettings load = settings.load;
  load.batch = 1;
  check(load);
}

std::vector<SweepRow> run_sweep(const Network& network, const SweepSettings& settings,
                                const SweepCallbacks& callbacks, Clock& clock) {
  check(settings);
  std::vector<SweepRow> rows = planned_rows(network, settings);
  Sweep sweep(network, settings, clock);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    SweepRow& row = rows[i];
    const auto progress = [&](double share) {
      if (callbacks.on_progress)
        callbacks.on_progress((static_cast<double>(i) + share) / static_cast<double>(rows.size()),
                              row.precision, row.batch);
    };
    progress(0);
    sweep.run(row, progress);
    if (callbacks.on_row) callbacks.on_row(row);
  }
  return rows;
}

}  // namespace octet::lab
