#include <time.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "lab/evidence/cpu_clock.h"
#include "lab/evidence/kernel_file.h"
#include "lab/evidence/observation.h"
#include "lab/evidence/parallel_capacity.h"
#include "lab/evidence/system_counters.h"
#include "lab/evidence/verdict.h"

#include <unistd.h>

namespace octet::lab {
namespace {

constexpr double kClockInterval_s = 1;  // reading cpufreq may interrupt the CPU that is asked
constexpr Nanoseconds kCloseTogether = 50'000;
constexpr int kReadings = 5;

Nanoseconds read_clock(clockid_t id) {
  timespec time{};
  clock_gettime(id, &time);
  return static_cast<Nanoseconds>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

double thread_cpu_seconds() { return seconds(read_clock(CLOCK_THREAD_CPUTIME_ID)); }

/// The three clocks at one moment; of those that are not compared, the monotonic one's value.
struct Clocks {
  Nanoseconds monotonic = 0;
  Nanoseconds boot = 0;
  Nanoseconds real = 0;
};

template <typename Number>
std::optional<Number> difference(const std::optional<Number>& before, const std::optional<Number>& after) {
  if (!before || !after) return std::nullopt;
  return std::max(Number{0}, *after - *before);
}

}  // namespace

struct Observer::Impl {
  explicit Impl(const ObserverOptions& given)
      : options(given),
        clock(given.clock ? *given.clock : system_clock()),
        counters(given.root, given.own_processes) {
    if (!options.clock && !options.boot_time) options.boot_time = [] { return read_clock(CLOCK_BOOTTIME); };
    if (!options.clock && !options.real_time) options.real_time = [] { return read_clock(CLOCK_REALTIME); };
    if (&clock == &system_clock() && !options.parallel_capacity)
      options.parallel_capacity = measure_parallel_capacity;
  }

  /// Read again if the thread was interrupted in between, so that a wait does not look like a jump.
  Clocks read_clocks() {
    Clocks closest;
    Nanoseconds shortest = 0;
    for (int reading = 0; reading < kReadings; ++reading) {
      Clocks clocks;
      clocks.monotonic = clock.now();
      clocks.boot = options.boot_time ? options.boot_time() : clocks.monotonic;
      clocks.real = options.real_time ? options.real_time() : clocks.boot;
      const Nanoseconds took = clock.now() - clocks.monotonic;
      if (reading == 0 || took < shortest) {
        closest = clocks;
        shortest = took;
      }
      if (took < kCloseTogether) break;
    }
    if (!options.boot_time) closest.boot = closest.monotonic;
    if (!options.real_time) closest.real = closest.boot;
    return closest;
  }

  void start() {
    observation.cpus = counters.cpus();
    const std::filesystem::path load = options.root / "proc/loadavg";
    try {
      const std::string text = read_kernel_file(load);
      const std::vector<std::string_view> fields = fields_of(text);
      if (!fields.empty()) observation.load_before = to_number(fields[0]);
      if (!observation.load_before) counters.note_missing(load.string() + ": expected a number first");
    } catch (const std::exception& error) {
      counters.note_missing(error.what());
    }
    if (options.estimate_clock) {
      observation.clock_ghz_before = clock_rate();
      if (options.capacity_measured != CapacityMeasured::kNever)
        observation.parallel_capacity_before = parallel_capacity();
    }
    before = counters.read();
    first = last = read_clocks();
    if (options.start_thread) start_thread();
  }

  std::optional<double> clock_rate() {
    const double ghz = estimate_clock_ghz(clock);
    if (ghz > 0) return ghz;
    counters.note_missing("clock rate: the clock stood still while it was measured");
    return std::nullopt;
  }

  std::optional<double> parallel_capacity() {
    if (!options.parallel_capacity) return std::nullopt;
    const std::vector<int> cpus = comparable_cpus(
        options.root, options.capacity_cpus.empty() ? observation.cpus : options.capacity_cpus);
    if (cpus.size() < 2) return std::nullopt;
    try {
      const double capacity = options.parallel_capacity(cpus);
      return capacity >= bounds::kParallelCapacity ? capacity
                                                   : std::max(capacity, options.parallel_capacity(cpus));
    } catch (const std::exception& error) {
      counters.note_missing(error.what());
      return std::nullopt;
    }
  }

