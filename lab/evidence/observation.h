// What else happened on the machine while something was measured, so that a figure can be believed or not:
// the clock rate, CPUs that share a core, time stolen by the hypervisor, throttling by the cgroup, other
// programs' CPU time, jumps of the clock, swapping. Counters are read before and after; a thread that wakes
// every 100 ms watches the clocks in between, and costs what `cost_s` says (some 50 us of CPU time a second).
// Sources: /proc/stat, /proc/self, /proc/PID/stat, /proc/loadavg, /proc/pressure, cgroup v1 and v2 cpu.stat,
// cpufreq, topology and thermal_throttle in /sys. All paths start at a root, so that tests give their own
// files; a source that is not there leaves its figure out and is named in `missing`.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lab/support/clock.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

/// Figures of the measured window, each absent where its source is. Shares are of the time of `cpus`, 0..1.
struct Observation {
  double seconds = 0;                      ///< of the window
  std::vector<int> cpus;                   ///< CPUs that the figures are of: the affinity mask
  std::optional<double> clock_ghz_before;  ///< from a timed chain of dependent adds
  std::optional<double> clock_ghz_after;
  /// What the CPUs deliver together, as a share of what each does alone (lab/evidence/parallel_capacity.h).
  std::optional<double> parallel_capacity_before;
  std::optional<double> parallel_capacity_after;
  std::vector<double> clock_ghz_during;  ///< once a second, from cpufreq where it is there
  std::optional<double> steal_share;     ///< taken by the hypervisor
  std::optional<double> own_share;       ///< CPU time of this process and its descendants
  std::optional<double> other_share;     ///< the rest of what the CPUs were busy with
  double share_resolution = 0;           ///< what one tick of the kernel's clock is of the window
  std::optional<double> load_before;     ///< 1-minute load average
  std::optional<double> pressure_share;  ///< share of the window in which a runnable thread waited for a CPU
  std::optional<std::int64_t> throttled_periods;  ///< by the cgroup's quota
  std::optional<double> throttled_s;
  std::optional<std::int64_t> thermal_throttles;
  std::optional<std::int64_t> major_faults;  ///< of this process
  std::optional<std::int64_t> involuntary_switches;
  double clock_jump_s = 0;  ///< largest disagreement of CLOCK_MONOTONIC with CLOCK_BOOTTIME (suspend) and of
                            ///< CLOCK_REALTIME with both (somebody set it), in the window; or how far it went
                            ///< back
  double worst_gap_s = 0;   ///< longest that the observing thread was kept from running beyond its 100 ms
  double cost_s = 0;        ///< CPU time that observing took inside the window
  std::vector<std::string> missing;  ///< "/proc/stat: no such file"
};
Json to_json(const Observation& observation);
/// Throws Error(kParse) naming the key that is missing or ill-typed.
Observation observation_from(const Json& json);

/// One observation of several windows (rounds): shares weighted by the windows' lengths, counts added up, the
/// worst gap and jump, first and last clock rate. A figure that one of them lacks is left out, except
/// parallel capacity, which is not measured in every round: its least. Throws Error(kInvalidArgument) for
/// none.
Observation combine(std::span<const Observation> windows);

enum class CapacityMeasured { kNever, kBefore, kBeforeAndAfter };

struct ObserverOptions {
  std::filesystem::path root = "/";
  Clock* clock = nullptr;  ///< null: system_clock()
  /// CLOCK_BOOTTIME and CLOCK_REALTIME. Empty: the system's if `clock` is null too, else not compared.
  std::function<Nanoseconds()> boot_time;
  std::function<Nanoseconds()> real_time;
  double interval_s = 0.1;
  bool start_thread = true;    ///< false: the caller calls sample() in its place
  bool estimate_clock = true;  ///< spins about 2 ms before and after, outside the window
  /// When to measure the parallel capacity, if `estimate_clock` is set and there are two cores to compare:
  /// 2 ms each time, outside the window too; 4 ms where it is low, since other work for a moment must not
  /// look like a shared core.
  CapacityMeasured capacity_measured = CapacityMeasured::kBeforeAndAfter;
  std::vector<int> capacity_cpus;  ///< of these; empty: of the affinity mask
  /// How: throws Error where it cannot. Empty: measure_parallel_capacity() if `clock` is the system's, else
  /// not at all.
  std::function<double(std::span<const int>)> parallel_capacity;
  /// Processes that count, with their descendants, as own besides this one and its descendants: ranks that a
  /// launcher started for us. A descendant that makes itself independent (a daemon) becomes "other". CPU time
  /// of own processes counts wherever they ran, so one that leaves `cpus` hides as much of others' load.
  std::vector<pid_t> own_processes;
};

class Observer {
 public:
  /// Observes from now on. Never throws for what it cannot read.
  explicit Observer(const ObserverOptions& options = {});
  ~Observer();
  /// What the thread does at every interval: compares the clocks.
  void sample();
  /// Of the time since the constructor. Ends the thread. Called again it returns the same.
  Observation finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace octet::lab
