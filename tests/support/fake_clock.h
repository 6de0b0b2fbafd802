// A clock that stands still unless it is told to go on, so that what depends on time is tested without
// waiting and without depending on the machine. It may be read by several threads.
#pragma once

#include <atomic>

#include "lab/support/clock.h"

namespace octet::test {

class FakeClock final : public lab::Clock {
 public:
  explicit FakeClock(lab::Nanoseconds start = 1'000'000'000'000) : time_(start) {}

  lab::Nanoseconds now() override { return time_; }
  void wait_until(lab::Nanoseconds time) override {
    lab::Nanoseconds before = time_;
    while (before < time && !time_.compare_exchange_weak(before, time)) {
    }
  }
  void advance(double seconds) { time_ += lab::nanoseconds(seconds); }

 private:
  std::atomic<lab::Nanoseconds> time_;
};

}  // namespace octet::test
