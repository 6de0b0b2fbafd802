#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <thread>

#include "lab/evidence/observation.h"
#include "lab/evidence/test_machine.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using test::FakeMachine;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Runs the quiet machine for `seconds`, as the observer's thread would see it.
void pass(FakeMachine& machine, Observer& observer, double seconds) {
  for (int tenth = 0; tenth < std::lround(seconds * 10); ++tenth) {
    machine.run_for(0.1);
    observer.sample();
  }
  machine.publish();
}

TEST(Observer, SeesAQuietMachineWithAllItsFigures) {
  FakeMachine machine;
  Observer observer(machine.options());
  pass(machine, observer, 4);
  machine.counters.involuntary_switches += 7;
  machine.counters.pressure_us += 400'000;
  machine.publish();
  const Observation seen = observer.finish();
  EXPECT_NEAR(seen.seconds, 4, 1e-9);
  EXPECT_THAT(seen.cpus, ElementsAre(0, 1));
  EXPECT_NEAR(seen.steal_share.value(), 0, 1e-9);
  EXPECT_NEAR(seen.own_share.value(), 1, 1e-9);
  EXPECT_NEAR(seen.other_share.value(), 0, 1e-9);
  EXPECT_NEAR(seen.share_resolution, 1 / (4 * FakeMachine::ticks_per_second()), 1e-9);
  EXPECT_DOUBLE_EQ(seen.load_before.value(), 0.52);
  EXPECT_NEAR(seen.pressure_share.value(), 0.1, 1e-9);
  EXPECT_EQ(seen.throttled_periods, 0);
  EXPECT_EQ(seen.throttled_s, 0.0);
  EXPECT_EQ(seen.thermal_throttles, 0);
  EXPECT_EQ(seen.major_faults, 0);
  EXPECT_EQ(seen.involuntary_switches, 7);
  EXPECT_THAT(seen.clock_ghz_during, ElementsAre(3.0, 3.0, 3.0, 3.0));
  EXPECT_NEAR(seen.clock_jump_s, 0, 1e-9);
  EXPECT_NEAR(seen.worst_gap_s, 0, 1e-9);
  EXPECT_THAT(seen.missing, IsEmpty());
}

TEST(Observer, TellsStolenTimeFromTheTimeOfOthers) {
  FakeMachine machine;
  Observer observer(machine.options());
  machine.run_for(10, 1.0);
  const auto ticks = static_cast<std::int64_t>(FakeMachine::ticks_per_second());
  machine.counters.steal_ticks += 1 * ticks;
  machine.counters.other_ticks += 3 * ticks;
  machine.publish();
  const Observation seen = observer.finish();
  EXPECT_NEAR(seen.own_share.value(), 0.5, 1e-9);
  EXPECT_NEAR(seen.steal_share.value(), 0.05, 1e-9);
  EXPECT_NEAR(seen.other_share.value(), 0.15, 1e-9);
}

TEST(Observer, CountsDescendantsAndNamedProcessesAsOwn) {
  FakeMachine machine;
  const auto ticks = static_cast<std::int64_t>(FakeMachine::ticks_per_second());
  const auto publish = [&](std::int64_t child, std::int64_t grandchild, std::int64_t rank,
                           std::int64_t stranger) {
    machine.write("proc/5000/stat",
                  FakeMachine::process_stat(5000, "worker", FakeMachine::kPid, child, 0, 0));
    machine.write("proc/5001/stat", FakeMachine::process_stat(5001, "deeper) R 1", 5000, grandchild, 0, 0));
    machine.write("proc/7000/stat", FakeMachine::process_stat(7000, "rank", 1, rank, 0, 0));
    machine.write("proc/8000/stat", FakeMachine::process_stat(8000, "stranger", 1, stranger, 0, 0));
  };
  publish(100, 100, 100, 100);
  ObserverOptions options = machine.options();
  options.own_processes = {7000};
  Observer observer(options);
  machine.run_for(10, 0);
  machine.counters.other_ticks += 11 * ticks;  // all of it together, as the CPUs see it
  publish(100 + 3 * ticks, 100 + 2 * ticks, 100 + 4 * ticks, 100 + 2 * ticks);
  machine.publish();
  const Observation seen = observer.finish();
  EXPECT_NEAR(seen.own_share.value(), 0.45, 1e-9);
  EXPECT_NEAR(seen.other_share.value(), 0.10, 1e-9);
}

