// The recorder's schedule by a clock that is moved by hand, its threads by meters that wait for each other,
// and the model of power.
#include "lab/power/recorder.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "lab/power/cpu_time.h"
#include "lab/power/kinds.h"
#include "lab/power/polling.h"
#include "lab/power/test_meters.h"
#include "lab/support/json.h"
#include "octet/error.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Polling, EachMeterIsReadAtItsOwnInterval) {
  FakeClock clock;
  FakeMeter fast(fake_info(Reads::kPower, 0.1), [] { return 1.0; });
  FakeMeter slow(fake_info(Reads::kPower, 0.4), [] { return 2.0; });
  Polling polling({&fast, &slow}, clock);
  const Nanoseconds stop = clock.now() + nanoseconds(4);
  while (clock.now() < stop) clock.wait_until(polling.poll());
  const std::vector<PowerTrace> traces = polling.traces();
  EXPECT_EQ(traces[0].samples.size(), 40u);
  EXPECT_EQ(traces[1].samples.size(), 10u);
  EXPECT_EQ(traces[0].samples[7].time - traces[0].samples[6].time, nanoseconds(0.1));
}

TEST(Polling, AScheduleThatWasMissedIsNotMadeUpFor) {
  FakeClock clock;
  FakeMeter meter(fake_info(Reads::kPower, 0.1), [] { return 1.0; });
  Polling polling({&meter}, clock);
  polling.poll();
  clock.advance(10);
  const Nanoseconds next = polling.poll();
  EXPECT_GT(next, clock.now());
  EXPECT_LE(next, clock.now() + nanoseconds(0.1));
  EXPECT_EQ(polling.traces()[0].samples.size(), 2u);
}

TEST(Polling, AReadingThatTakesLongIsDatedInItsMiddle) {
  FakeClock clock;
  FakeMeter meter(fake_info(Reads::kPower, 1), [&] {
    clock.advance(0.5);
    return 1.0;
  });
  const Nanoseconds start = clock.now();
  Polling polling({&meter}, clock);
  polling.poll();
  EXPECT_EQ(polling.traces()[0].samples.at(0).time, start + nanoseconds(0.25));
}

TEST(Polling, FailuresAreNotedOnceEachAndAtMostTwenty) {
  FakeClock clock;
  int reading = 0;
  FakeMeter meter(fake_info(Reads::kEnergy, 0.1), [&]() -> double {
    ++reading;
    if (reading >= 3 && reading < 100)
      throw Error(ErrorCode::kIo, fmt::format("broken, {}", reading < 50 ? 0 : reading));
    return reading;
  });
  Polling polling({&meter}, clock);
  for (int i = 0; i < 110; ++i, clock.advance(0.1)) polling.poll();
  const PowerTrace trace = polling.traces()[0];
  EXPECT_EQ(trace.samples.size(), 13u);
  ASSERT_EQ(trace.failures.size(), 21u);
  EXPECT_EQ(trace.failures[0], "0.2 to 4.8 s, 47 times: broken, 0");
  EXPECT_EQ(trace.failures[1], "4.9 s: broken, 50");
  EXPECT_EQ(trace.failures[20], "and 31 more failures");
  EXPECT_EQ(trace.breaks.size(), 1u);
  // Of windows after the failures, none are told.
  const Nanoseconds now = clock.now();
  EXPECT_TRUE(polling.traces(std::vector{Window{now - nanoseconds(0.5), now}})[0].failures.empty());
}

/// Until `done`, or a minute has passed.
template <typename Condition>
bool wait_for(const Condition& done) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!done()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

TEST(Recorder, AMeterThatBlocksDelaysNoOther) {
  std::promise<void> release;
  std::vector<std::unique_ptr<Meter>> meters;
  meters.push_back(std::make_unique<FakeMeter>(
      fake_info(Reads::kPower, 1),
      [future = release.get_future().share()] {
        future.wait();
        return 7.0;
      },
      true));
  meters.push_back(std::make_unique<FakeMeter>(fake_info(Reads::kPower, 0.001), [] { return 1.0; }));
  {
    const Recorder recorder(meters);
    EXPECT_TRUE(wait_for([&] { return recorder.traces()[1].samples.size() >= 20; }));
    EXPECT_TRUE(recorder.traces()[0].samples.empty());
    release.set_value();
    EXPECT_TRUE(wait_for([&] { return !recorder.traces()[0].samples.empty(); }));
    EXPECT_EQ(recorder.traces()[0].samples[0].value, 7);
    EXPECT_GT(recorder.cpu_seconds(), 0);
  }
}

TEST(Recorder, EndsAtOnceHoweverLongTheInterval) {
  std::vector<std::unique_ptr<Meter>> meters;
  meters.push_back(std::make_unique<FakeMeter>(fake_info(Reads::kPower, 3000), [] { return 1.0; }));
  const Recorder recorder(meters);
  EXPECT_TRUE(wait_for([&] { return !recorder.traces()[0].samples.empty(); }));
}

TEST(Recorder, AWindowIsCoveredFromItsBeginningToItsEnd) {
  FakeClock clock;  // stands still, so that the threads read nothing by themselves
  std::atomic<double> joules = 0;
  std::vector<std::unique_ptr<Meter>> meters;
  meters.push_back(
      std::make_unique<FakeMeter>(fake_info(Reads::kEnergy, 0.5), [&] { return joules.load(); }));
  const Recorder recorder(meters, clock);
  const Nanoseconds start = clock.now();
  joules = 10;
  clock.advance(1.4);
  const std::vector windows = {Window{start, clock.now()}};
  const auto energy = energy_of(recorder.traces(windows)[0], windows);
  ASSERT_TRUE(energy);
  EXPECT_NEAR(energy->coverage, 1, 1e-9);
  EXPECT_NEAR(energy->joules, 10, 1e-9);
}

