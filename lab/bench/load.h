// The benchmark's loop. It knows what it measures only as a function that runs a batch; it warms up, calls it
// for a time or a count, and keeps the time of every call. Scenarios are MLPerf LoadGen's: offline (all
// samples are there at once, so batches follow each other and throughput counts) and single-stream (one
// sample at a time, the next when the last is done, so latency counts).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lab/bench/statistics.h"

namespace octet::lab {

enum class Scenario { kOffline, kSingleStream };
const char* to_string(Scenario scenario);  // "offline", "single-stream"
/// Throws Error(kInvalidArgument) naming the scenarios.
Scenario parse_scenario(std::string_view text);

struct LoadSettings {
  Scenario scenario = Scenario::kOffline;
  int batch = 1;          ///< images a call; single-stream takes 1 only
  double duration_s = 5;  ///< used if iterations is 0; the call in progress is finished
  int iterations = 0;     ///< calls to time
  double warmup_s = 0.5;  ///< and at least kWarmupCalls calls
  std::function<void(double done)> on_progress;  ///< 0..1, after a call; may be empty
};
inline constexpr int kWarmupCalls = 2;

/// Throws Error(kInvalidArgument) for settings that make no sense.
void check(const LoadSettings& settings);

struct LoadResult {
  int batch = 1;
  std::vector<double> call_ms;  ///< one entry a timed call, in order
};

/// Throws what `check` throws, before anything is run.
LoadResult run_load(const std::function<void(int batch)>& run, const LoadSettings& settings);

/// Images a second in each of up to `kWindows` windows of equally many consecutive calls (the last window
/// takes the remainder). Windows, so that a run of many short calls does not report the clock's jitter.
inline constexpr int kWindows = 25;
std::vector<double> window_rates(const LoadResult& result);

struct Latency {
  double mean = 0, p50 = 0, p90 = 0, p99 = 0;  ///< ms of a call
};
Latency latency(const LoadResult& result);

/// Whether a result should be believed: VALID, or SUSPECT with the reasons in words. Bounds: variation of the
/// windows' rates at most 5 %; the medians of the first and the last third of the windows differ by at most 5
/// %; at least 5 timed calls.
struct Validity {
  bool valid = true;
  std::vector<std::string> reasons;
  const char* word() const { return valid ? "VALID" : "SUSPECT"; }
};
inline constexpr double kMaxVariation = 0.05;
inline constexpr double kMaxDrift = 0.05;
inline constexpr int kMinCalls = 5;
Validity judge(const LoadResult& result);

}  // namespace octet::lab