TEST(Observer, CountsTheTimeOfAChildThatEndedAndWasWaitedFor) {
  FakeMachine machine;
  const auto ticks = static_cast<std::int64_t>(FakeMachine::ticks_per_second());
  machine.write("proc/5000/stat", FakeMachine::process_stat(5000, "worker", FakeMachine::kPid, 300, 0, 0));
  Observer observer(machine.options());
  machine.run_for(10, 0);
  machine.counters.other_ticks += 2 * ticks;
  machine.publish();
  machine.remove("proc/5000");
  machine.write("proc/self/stat", FakeMachine::process_stat(FakeMachine::kPid, "a", 1,
                                                            machine.counters.own_ticks, 300 + 2 * ticks, 40));
  const Observation seen = observer.finish();
  EXPECT_NEAR(seen.own_share.value(), 0.1, 1e-9);
  EXPECT_NEAR(seen.other_share.value(), 0, 1e-9);
}

TEST(Observer, CountsThrottlingOfTheGroupAndItsParents) {
  FakeMachine machine;
  Observer observer(machine.options());
  machine.run_for(1);
  machine.counters.throttled_periods += 4;
  machine.counters.throttled_us += 150'000;
  machine.publish();
  machine.write("sys/fs/cgroup/user.slice/cpu.stat", "nr_throttled 1\nthrottled_usec 50000\n");
  const Observation seen = observer.finish();
  EXPECT_EQ(seen.throttled_periods, 5);
  EXPECT_NEAR(seen.throttled_s.value(), 0.2, 1e-9);
}

TEST(Observer, SeesASuspensionASetClockAndAClockThatGoesBack) {
  {
    FakeMachine machine;
    Observer observer(machine.options());
    pass(machine, observer, 0.3);
    machine.boot += nanoseconds(30);
    machine.real += nanoseconds(30);
    pass(machine, observer, 0.3);
    EXPECT_NEAR(observer.finish().clock_jump_s, 30, 1e-6);
  }
  {
    FakeMachine machine;
    Observer observer(machine.options());
    pass(machine, observer, 0.3);
    machine.real -= nanoseconds(2);
    observer.sample();
    machine.real += nanoseconds(2);  // set back again: it jumped all the same
    pass(machine, observer, 0.3);
    EXPECT_NEAR(observer.finish().clock_jump_s, 2, 1e-6);
  }
  {
    FakeMachine machine;
    ObserverOptions options = machine.options();
    options.boot_time = nullptr;  // nothing to compare with
    options.real_time = nullptr;
    Observer observer(options);
    pass(machine, observer, 0.3);
    machine.clock.advance(-0.2);
    observer.sample();
    EXPECT_NEAR(observer.finish().clock_jump_s, 0.2, 1e-6);
  }
}

TEST(Observer, SeesThatItWasKeptFromRunning) {
  FakeMachine machine;
  Observer observer(machine.options());
  pass(machine, observer, 0.5);
  machine.run_for(0.85);
  observer.sample();
  pass(machine, observer, 0.5);
  EXPECT_NEAR(observer.finish().worst_gap_s, 0.75, 1e-6);
}

TEST(Observer, LeavesOutWhatHasNoSourceAndNamesIt) {
  FakeMachine machine;
  std::filesystem::remove_all(machine.root() / "proc");
  std::filesystem::remove_all(machine.root() / "sys");
  Observer observer(machine.options());
  machine.clock.advance(1);
  observer.sample();
  const Observation seen = observer.finish();
  EXPECT_NEAR(seen.seconds, 1, 1e-9);
  EXPECT_THAT(seen.cpus, IsEmpty());
  EXPECT_FALSE(seen.steal_share || seen.own_share || seen.other_share || seen.load_before ||
               seen.pressure_share || seen.throttled_periods || seen.throttled_s || seen.thermal_throttles ||
               seen.major_faults || seen.involuntary_switches);
  EXPECT_THAT(seen.clock_ghz_during, IsEmpty());
  for (const char* source : {"proc/self/status", "proc/self/cgroup", "proc/self/stat", "proc/loadavg",
                             "proc/pressure/cpu", "proc/self/task", "sys/devices/system/cpu"})
    EXPECT_THAT(seen.missing, Contains(HasSubstr(source)));
}

