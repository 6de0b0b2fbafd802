// The laboratory's one clock: nanoseconds of CLOCK_MONOTONIC, which never goes back and which all processes
// of a machine share, so that what a worker process or another rank timed can be laid beside what this one
// timed. An interface, so that tests of schedules and of clocks that misbehave need not wait.
#pragma once

#include <cstdint>

namespace octet::lab {

/// Since an arbitrary start of this machine's.
using Nanoseconds = std::int64_t;
inline constexpr double kNanosecondsPerSecond = 1e9;
inline double seconds(Nanoseconds duration) { return static_cast<double>(duration) / kNanosecondsPerSecond; }
inline Nanoseconds nanoseconds(double seconds) {
  return static_cast<Nanoseconds>(seconds * kNanosecondsPerSecond);
}

/// A stretch of time, as of a round of a measurement.
struct Window {
  Nanoseconds start = 0;
  Nanoseconds stop = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Nanoseconds now() = 0;
  /// Returns at `time` or a little later; at once if it has passed. The last 100 us are spun, so that a
  /// schedule of requests is not late by a timer's slack.
  virtual void wait_until(Nanoseconds time) = 0;
};

/// CLOCK_MONOTONIC.
Clock& system_clock();
/// Milliseconds of it since `start`.
inline double elapsed_ms(Nanoseconds start) { return 1e3 * seconds(system_clock().now() - start); }

/// Nanoseconds that must be added to a time of system_clock() to get time since 1970, now.
Nanoseconds unix_offset();

}  // namespace octet::lab
