// The benchmark's loop: warms a system up until it is steady, calls it for a time or a count, and keeps every
// call with its times. Scenarios are MLPerf LoadGen's: offline (all samples are there at once, so batches
// follow each other and throughput counts) and single-stream (one sample at a time, the next when the last is
// done, so latency counts); for server see server.h.
//
// Warm-up. Calls are grouped into windows of at least 3 calls and 20 ms; a call longer than 250 ms is a
// window of its own. A window's figure is its median time of an image. The system is steady when the figures
// of the last three windows agree within 2 % and do not all move one way by more than 1 % (a clock that still
// rises, a cache that still fills). If the time limit comes before a third window, two that agree will do. A
// warm-up that ends without that is reported as not steady and makes the result SUSPECT.
//
// Throughput. A measurement is cut into up to 25 windows of equally many consecutive calls, and statistics of
// the rate are over the windows' rates: calls that follow each other are alike (one disturbance slows
// several), so that an interval that took each call as independent would be too narrow; windows are long
// against that. The time from one call's stop to the next one's start belongs to the window: it is part of
// what a user waits for.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lab/bench/statistics.h"
#include "lab/bench/system_under_test.h"

namespace octet::lab {

enum class Scenario { kOffline, kSingleStream, kServer };
const char* to_string(Scenario scenario);  // "offline", "single-stream", "server"
/// Throws Error(kInvalidArgument) naming the scenarios.
Scenario parse_scenario(std::string_view text);

struct WarmupLimits {
  double least_s = 0.1;
  double most_s = 5;  ///< the call in progress is finished
  int least_calls = 2;
};

struct LoadSettings {
  Scenario scenario = Scenario::kOffline;  ///< not kServer
  int batch = 1;                           ///< images a call; single-stream takes 1 only
  double duration_s = 5;                   ///< of all rounds together, for each system; if iterations is 0
  int iterations = 0;   ///< calls of each system, shared out over the rounds; at least one a round
  int rounds = 1;       ///< several systems take turns, one round each
  int least_calls = 1;  ///< of each system, also where they take longer than duration_s
  WarmupLimits warmup;
  std::function<void(double done)> on_progress;  ///< 0..1; may be empty
  /// Around every round, so that what else happens on the machine in that time can be watched; may be empty.
  std::function<void(std::size_t system, int round)> before_round, after_round;
};

/// Throws Error(kInvalidArgument) for settings that make no sense.
void check(const LoadSettings& settings);

struct Warmup {
  int calls = 0;
  double seconds = 0;
  bool steady = false;
  double call_s = 0;  ///< of its last call
};
Warmup warm_up(SystemUnderTest& system, int batch, const WarmupLimits& limits, Clock& clock);

struct Round {
  std::size_t first_call = 0;
  std::size_t calls = 0;
};

struct Measurement {
  Warmup warmup;
  std::vector<Call> calls;    ///< in order
  std::vector<Round> rounds;  ///< in order; together they are all calls
  std::string error;  ///< why it ended early; set by measure_interleaved only, empty where all went well
};
/// {"warmup", "calls" {start_ns[], stop_ns[], images[]}, "rounds"}: members of a record's system entry
/// (docs/study-bundle.md).
Json to_json(const Measurement& measurement);
/// From an object that has these members, and others. Throws Error(kParse).
Measurement measurement_from(const Json& json);

/// One system. Throws what `check` throws before anything is run, and what the system throws.
Measurement measure(SystemUnderTest& system, const LoadSettings& settings, Clock& clock = system_clock());

/// Systems take turns: every one is warmed up, then each runs one round after the other, and every round
/// starts with the next system, so that a drift of the machine meets all alike. A round begins with one call
/// that is not counted, for the caches. A system that throws Error is left out from then on; what was
/// measured of it is kept beside its `error`, and the others go on.
std::vector<Measurement> measure_interleaved(std::span<SystemUnderTest* const> systems,
                                             const LoadSettings& settings, Clock& clock = system_clock());

/// Judges a warm-up, call by call, as said above.
class SteadyJudge {
 public:
  void add(const Call& call);
  bool steady() const;           ///< by three windows
  bool steady_at_limit() const;  ///< by as many as there are, two at least

 private:
  std::vector<double> window_;   // seconds an image, of the window in progress
  Nanoseconds window_time_ = 0;  // spent in calls
  std::vector<double> figures_;
};

/// Images a second in each of up to `kWindows` windows of consecutive calls; no window spans two rounds. A
/// window lasts from its first call's start to the next window's, the last of a round to its last call's
/// stop.
inline constexpr int kWindows = 25;
std::vector<double> window_rates(const Measurement& measurement);
/// Images a second of each round: images / (last stop - first start).
std::vector<double> round_rates(const Measurement& measurement);
/// Images of all calls.
double images_in(const Measurement& measurement);
/// Images over the rounds' time, all together. Throws Error(kInvalidArgument) if there are no calls.
double total_rate(const Measurement& measurement);
/// First start to last stop of each round: the windows whose energy is asked for.
std::vector<Window> round_windows(const Measurement& measurement);

struct Latency {
  double mean = 0, p50 = 0, p90 = 0, p99 = 0, min = 0, max = 0;  ///< ms of a call
};
/// Throws Error(kInvalidArgument) if there are no calls.
Latency latency(const Measurement& measurement);

Json to_json(const Latency& latency);
/// {"median", "min", "max", "mean", "cv", "ci95"}
Json to_json(const Summary& summary);

}  // namespace octet::lab
