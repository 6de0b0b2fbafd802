// The server scenario of MLPerf LoadGen: requests of one image arrive as a Poisson process at a mean rate,
// whether or not the system keeps up. One thread serves them: whenever it is free it takes up to `max_batch`
// requests that wait. A request's latency is from its scheduled arrival, so that a system that is late cannot
// hide it by taking the next one later. The question is the highest rate at which the 99th percentile of
// latency stays within a bound.
//
// Schedules come from a seed, in advance, and the same seed at another rate is the same schedule stretched:
// trials of one search differ in their rate only.
//
// "Kept" is said with 99 % confidence, the idea of LoadGen's early stopping: of n requests at most k may be
// late, where k is the largest number for which a system that is late in 1 % of its requests would be so
// lucky with a probability of at most 1 % (binomial). 459 requests are the least that can show it, none of
// them late; 10,000 may have 77 late ones. Latencies of neighbours in a queue are alike, so the confidence
// holds for the schedule's length, not exactly. LoadGen's rules want 270,336 requests, which allow the share
// of late ones to come within a twentieth of 1 %; a trial here is as long as it is told to be, and says how
// many it had.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lab/bench/measure.h"

namespace octet::lab {

struct ServerSettings {
  double p99_ms = 0;  ///< the bound
  int max_batch = 1;  ///< most requests taken together
  std::uint64_t seed = 1;
  double duration_s = 10;     ///< of a trial's schedule; longer where it would hold too few requests
  int least_requests = 1000;  ///< of a trial
  double most_s = 60;         ///< no trial's schedule is longer
  double tolerance = 0.05;    ///< of the rate found: the next higher one tried and not kept is this near
  WarmupLimits warmup;
  std::function<void(double done)> on_progress;  ///< 0..1 of the trial in progress; may be empty
  /// Around every trial; may be empty.
  std::function<void(int trial)> before_trial, after_trial;
};
/// Throws Error(kInvalidArgument) for settings that make no sense.
void check(const ServerSettings& settings);

/// `count` arrival times after a start, in order: exponential gaps of mean 1 / qps. Throws
/// Error(kInvalidArgument) unless qps is a positive number.
std::vector<Nanoseconds> poisson_arrivals(double qps, std::size_t count, std::uint64_t seed);

/// One rate tried: the requests that were served, in order. It may end before its schedule, once so many are
/// late that the rest cannot mend it.
struct Trial {
  double qps = 0;
  std::vector<Nanoseconds> arrival;  ///< scheduled
  std::vector<Nanoseconds> start;    ///< of the call that it was part of
  std::vector<Nanoseconds> done;
};
Json to_json(const Trial& trial);  // {"qps", "arrival_ns", "start_ns", "done_ns"}
/// Throws Error(kParse).
Trial trial_from(const Json& json);

/// How many of n requests may be late; nothing if n is too small to show anything.
std::optional<std::size_t> allowed_late(std::size_t requests);

/// Derived from a trial and the bound alone.
struct TrialFigures {
  std::size_t requests = 0;
  std::size_t late = 0;  ///< beyond the bound
  double mean_ms = 0, p50_ms = 0, p90_ms = 0, p99_ms = 0, min_ms = 0, max_ms = 0;
  std::optional<double> p99_upper_ms;  ///< the 99th percentile is below this with 99 % confidence
  double images_per_call = 0;
  bool kept = false;  ///< p99_upper_ms is there and within the bound
};
/// Throws Error(kInvalidArgument) for a trial without requests.
TrialFigures judge_trial(const Trial& trial, double p99_ms);
Json to_json(const TrialFigures& figures);

/// The calls that served the requests, as one round.
Measurement calls_of(const Trial& trial);

/// One trial of a system that is warm. Throws what `check` and the system throw.
Trial run_trial(SystemUnderTest& system, const ServerSettings& settings, double qps,
                Clock& clock = system_clock());

struct ServerSearch {
  Warmup warmup;
  std::vector<Trial> trials;  ///< in the order in which they were tried
  double highest_qps = 0;     ///< of those that kept the bound; 0 if none did
  bool converged = false;     ///< a rate within the tolerance above it did not keep it
  std::string note;           ///< why no rate kept it, or why it did not converge; else empty
};
/// Warms up and tries one rate: `highest_qps` is that or 0.
ServerSearch try_rate(SystemUnderTest& system, const ServerSettings& settings, double qps,
                      Clock& clock = system_clock());
/// Brackets from half the rate that full batches reach, doubling or halving, then bisects.
ServerSearch find_highest_rate(SystemUnderTest& system, const ServerSettings& settings,
                               Clock& clock = system_clock());

}  // namespace octet::lab
