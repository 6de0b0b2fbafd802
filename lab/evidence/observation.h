// What else happened on the machine while something was measured, so that a figure can be believed or not:
// the clock rate, time stolen by the hypervisor, throttling by the cgroup, other programs' CPU time, jumps of
// the clock, swapping. Taken before, during (by a thread that wakes every 100 ms) and after.
// Sources: /proc/stat, /proc/self, /proc/loadavg, /proc/vmstat, cgroup v1 and v2 cpu.stat, cpufreq and
// thermal_throttle in /sys. All paths start at a root, so that tests give their own files; a source that is
// not there leaves its figure out and is named in `missing`.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lab/support/clock.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

/// Figures of the measured window, each absent where its source is.
struct Observation {
  double seconds = 0;                      ///< of the window
  std::vector<int> cpus;                   ///< CPUs that the figures are of: the affinity mask
  std::optional<double> clock_ghz_before;  ///< from a timed chain of dependent adds, or cpufreq
  std::optional<double> clock_ghz_after;
  std::vector<double> clock_ghz_during;  ///< from cpufreq where it is there
  std::optional<double> steal_share;     ///< of the CPUs' time, 0..1
  std::optional<double> other_share;     ///< CPU time on `cpus` not of this process and its children, 0..1
  std::optional<double> own_share;
  std::optional<double> load_before;              ///< 1-minute load average
  std::optional<std::int64_t> throttled_periods;  ///< by the cgroup's quota
  std::optional<double> throttled_s;
  std::optional<std::int64_t> thermal_throttles;
  std::optional<std::int64_t> major_faults;  ///< of this process
  std::optional<std::int64_t> involuntary_switches;
  double clock_jump_s = 0;  ///< largest disagreement of CLOCK_MONOTONIC with CLOCK_BOOTTIME (suspend) and of
                            ///< CLOCK_REALTIME with both (somebody set it), in the window
  double worst_gap_s = 0;   ///< longest that the observing thread was kept from running beyond its 100 ms
  std::vector<std::string> missing;  ///< "cgroup cpu.stat: no such file"
};
Json to_json(const Observation& observation);
Observation observation_from(const Json& json);

struct ObserverOptions {
  std::filesystem::path root = "/";
  Clock* clock = nullptr;  ///< null: system_clock()
  double interval_s = 0.1;
  bool estimate_clock = true;  ///< spins about 2 ms before and after
};

class Observer {
 public:
  /// Observes from now on.
  explicit Observer(const ObserverOptions& options = {});
  ~Observer();
  /// Of the time since the constructor. Ends the thread.
  Observation finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace octet::lab
