#include "lab/bench/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lab/bench/require.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr int kMostTrials = 30;

bool positive(double value) { return value > 0 && std::isfinite(value); }

std::size_t requests_of(const ServerSettings& settings, double qps) {
  const double wanted = std::max<double>(settings.least_requests, qps * settings.duration_s);
  return static_cast<std::size_t>(std::max(1.0, std::min(wanted, qps * settings.most_s)));
}

void require_rate(double qps) {
  require(positive(qps), fmt::format("qps: expected a positive number of requests a second, got {}", qps));
  require(qps <= 1e7, fmt::format("qps: expected at most 1e7 requests a second, got {}", qps));
}

/// Serves the whole schedule, or as much as decides the matter.
Trial serve(SystemUnderTest& system, const ServerSettings& settings, double qps, Clock& clock) {
  const std::size_t requests = requests_of(settings, qps);
  std::vector<Nanoseconds> schedule = poisson_arrivals(qps, requests, settings.seed);
  const std::size_t allowed = allowed_late(requests).value_or(requests);
  const Nanoseconds bound = nanoseconds(settings.p99_ms * 1e-3);
  Trial trial;
  trial.qps = qps;
  trial.start.reserve(requests);
  trial.done.reserve(requests);
  std::vector<Call> calls;
  calls.reserve(1);
  const Nanoseconds begin = clock.now();
  for (Nanoseconds& arrival : schedule) arrival += begin;
  std::size_t late = 0;
  for (std::size_t next = 0; next < requests && late <= allowed;) {
    clock.wait_until(schedule[next]);
    const Nanoseconds now = clock.now();
    std::size_t waiting = 1;
    while (waiting < static_cast<std::size_t>(settings.max_batch) && next + waiting < requests &&
           schedule[next + waiting] <= now)
      ++waiting;
    calls.clear();
    system.run_timed(static_cast<int>(waiting), 1, clock, calls);
    for (std::size_t i = 0; i < waiting; ++i, ++next) {
      trial.start.push_back(calls.front().start);
      trial.done.push_back(calls.front().stop);
      if (calls.front().stop - schedule[next] > bound) ++late;
    }
    if (settings.on_progress) settings.on_progress(static_cast<double>(next) / static_cast<double>(requests));
  }
  schedule.resize(trial.done.size());
  trial.arrival = std::move(schedule);
  return trial;
}

const Trial& add_trial(SystemUnderTest& system, const ServerSettings& settings, double qps, Clock& clock,
                       ServerSearch& search) {
  const int number = static_cast<int>(search.trials.size());
  if (settings.before_trial) settings.before_trial(number);
  search.trials.push_back(serve(system, settings, qps, clock));
  if (settings.after_trial) settings.after_trial(number);
  return search.trials.back();
}

/// Whether even the fastest of all requests was too slow.
bool hopeless(std::span<const Trial> trials, double p99_ms) {
  const Nanoseconds bound = nanoseconds(p99_ms * 1e-3);
  for (const Trial& trial : trials)
    for (std::size_t i = 0; i < trial.done.size(); ++i)
      if (trial.done[i] - trial.arrival[i] <= bound) return false;
  return true;
}

}  // namespace

void check(const ServerSettings& settings) {
  require(positive(settings.p99_ms),
          fmt::format("p99: expected a positive number of milliseconds, got {}", settings.p99_ms));
  require(settings.max_batch >= 1, fmt::format("batch: expected at least 1, got {}", settings.max_batch));
  require(positive(settings.duration_s),
          fmt::format("duration: expected a positive number of seconds, got {}", settings.duration_s));
  require(positive(settings.most_s),
          fmt::format("longest trial: expected a positive number of seconds, got {}", settings.most_s));
  require(settings.least_requests >= 1,
          fmt::format("requests: expected at least 1, got {}", settings.least_requests));
  require(settings.tolerance > 0 && settings.tolerance <= 1,
          fmt::format("tolerance: expected above 0 and at most 1, got {}", settings.tolerance));
}

