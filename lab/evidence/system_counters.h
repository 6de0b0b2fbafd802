// The kernel's counters that an observation is the difference of, read at one moment. A counter that cannot
// be read is left out and named.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lab/evidence/cgroup.h"

namespace octet::lab {

/// CPU time since the machine started, summed over the observed CPUs.
struct CpuSeconds {
  double busy = 0;  ///< of anybody: programs, kernel, interrupts
  double steal = 0;
};

struct CounterSnapshot {
  std::optional<CpuSeconds> cpus;
  std::optional<double> own_s;  ///< CPU time of the own processes, wherever they ran
  std::optional<Throttling> throttling;
  std::optional<std::int64_t> thermal_throttles;
  std::optional<std::int64_t> major_faults;
  std::optional<std::int64_t> involuntary_switches;
  std::optional<double> pressure_s;  ///< in which at least one runnable thread waited for a CPU
};

class SystemCounters {
 public:
  /// Finds out, under `root`, which CPUs this process may use and which cgroups it is in. Own processes are
  /// this one, `own_processes`, and all their descendants with the children that they have waited for.
  SystemCounters(std::filesystem::path root, std::vector<pid_t> own_processes);

  const std::vector<int>& cpus() const { return cpus_; }
  CounterSnapshot read();
  /// Highest rate of the first four CPUs by cpufreq, GHz; nothing where there is none.
  std::optional<double> clock_ghz();
  /// "FILE: why", each once, in the order in which they were met.
  const std::vector<std::string>& missing() const { return missing_; }
  void note_missing(const std::string& what);

 private:
  CpuSeconds read_cpus() const;
  double read_own_seconds() const;
  std::int64_t read_thermal_throttles() const;
  std::int64_t read_major_faults() const;
  std::int64_t read_involuntary_switches() const;
  double read_pressure() const;
  /// The value of `read`, or nothing and a note of why.
  template <typename Read>
  auto attempt(const Read& read) -> std::optional<decltype(read())>;

  std::filesystem::path root_;
  std::vector<pid_t> own_processes_;
  std::vector<int> cpus_;
  std::vector<std::filesystem::path> cgroups_;
  std::vector<std::string> missing_;
};

}  // namespace octet::lab
