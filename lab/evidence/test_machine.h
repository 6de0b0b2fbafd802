// For tests: a machine of two CPUs made of files under a temporary root and of clocks that the test moves.
// It is quiet unless a test says otherwise: the measured process uses all of both CPUs.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "lab/evidence/observation.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_directory.h"

namespace octet::test {

class FakeMachine {
 public:
  static constexpr int kCpus = 2;
  static constexpr int kPid = 4321;

  /// Counters as the kernel has them; ticks are of both CPUs together.
  struct Counters {
    std::int64_t own_ticks = 5000;
    std::int64_t other_ticks = 3000;
    std::int64_t steal_ticks = 200;
    std::int64_t throttled_periods = 3;
    std::int64_t throttled_us = 70000;
    std::int64_t core_throttles = 1;
    std::int64_t major_faults = 40;
    std::int64_t involuntary_switches = 900;
    std::int64_t pressure_us = 1000;
    std::int64_t khz = 3000000;
  };

  FakeMachine() {
    write("proc/loadavg", "0.52 0.48 0.40 1/250 9999\n");
    write("proc/self/cgroup", "0::/user.slice/job\n");
    write("proc/self/mountinfo", "22 1 0:20 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    write("sys/fs/cgroup/cpu.stat", "usage_usec 999\n");
    write("sys/fs/cgroup/user.slice/cpu.stat", "usage_usec 99\nnr_throttled 0\nthrottled_usec 0\n");
    publish();
  }

  /// Time passes; the measured process uses `own_cpus` CPUs' time of it. The files follow at publish().
  void run_for(double seconds, double own_cpus = kCpus) {
    const lab::Nanoseconds passed = lab::nanoseconds(seconds);
    clock.advance(seconds);
    boot += passed;
    real += passed;
    counters.own_ticks += static_cast<std::int64_t>(seconds * own_cpus * ticks_per_second());
  }

  /// Writes the counters into the files.
  void publish() const {
    std::string stat = "cpu  1 2 3 4 5 6 7 8 9 10\n";
    for (int cpu = 0; cpu < kCpus; ++cpu)
      stat += fmt::format("cpu{} {} 0 {} 100000 50 0 0 {} 0 0\n", cpu, counters.own_ticks / kCpus,
                          counters.other_ticks / kCpus, counters.steal_ticks / kCpus);
    write("proc/stat", stat + "cpu2 77 77 77 77 77 77 77 77 0 0\nintr 1 2 3\n");
    const std::string process =
        process_stat(kPid, "a (b) c", 1, counters.own_ticks, 0, counters.major_faults);
    write("proc/self/stat", process);
    write(fmt::format("proc/{}/stat", kPid), process);
    write("proc/self/status", "Name:\ta (b) c\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\n");
    write("proc/self/task/4321/status",
          fmt::format("voluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t{}\n",
                      counters.involuntary_switches));
    write("proc/pressure/cpu",
          fmt::format("some avg10=0.00 avg60=0.00 avg300=0.00 total={}\n", counters.pressure_us));
    write("sys/fs/cgroup/user.slice/job/cpu.stat",
          fmt::format("usage_usec 9\nnr_periods 50\nnr_throttled {}\nthrottled_usec {}\n",
                      counters.throttled_periods, counters.throttled_us));
    for (int cpu = 0; cpu < kCpus; ++cpu) {
      const std::string folder = fmt::format("sys/devices/system/cpu/cpu{}/", cpu);
      write(folder + "thermal_throttle/core_throttle_count", fmt::format("{}\n", counters.core_throttles));
      write(folder + "thermal_throttle/package_throttle_count", "12\n");
      write(folder + "cpufreq/scaling_cur_freq", fmt::format("{}\n", counters.khz));
    }
  }

  /// A line of /proc/PID/stat.
  static std::string process_stat(int pid, const std::string& name, int parent, std::int64_t ticks,
                                  std::int64_t children_ticks, std::int64_t major_faults) {
    return fmt::format("{} ({}) R {} 1 1 0 -1 4194304 99 0 {} 0 {} {} {} 0 20 0 1 0 2361779 1 1\n", pid, name,
                       parent, major_faults, ticks / 2, ticks - ticks / 2, children_ticks);
  }

  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((root() / file).parent_path());
    directory_.write(file, text);
  }
  void remove(const std::string& file) const { std::filesystem::remove_all(root() / file); }

  lab::ObserverOptions options() {
    lab::ObserverOptions options;
    options.root = root();
    options.clock = &clock;
    options.boot_time = [this] { return boot; };
    options.real_time = [this] { return real; };
    options.start_thread = false;
    options.estimate_clock = false;
    return options;
  }

  const std::filesystem::path& root() const { return directory_.path(); }
  static double ticks_per_second() { return static_cast<double>(sysconf(_SC_CLK_TCK)); }

  Counters counters;
  FakeClock clock;
  lab::Nanoseconds boot = lab::nanoseconds(5000);
  lab::Nanoseconds real = lab::nanoseconds(1.7e9);

 private:
  TemporaryDirectory directory_;
};

}  // namespace octet::test