std::optional<std::size_t> allowed_late(std::size_t requests) {
  constexpr double kShare = 0.01, kRisk = 0.01;
  const auto n = static_cast<double>(requests);
  double below = 0;  // probability of at most k late ones
  std::optional<std::size_t> allowed;
  for (std::size_t k = 0; k <= requests; ++k) {
    const auto late = static_cast<double>(k);
    below += std::exp(std::lgamma(n + 1) - std::lgamma(late + 1) - std::lgamma(n - late + 1) +
                      late * std::log(kShare) + (n - late) * std::log1p(-kShare));
    if (below > kRisk) break;
    allowed = k;
  }
  return allowed;
}

TrialFigures judge_trial(const Trial& trial, double p99_ms) {
  if (trial.done.empty()) throw Error(ErrorCode::kInvalidArgument, "a trial without requests");
  std::vector<double> ms;
  for (std::size_t i = 0; i < trial.done.size(); ++i)
    ms.push_back(1e3 * seconds(trial.done[i] - trial.arrival[i]));
  std::sort(ms.begin(), ms.end());
  TrialFigures figures;
  figures.requests = ms.size();
  figures.late = static_cast<std::size_t>(ms.end() - std::upper_bound(ms.begin(), ms.end(), p99_ms));
  figures.mean_ms = mean(ms);
  figures.p50_ms = percentile(ms, 50);
  figures.p90_ms = percentile(ms, 90);
  figures.p99_ms = percentile(ms, 99);
  figures.min_ms = ms.front();
  figures.max_ms = ms.back();
  figures.images_per_call =
      static_cast<double>(ms.size()) / static_cast<double>(calls_of(trial).calls.size());
  if (const auto allowed = allowed_late(ms.size())) {
    figures.p99_upper_ms = ms[ms.size() - 1 - *allowed];
    figures.kept = *figures.p99_upper_ms <= p99_ms;
  }
  return figures;
}

Measurement calls_of(const Trial& trial) {
  Measurement measurement;
  for (std::size_t i = 0; i < trial.done.size(); ++i) {
    if (i > 0 && trial.start[i] == trial.start[i - 1])
      ++measurement.calls.back().images;
    else
      measurement.calls.push_back({trial.start[i], trial.done[i], 1});
  }
  if (!measurement.calls.empty()) measurement.rounds.push_back({0, measurement.calls.size()});
  return measurement;
}

Trial run_trial(SystemUnderTest& system, const ServerSettings& settings, double qps, Clock& clock) {
  check(settings);
  require_rate(qps);
  return serve(system, settings, qps, clock);
}

ServerSearch try_rate(SystemUnderTest& system, const ServerSettings& settings, double qps, Clock& clock) {
  check(settings);
  require_rate(qps);
  ServerSearch search;
  search.warmup = warm_up(system, settings.max_batch, settings.warmup, clock);
  const TrialFigures figures = judge_trial(add_trial(system, settings, qps, clock, search), settings.p99_ms);
  if (figures.kept) search.highest_qps = qps;
  if (!figures.p99_upper_ms)
    search.note = fmt::format("{} requests are too few to show anything; it takes 459", figures.requests);
  return search;
}

ServerSearch find_highest_rate(SystemUnderTest& system, const ServerSettings& settings, Clock& clock) {
  check(settings);
  ServerSearch search;
  search.warmup = warm_up(system, settings.max_batch, settings.warmup, clock);
  const double capacity = settings.max_batch / std::max(search.warmup.call_s, 1e-6);
  double failed = 0;  // lowest rate that did not keep the bound; 0 if none
  for (double qps = capacity / 2; search.trials.size() < kMostTrials;) {
    if (!allowed_late(requests_of(settings, qps))) {
      search.note =
          fmt::format("a trial of at most {} s at {:.3g} requests a second has too few to show anything",
                      settings.most_s, qps);
      return search;
    }
    if (judge_trial(add_trial(system, settings, qps, clock, search), settings.p99_ms).kept) {
      search.highest_qps = qps;
    } else {
      failed = qps;
      if (hopeless(search.trials, settings.p99_ms)) {
        search.note = "no request was served within the bound, so no rate would keep it";
        return search;
      }
    }
    if (failed == 0) {
      qps *= 2;
    } else if (search.highest_qps == 0) {
      qps /= 2;
    } else if (failed <= search.highest_qps * (1 + settings.tolerance)) {
      search.converged = true;
      return search;
    } else {
      qps = std::sqrt(search.highest_qps * failed);
    }
  }
  search.note = fmt::format("not decided within {} trials", kMostTrials);
  return search;
}

}  // namespace octet::lab
