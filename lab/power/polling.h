// The recorder without its threads: which meters are due, what they read, what failed. Each group of meters
// is polled by one caller at a time; traces can be taken meanwhile.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "lab/power/meter.h"
#include "lab/power/trace.h"
#include "lab/support/clock.h"

namespace octet::lab {

class Polling {
 public:
  /// The first reading of each is due at once. The meters must live as long.
  Polling(const std::vector<Meter*>& meters, Clock& clock);

  /// Reads the meters that are due. Returns when the next one is.
  Nanoseconds poll();
  /// Reads all, due or not.
  void poll_all();

  /// One a meter, in their order.
  std::vector<PowerTrace> traces() const;
  /// Cut to the windows, with the failures from the first one's start to the last one's stop.
  std::vector<PowerTrace> traces(std::span<const Window> windows) const;

 private:
  /// The same failure, time after time.
  struct Failure {
    Nanoseconds first = 0;
    Nanoseconds last = 0;
    std::size_t count = 1;
    std::string text;
  };
  struct Channel {
    Meter* meter;
    PowerTrace trace;
    std::vector<Failure> failures;
    std::size_t lost_failures = 0;
    Nanoseconds due = 0;
  };

  void read(Channel& channel);
  void note(Channel& channel, Nanoseconds time, const char* text);
  std::vector<std::string> failure_texts(const Channel& channel, Nanoseconds from, Nanoseconds to) const;

  Clock& clock_;
  Nanoseconds start_;
  std::mutex polling_;       // held while meters are read
  mutable std::mutex data_;  // held while traces are added to or taken
  std::vector<Channel> channels_;
};

}  // namespace octet::lab