  void start_thread() {
    try {
      thread = std::thread([this] {
        std::unique_lock lock(mutex);
        const std::chrono::duration<double> interval(options.interval_s);
        while (!wake.wait_for(lock, interval, [this] { return stopping; })) sample();
        observation.cost_s = thread_cpu_seconds();
      });
    } catch (const std::exception& error) {
      counters.note_missing(std::string("observing thread: ") + error.what());
    }
  }

  /// The mutex is held, or there is no thread.
  void sample() {
    const Clocks now = read_clocks();
    const double gap = seconds(now.monotonic - last.monotonic) - options.interval_s;
    observation.worst_gap_s = std::max(observation.worst_gap_s, gap);
    const Nanoseconds asleep = (now.boot - first.boot) - (now.monotonic - first.monotonic);
    const Nanoseconds was_set = (now.real - first.real) - (now.boot - first.boot);
    const Nanoseconds back = last.monotonic - now.monotonic;
    for (const Nanoseconds jump : {std::abs(asleep), std::abs(was_set), back})
      observation.clock_jump_s = std::max(observation.clock_jump_s, seconds(jump));
    if (clock_readings_work && seconds(now.monotonic - clock_read_at) >= kClockInterval_s) {
      const std::optional<double> ghz = counters.clock_ghz();
      if (ghz) observation.clock_ghz_during.push_back(*ghz);
      clock_readings_work = ghz.has_value();
      clock_read_at = now.monotonic;
    }
    last = now;
  }

  void finish() {
    if (finished) return;
    finished = true;
    if (thread.joinable()) {
      {
        const std::lock_guard lock(mutex);
        sample();
        stopping = true;
      }
      wake.notify_all();
      thread.join();
    } else {
      sample();
    }
    const CounterSnapshot after = counters.read();
    observation.seconds = seconds(last.monotonic - first.monotonic);
    if (options.estimate_clock) {
      observation.clock_ghz_after = clock_rate();  // meanwhile the measured threads stop spinning for work
      if (options.capacity_measured == CapacityMeasured::kBeforeAndAfter)
        observation.parallel_capacity_after = parallel_capacity();
    }
    take_differences(after);
    observation.missing = counters.missing();
  }

  void take_differences(const CounterSnapshot& after) {
    observation.throttled_periods =
        difference(before.throttling ? std::optional(before.throttling->periods) : std::nullopt,
                   after.throttling ? std::optional(after.throttling->periods) : std::nullopt);
    observation.throttled_s =
        difference(before.throttling ? std::optional(before.throttling->seconds) : std::nullopt,
                   after.throttling ? std::optional(after.throttling->seconds) : std::nullopt);
    observation.thermal_throttles = difference(before.thermal_throttles, after.thermal_throttles);
    observation.major_faults = difference(before.major_faults, after.major_faults);
    observation.involuntary_switches = difference(before.involuntary_switches, after.involuntary_switches);
    if (observation.seconds <= 0) return;
    if (const std::optional<double> waited = difference(before.pressure_s, after.pressure_s))
      observation.pressure_share = std::min(1.0, *waited / observation.seconds);
    if (observation.cpus.empty()) return;
    const double available_s = observation.seconds * static_cast<double>(observation.cpus.size());
    observation.share_resolution = 1 / (observation.seconds * static_cast<double>(sysconf(_SC_CLK_TCK)));
    const std::optional<double> own_s = difference(before.own_s, after.own_s);
    if (own_s) observation.own_share = *own_s / available_s;
    if (!before.cpus || !after.cpus) return;
    observation.steal_share = std::max(0.0, after.cpus->steal - before.cpus->steal) / available_s;
    if (own_s)
      observation.other_share = std::max(0.0, after.cpus->busy - before.cpus->busy - *own_s) / available_s;
  }

  ObserverOptions options;
  Clock& clock;
  SystemCounters counters;
  CounterSnapshot before;
  Clocks first, last;
  Nanoseconds clock_read_at = 0;
  bool clock_readings_work = true;
  bool finished = false;
  Observation observation;

  std::mutex mutex;  ///< of what sample() changes
  std::condition_variable wake;
  bool stopping = false;
  std::thread thread;
};

Observer::Observer(const ObserverOptions& options) : impl_(std::make_unique<Impl>(options)) {
  impl_->start();
}

Observer::~Observer() {
  if (!impl_->thread.joinable()) return;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  impl_->thread.join();
}

void Observer::sample() {
  const std::lock_guard lock(impl_->mutex);
  impl_->sample();
}

Observation Observer::finish() {
  impl_->finish();
  return impl_->observation;
}

}  // namespace octet::lab