TEST(Observer, NeedsOnlyTheSourcesOfAFigure) {
  FakeMachine machine;
  machine.remove("proc/self/cgroup");
  machine.remove("sys/devices/system/cpu/cpu0/cpufreq");
  Observer observer(machine.options());
  pass(machine, observer, 2);
  const Observation seen = observer.finish();
  EXPECT_FALSE(seen.throttled_s);
  EXPECT_THAT(seen.clock_ghz_during, IsEmpty());
  EXPECT_NEAR(seen.own_share.value(), 1, 1e-9);
  EXPECT_THAT(seen.missing, ElementsAre(EndsWith("proc/self/cgroup: no such file"),
                                        EndsWith("cpu0/cpufreq/scaling_cur_freq: no such file")));
}

/// A file that vanishes or becomes garbage between the readings.
struct Broken {
  std::string name, file, text;  ///< text empty: vanishes
};
class BrokenMidway : public ::testing::TestWithParam<Broken> {};

TEST_P(BrokenMidway, IsNamedAndHarmsNoOtherFigure) {
  const Broken& broken = GetParam();
  FakeMachine machine;
  Observer observer(machine.options());
  pass(machine, observer, 1);
  if (broken.text.empty())
    machine.remove(broken.file);
  else
    machine.write(broken.file, broken.text);
  observer.sample();
  const Observation seen = observer.finish();
  EXPECT_NEAR(seen.seconds, 1, 1e-9);
  EXPECT_THAT(seen.missing, Contains(HasSubstr(broken.file)));
  const int there = int{seen.steal_share.has_value()} + int{seen.own_share.has_value()} +
                    int{seen.throttled_s.has_value()} + int{seen.thermal_throttles.has_value()} +
                    int{seen.major_faults.has_value()} + int{seen.involuntary_switches.has_value()} +
                    int{seen.pressure_share.has_value()};
  EXPECT_FALSE(to_json(seen).dump().empty());  // whatever bytes the file held
  // /proc/self/stat gives two of the figures.
  EXPECT_EQ(there, broken.file == "proc/self/stat" ? 5 : 6);
}

