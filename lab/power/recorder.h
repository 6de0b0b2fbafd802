// Records meters while something runs. One thread polls the meters that answer at once, each at its own
// interval; a meter that keeps its reader waiting (ipmitool) has a thread of its own, so that it delays no
// other. A meter that fails is noted and asked again: nothing that was recorded is lost.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lab/power/energy.h"
#include "lab/power/meter.h"
#include "lab/power/trace.h"
#include "lab/support/clock.h"

namespace octet::lab {

class Recorder {
 public:
  /// Starts the threads. The meters must live as long.
  explicit Recorder(std::span<const std::unique_ptr<Meter>> meters, Clock& clock = system_clock());
  /// Ends them; waits for a reading in progress.
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// Traces so far, one a meter, in their order. Meters that answer at once are read first, so that a window
  /// that has just ended is covered up to its end; a meter's file is merged in.
  std::vector<PowerTrace> traces() const;
  /// The same, cut to what energy_of needs for these windows.
  std::vector<PowerTrace> traces(std::span<const Window> windows) const;

  /// CPU time that recording has cost so far, without that of other programs (ipmitool).
  double cpu_seconds() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The machine at rest, as a baseline.
struct IdleBaseline {
  std::vector<Window> windows;
  std::vector<PowerTrace> power;  ///< cut to the windows
  std::string state;  ///< "this program asleep for 5.0 s; the machine's CPUs busy 3.1 % of the time"
};
/// Sleeps for `idle_seconds` and takes the meters' traces of that time. Throws Error(kInvalidArgument) for a
/// time that is not positive or longer than a day.
IdleBaseline measure_idle(const Recorder& recorder, double idle_seconds, Clock& clock = system_clock());
IdleBaseline measure_idle(std::span<const std::unique_ptr<Meter>> meters, double idle_seconds,
                          Clock& clock = system_clock());

}  // namespace octet::lab
