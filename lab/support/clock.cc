#include "lab/support/clock.h"

#include <time.h>

namespace octet::lab {
namespace {

constexpr Nanoseconds kSpin = 100'000;

Nanoseconds read(clockid_t id) {
  timespec time{};
  clock_gettime(id, &time);
  return static_cast<Nanoseconds>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

class SystemClock final : public Clock {
 public:
  Nanoseconds now() override { return read(CLOCK_MONOTONIC); }

  void wait_until(Nanoseconds time) override {
    if (const Nanoseconds wake = time - kSpin; wake > now()) {
      const timespec at{wake / 1'000'000'000, wake % 1'000'000'000};
      while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) != 0) {
      }
    }
    while (now() < time) {
    }
  }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

Nanoseconds unix_offset() { return read(CLOCK_REALTIME) - read(CLOCK_MONOTONIC); }

}  // namespace octet::lab
