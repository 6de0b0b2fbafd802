// A clock and meters that do what a test tells them.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lab/power/meter.h"
#include "lab/power/trace.h"
#include "lab/support/clock.h"

namespace octet::lab {

/// Time stands still unless it is moved.
class FakeClock final : public Clock {
 public:
  Nanoseconds now() override { return now_; }
  void wait_until(Nanoseconds time) override { now_ = std::max(now_.load(), time); }
  void advance(double by_seconds) { now_ += nanoseconds(by_seconds); }

 private:
  std::atomic<Nanoseconds> now_ = 1'000'000'000;
};

inline MeterInfo fake_info(Reads reads, double interval_s = 0.1) {
  MeterInfo info;
  info.id = "fake:0";
  info.kind = "fake";
  info.scope = "a test";
  info.reads = reads;
  info.interval_s = interval_s;
  return info;
}

class FakeMeter final : public Meter {
 public:
  FakeMeter(MeterInfo info, std::function<double()> reading, bool blocks = false)
      : info_(std::move(info)), reading_(std::move(reading)), blocks_(blocks) {}
  const MeterInfo& info() const override { return info_; }
  double read() override { return reading_(); }
  bool blocks() const override { return blocks_; }

 private:
  MeterInfo info_;
  std::function<double()> reading_;
  bool blocks_;
};

/// A trace with a sample every `step` seconds from `from` to `to`, with the value of `f` at its time.
inline PowerTrace sampled(Reads reads, double from, double to, double step,
                          const std::function<double(double)>& f) {
  PowerTrace trace{fake_info(reads, step), {}, {}, {}};
  const int count = static_cast<int>((to - from) / step + 1.5);
  for (int i = 0; i < count; ++i) {
    const Nanoseconds time = nanoseconds(from) + i * nanoseconds(step);
    trace.samples.push_back({time, f(seconds(time))});
  }
  return trace;
}

inline Window window(double start, double stop) { return {nanoseconds(start), nanoseconds(stop)}; }

}  // namespace octet::lab
