#include "lab/power/recorder.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "lab/power/cpu_time.h"
#include "lab/power/kinds.h"
#include "lab/power/polling.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr double kLongestIdle = 86400;  // s

Nanoseconds thread_cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<Nanoseconds>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

/// A thread that polls a group of meters until it is told to stop.
class PollingThread {
 public:
  PollingThread(std::vector<Meter*> meters, Clock& clock)
      : polling_(std::move(meters), clock), clock_(clock), thread_([this] { run(); }) {}
  ~PollingThread() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  PollingThread(const PollingThread&) = delete;
  PollingThread& operator=(const PollingThread&) = delete;

  Polling& polling() { return polling_; }
  Nanoseconds cpu_time() const { return cpu_time_; }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      lock.unlock();
      const Nanoseconds next = polling_.poll();
      cpu_time_ = thread_cpu_time();
      lock.lock();
      // Not Clock::wait_until, which cannot be woken and spins at its end.
      const std::chrono::nanoseconds wait(std::max<Nanoseconds>(0, next - clock_.now()));
      wake_.wait_for(lock, std::min<std::chrono::nanoseconds>(wait, std::chrono::hours(1)),
                     [this] { return stopping_; });
    }
  }

  Polling polling_;
  Clock& clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::atomic<Nanoseconds> cpu_time_ = 0;
  std::thread thread_;  // last: it uses the others
};

PowerTrace logged_trace(LoggedMeter& meter, Nanoseconds start, Nanoseconds stop) {
  try {
    return meter.logged(start, stop);
  } catch (const Error& error) {
    return {meter.info(), {}, {error.what()}, {}};
  }
}

}  // namespace

struct Recorder::Impl {
  Impl(std::span<const std::unique_ptr<Meter>> meters, Clock& used_clock)
      : clock(used_clock), start(used_clock.now()) {
    std::vector<Meter*> prompt;
    std::vector<std::size_t> prompt_places;
    for (const auto& meter : meters) {
      auto* log = dynamic_cast<LoggedMeter*>(meter.get());
      places.push_back({log, 0, 0});
      if (log != nullptr || meter->blocks()) continue;
      places.back() = {nullptr, 0, prompt.size()};
      prompt.push_back(meter.get());
    }
    has_prompt = !prompt.empty();
    if (has_prompt) threads.push_back(std::make_unique<PollingThread>(std::move(prompt), clock));
    // So that a window which begins at once is covered from its beginning.
    if (has_prompt) threads.front()->polling().poll();
    for (std::size_t i = 0; i < meters.size(); ++i) {
      if (places[i].log != nullptr || !meters[i]->blocks()) continue;
      places[i] = {nullptr, threads.size(), 0};
      threads.push_back(std::make_unique<PollingThread>(std::vector{meters[i].get()}, clock));
    }
  }

  /// `take` gets a group's traces from its Polling; meters with a log are asked for `from` to `to`.
  template <typename Take>
  std::vector<PowerTrace> collect(const Take& take, Nanoseconds from, Nanoseconds to) {
    if (has_prompt) threads.front()->polling().poll_all();
    std::vector<std::vector<PowerTrace>> groups;
    for (const auto& thread : threads) groups.push_back(take(thread->polling()));
    std::vector<PowerTrace> traces;
    for (const Place& place : places)
      traces.push_back(place.log != nullptr ? logged_trace(*place.log, from, to)
                                            : std::move(groups[place.thread][place.index]));
    return traces;
  }

  /// Where a meter's trace is.
  struct Place {
    LoggedMeter* log;
    std::size_t thread;
    std::size_t index;
  };

  Clock& clock;
  Nanoseconds start;
  bool has_prompt = false;
  std::vector<Place> places;
  std::vector<std::unique_ptr<PollingThread>> threads;  ///< the first is of the meters that answer at once
};

Recorder::Recorder(std::span<const std::unique_ptr<Meter>> meters, Clock& clock)
    : impl_(std::make_unique<Impl>(meters, clock)) {}
Recorder::~Recorder() = default;

std::vector<PowerTrace> Recorder::traces() const {
  return impl_->collect([](const Polling& polling) { return polling.traces(); }, impl_->start,
                        impl_->clock.now());
}

std::vector<PowerTrace> Recorder::traces(std::span<const Window> windows) const {
  const Nanoseconds from = windows.empty() ? impl_->start : windows.front().start;
  const Nanoseconds to = windows.empty() ? from : windows.back().stop;
  std::vector<PowerTrace> traces =
      impl_->collect([&](const Polling& polling) { return polling.traces(windows); }, from, to);
  for (std::size_t i = 0; i < traces.size(); ++i)
    if (impl_->places[i].log != nullptr) traces[i] = cut(traces[i], windows);
  return traces;
}

double Recorder::cpu_seconds() const {
  Nanoseconds total = 0;
  for (const auto& thread : impl_->threads) total += thread->cpu_time();
  return seconds(total);
}

IdleBaseline measure_idle(const Recorder& recorder, double idle_seconds, Clock& clock) {
  if (!(idle_seconds > 0 && idle_seconds <= kLongestIdle))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("idle time: expected more than 0 and at most {:.0f} seconds, got {}",
                            kLongestIdle, idle_seconds));
  std::optional<CpuTime> before, after;
  const auto cpu_time = []() -> std::optional<CpuTime> {
    try {
      return read_cpu_time();
    } catch (const Error&) {
      return std::nullopt;  // only the description goes without
    }
  };
  IdleBaseline baseline;
  Window window;
  before = cpu_time();
  window.start = clock.now();
  clock.wait_until(window.start + nanoseconds(idle_seconds));
  window.stop = clock.now();
  after = cpu_time();
  baseline.windows = {window};
  baseline.power = recorder.traces(baseline.windows);
  const double length = seconds(window.stop - window.start);
  baseline.state = fmt::format("this program asleep for {:.1f} s", length);
  if (before && after && length > 0)
    baseline.state += fmt::format("; the machine's CPUs busy {:.1f} % of the time",
                                  100 * (after->busy_s - before->busy_s) / (length * after->cpus));
  return baseline;
}

IdleBaseline measure_idle(std::span<const std::unique_ptr<Meter>> meters, double idle_seconds, Clock& clock) {
  const Recorder recorder(meters, clock);
  return measure_idle(recorder, idle_seconds, clock);
}

}  // namespace octet::lab