TEST(Recorder, WithoutMetersThereAreNoTraces) {
  const std::vector<std::unique_ptr<Meter>> none;
  const Recorder recorder(none);
  EXPECT_TRUE(recorder.traces().empty());
  EXPECT_TRUE(recorder.traces(std::vector{window(0, 1)}).empty());
}

TEST(MeasureIdle, GivesTheTracesOfTheTimeAndDescribesTheState) {
  FakeClock clock;
  std::vector<std::unique_ptr<Meter>> meters;
  meters.push_back(
      std::make_unique<FakeMeter>(fake_info(Reads::kEnergy, 2), [&] { return 40 * seconds(clock.now()); }));
  const IdleBaseline idle = measure_idle(meters, 5, clock);
  ASSERT_EQ(idle.windows.size(), 1u);
  EXPECT_EQ(idle.windows[0].stop - idle.windows[0].start, nanoseconds(5));
  const auto energy = energy_of(idle.power.at(0), idle.windows);
  ASSERT_TRUE(energy);
  EXPECT_NEAR(energy->watts(), 40, 1e-6);
  EXPECT_THAT(idle.state, StartsWith("this program asleep for 5.0 s; the machine's CPUs busy "));
  EXPECT_THROW(measure_idle(meters, 0, clock), Error);
  EXPECT_THROW(measure_idle(meters, std::nan(""), clock), Error);
}

TEST(PowerModel, RisesWithTheUseOfTheCpus) {
  FakeClock clock;
  MeterOptions options;
  options.power_model = "busy=150.5,idle=60";
  const FoundKind found = find_model(options, clock);
  ASSERT_TRUE(found.status.works) << found.status.why_not;
  Meter& meter = *found.meters[0];
  EXPECT_TRUE(meter.info().modelled);
  EXPECT_THAT(meter.info().scope, HasSubstr("modelled"));
  // Whatever the machine does: between idle and busy, and never less than before.
  meter.start();
  double before = meter.read();
  EXPECT_GE(before, 0);
  for (int i = 0; i < 3; ++i) {
    clock.advance(1000);
    const double now = meter.read();
    EXPECT_GE(now - before, 60'000 - 1e-6);
    before = now;
  }
}

TEST(PowerModel, IllFormedModelsAreRefused) {
  const auto message = [](const char* model) -> std::string {
    MeterOptions options;
    options.power_model = model;
    try {
      find_meters(options);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message("idle=60"), HasSubstr("power model 'idle=60': busy is missing"));
  EXPECT_THAT(message("busy=60"), HasSubstr("idle is missing"));
  EXPECT_THAT(message("idle=60,busy=50"), HasSubstr("busy must be above idle"));
  EXPECT_THAT(message("idle=60,busy=lots"), HasSubstr("expected watts from 0 to 1000000, got 'lots'"));
  EXPECT_THAT(message("idle=60,busy=nan"), HasSubstr("got 'nan'"));
  EXPECT_THAT(message("idle=-1,busy=50"), HasSubstr("got '-1'"));
  EXPECT_THAT(message("idle=1,idle=2,busy=50"), HasSubstr("idle is given twice"));
  EXPECT_THAT(message("sleep=1"), HasSubstr("expected idle=WATTS or busy=WATTS, got 'sleep=1'"));
  EXPECT_THAT(message("60"), HasSubstr("got '60'"));
  EXPECT_THAT(message(","), HasSubstr("expected idle=WATTS"));
}

TEST(CpuTime, BusyIsWhatIsNeitherIdleNorWaitingNorStolen) {
  test::TemporaryDirectory directory;
  const auto file =
      directory.write("stat",
                      "cpu  100 20 30 5000 600 7 8 900 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\ncpu1 1 2 3 4 "
                      "5 6 7 8 0 0\nintr 5\n");
  const CpuTime time = read_cpu_time(file.string());
  EXPECT_EQ(time.cpus, 2);
  EXPECT_NEAR(time.busy_s, 165.0 / static_cast<double>(sysconf(_SC_CLK_TCK)), 1e-9);
  EXPECT_THROW(read_cpu_time(directory.write("other", "memory 5\n").string()), Error);
  EXPECT_THROW(read_cpu_time((directory.path() / "none").string()), Error);
}

TEST(FindMeters, SaysOfEveryKindWhetherItWorksOrWhyNot) {
  MeterOptions nowhere;
  nowhere.rapl_root = "/no/such/powercap";
  nowhere.nvml_library = "libno-such-library.so.1";
  nowhere.ipmitool = "/no/such/ipmitool";
  FoundMeters found = find_meters(nowhere);
  ASSERT_EQ(found.kinds.size(), 5u);
  EXPECT_TRUE(found.meters.empty());
  for (const MeterStatus& status : found.kinds) {
    EXPECT_FALSE(status.works) << status.kind;
    EXPECT_NE(status.why_not, "") << status.kind;
    EXPECT_NE(status.remedy, "") << status.kind;
  }
  nowhere.power_model = "idle=1,busy=2";
  found = find_meters(nowhere);
  ASSERT_EQ(found.meters.size(), 1u);
  EXPECT_EQ(to_json(found.kinds.back())["meters"][0]["modelled"], true);
}

}  // namespace
}  // namespace octet::lab