INSTANTIATE_TEST_SUITE_P(
    MidWindow, BrokenMidway,
    ::testing::Values(
        Broken{"StatVanishes", "proc/stat", ""},
        Broken{"StatIsGarbage", "proc/stat", "cpu0 1 2 x\ncpu1 \xff\xfe\n"},
        Broken{"StatLosesACpu", "proc/stat", "cpu0 1 2 3 4 5 6 7 8 9 10\n"},
        Broken{"StatIsCut", "proc/stat", "cpu0 1 2 3 4 5 6 7 8 9 10\ncpu1 1 2"},
        Broken{"SelfVanishes", "proc/self/stat", ""}, Broken{"SelfIsGarbage", "proc/self/stat", ")(\n)"},
        Broken{"SelfIsCut", "proc/self/stat", "4321 (a) R 1 1 1"},
        Broken{"PressureIsGarbage", "proc/pressure/cpu", "some total=\xff\n"},
        Broken{"ThrottlingVanishes", "sys/fs/cgroup/user.slice/job/cpu.stat", ""},
        Broken{"ThrottlingIsGarbage", "sys/fs/cgroup/user.slice/job/cpu.stat", "nr_throttled many\n"},
        Broken{"HeatIsGarbage", "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "\xfe\n"},
        Broken{"TasksVanish", "proc/self/task", ""}),
    [](const auto& parameter) { return parameter.param.name; });

/// Options of the fake machine with a probe that gives `capacities` one after another, the last for ever.
ObserverOptions with_capacities(FakeMachine& machine, const std::vector<double>& capacities, int* calls) {
  ObserverOptions options = machine.options();
  options.estimate_clock = true;
  options.parallel_capacity = [=](std::span<const int> cpus) {
    EXPECT_THAT(cpus, ElementsAre(0, 1));
    return capacities.at(std::min(static_cast<std::size_t>((*calls)++), capacities.size() - 1));
  };
  return options;
}

TEST(Observer, MeasuresParallelCapacityBeforeAndAfter) {
  FakeMachine machine;
  int calls = 0;
  Observer observer(with_capacities(machine, {0.97, 0.93}, &calls));
  EXPECT_EQ(calls, 1);
  const Observation seen = observer.finish();
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(seen.parallel_capacity_before, 0.97);
  EXPECT_EQ(seen.parallel_capacity_after, 0.93);
}

TEST(Observer, LooksTwiceWhereParallelCapacityIsLow) {
  FakeMachine machine;
  int calls = 0;
  Observer observer(with_capacities(machine, {0.5, 0.96, 0.52, 0.5}, &calls));
  EXPECT_EQ(calls, 2);
  const Observation seen = observer.finish();
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(seen.parallel_capacity_before, 0.96);  // other work, for a moment
  EXPECT_EQ(seen.parallel_capacity_after, 0.52);
}

TEST(Observer, MeasuresParallelCapacityOfTwoCoresAtLeastAndWhereItIsAskedTo) {
  int calls = 0;
  const auto observe = [&](const std::function<void(FakeMachine&, ObserverOptions&)>& change) {
    FakeMachine machine;
    ObserverOptions options = with_capacities(machine, {0.9}, &calls);
    change(machine, options);
    return Observer(options).finish();
  };
  for (const auto& change : std::vector<std::function<void(FakeMachine&, ObserverOptions&)>>{
           [](FakeMachine&machine, ObserverOptions&) {
             machine.write("proc/self/status", "Cpus_allowed_list:\t1\n");
           },
           [](FakeMachine&machine, ObserverOptions&) {
             machine.write("sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0-1\n");
           },
           [](FakeMachine&, ObserverOptions&options) {
             options.capacity_measured = CapacityMeasured::kNever;
           },
           [](FakeMachine&, ObserverOptions&options) { options.estimate_clock = false; },
           [](FakeMachine&, ObserverOptions&options) { options.parallel_capacity = nullptr; }}) {
    const Observation seen = observe(change);
    EXPECT_FALSE(seen.parallel_capacity_before || seen.parallel_capacity_after);
  }
  EXPECT_EQ(calls, 0);
}

TEST(Observer, MeasuresParallelCapacityOfOtherCpusAndOnlyBeforeWhereItIsAskedTo) {
  FakeMachine machine;
  ObserverOptions options = machine.options();
  options.estimate_clock = true;
  options.capacity_cpus = {1, 4, 7};
  options.capacity_measured = CapacityMeasured::kBefore;
  options.parallel_capacity = [](std::span<const int> cpus) {
    EXPECT_THAT(cpus, ElementsAre(1, 4, 7));
    return 0.9;
  };
  const Observation seen = Observer(options).finish();
  EXPECT_EQ(seen.parallel_capacity_before, 0.9);
  EXPECT_FALSE(seen.parallel_capacity_after);
}

TEST(Observer, NamesWhyParallelCapacityIsMissing) {
  FakeMachine machine;
  ObserverOptions options = machine.options();
  options.estimate_clock = true;
  options.parallel_capacity = [](std::span<const int>) -> double {
    throw Error(ErrorCode::kIo, "parallel capacity: a CPU was busy");
  };
  const Observation seen = Observer(options).finish();
  EXPECT_FALSE(seen.parallel_capacity_before || seen.parallel_capacity_after);
  EXPECT_THAT(seen.missing, Contains("parallel capacity: a CPU was busy"));
}

TEST(Observer, GivesTheSameObservationAgain) {
  FakeMachine machine;
  Observer observer(machine.options());
  machine.run_for(1);
  const double seconds = observer.finish().seconds;
  machine.run_for(1);
  EXPECT_EQ(observer.finish().seconds, seconds);
}

TEST(Observer, SurvivesAWindowOfNoTime) {
  FakeMachine machine;
  Observer observer(machine.options());
  const Observation seen = observer.finish();
  EXPECT_EQ(seen.seconds, 0);
  EXPECT_FALSE(seen.steal_share || seen.own_share || seen.pressure_share);
}

TEST(Observer, ObservesThisMachineWithItsThread) {
  Observer observer;
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  const Observation seen = observer.finish();
  EXPECT_GE(seen.seconds, 0.25);
  EXPECT_FALSE(seen.cpus.empty());
  EXPECT_GT(seen.clock_ghz_before.value_or(0), 0.1);
  EXPECT_LT(seen.clock_ghz_before.value_or(99), 20);
  EXPECT_GT(seen.cost_s, 0);
  EXPECT_LT(seen.cost_s, seen.seconds);
}

TEST(Observer, EndsItsThreadThoughNobodyAsksForTheResult) {
  const Observer observer;
  SUCCEED();
}

}  // namespace
}  // namespace octet::lab
