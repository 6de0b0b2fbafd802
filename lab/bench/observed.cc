#include "lab/bench/observed.h"

#include <utility>

namespace octet::lab {
namespace {

/// Says in which rounds the parallel capacity is measured, 4 to 8 ms a round: in the first and the last of a
/// system, and in between where the last was begun a second ago: below 1 % of many short rounds.
class CapacityRounds {
 public:
  explicit CapacityRounds(int last_round) : last_round_(last_round) {}
  bool include(int round, Nanoseconds now) {
    if (round != 0 && round != last_round_ && now - begun_ < nanoseconds(1)) return false;
    begun_ = now;
    return true;
  }

 private:
  int last_round_;
  Nanoseconds begun_ = 0;
};

/// `settings` with an observer in its hooks. The observations end up in their system's list.
LoadSettings with_observer(const LoadSettings& settings, std::optional<Observer>& observer,
                           std::vector<std::vector<Observation>>& observations, Clock& clock) {
  LoadSettings observed = settings;
  observed.before_round = [&, capacity = CapacityRounds(settings.rounds - 1)](std::size_t system,
                                                                              int round) mutable {
    if (settings.before_round) settings.before_round(system, round);
    ObserverOptions options;
    if (!capacity.include(round, clock.now())) options.capacity_measured = CapacityMeasured::kNever;
    observer.emplace(options);
  };
  observed.after_round = [&](std::size_t system, int round) {
    observations[system].push_back(observer->finish());
    observer.reset();
    if (settings.after_round) settings.after_round(system, round);
  };
  return observed;
}

}  // namespace

ObservedMeasurement measure_observed(SystemUnderTest& system, const LoadSettings& settings, Clock& clock) {
  std::optional<Observer> observer;
  std::vector<std::vector<Observation>> observations(1);
  Measurement measurement = measure(system, with_observer(settings, observer, observations, clock), clock);
  return {std::move(measurement), std::move(observations.front())};
}

std::vector<ObservedMeasurement> measure_interleaved_observed(std::span<SystemUnderTest* const> systems,
                                                              const LoadSettings& settings, Clock& clock) {
  std::optional<Observer> observer;
  std::vector<std::vector<Observation>> observations(systems.size());
  std::vector<Measurement> measurements =
      measure_interleaved(systems, with_observer(settings, observer, observations, clock), clock);
  std::vector<ObservedMeasurement> observed;
  for (std::size_t s = 0; s < systems.size(); ++s) {
    // A round in which the system died before its first call is none.
    observations[s].resize(measurements[s].rounds.size());
    observed.push_back({std::move(measurements[s]), std::move(observations[s])});
  }
  return observed;
}

ObservedSearch measure_server(SystemUnderTest& system, const ServerSettings& settings,
                              std::optional<double> qps, Clock& clock) {
  ObservedSearch observed;
  std::optional<Observer> observer;
  ServerSettings hooked = settings;
  hooked.before_trial = [&](int trial) {
    if (settings.before_trial) settings.before_trial(trial);
    observer.emplace();
  };
  hooked.after_trial = [&](int trial) {
    observed.observations.push_back(observer->finish());
    observer.reset();
    if (settings.after_trial) settings.after_trial(trial);
  };
  observed.search = qps ? try_rate(system, hooked, *qps, clock) : find_highest_rate(system, hooked, clock);
  return observed;
}

Judgement judge(const Measurement& measurement, std::span<const Observation> observations) {
  const std::vector<double> rates = window_rates(measurement);
  return judge(SampleEvidence{measurement.calls.size(), measurement.warmup.steady, rates},
               observations.empty() ? Observation{} : combine(observations));
}

Judgement judge(const Trial& trial, const Warmup& warmup, const Observation& observation) {
  return judge(SampleEvidence{trial.done.size(), warmup.steady, {}}, observation);
}

}  // namespace octet::lab
