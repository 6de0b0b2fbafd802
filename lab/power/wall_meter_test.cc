// The file of a wall meter, and its merging by time.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "lab/power/energy.h"
#include "lab/power/kinds.h"
#include "lab/power/recorder.h"
#include "lab/power/test_meters.h"
#include "lab/power/wall_log.h"
#include "octet/error.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab {
namespace {

using ::testing::HasSubstr;

class WallLogTest : public ::testing::Test {
 protected:
  WallLog read(const std::string& text) { return read_wall_log(directory_.write("log.csv", text)); }
  std::string error_of(const std::string& text) {
    try {
      read(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kParse);
      return error.what();
    }
    return "no error";
  }

 private:
  test::TemporaryDirectory directory_;
};

TEST_F(WallLogTest, UnixSecondsAndWatts) {
  const WallLog log = read("time,watts\n1700000000,100\n1700000001.25,101.5\n1700000002.5,99.25\n");
  ASSERT_EQ(log.samples.size(), 3u);
  EXPECT_EQ(log.samples[0].time, 1'700'000'000'000'000'000);
  EXPECT_NEAR(static_cast<double>(log.samples[1].time - log.samples[0].time), 1.25e9, 1000);
  EXPECT_EQ(log.samples[1].value, 101.5);
  EXPECT_NEAR(log.interval_s, 1.25, 1e-6);
  EXPECT_NEAR(log.resolution, 0.01, 1e-12);
}

TEST_F(WallLogTest, ColumnsAreFoundByNameAmongOthers) {
  const WallLog log = read(
      "\xEF\xBB\xBF# logger 7\r\n\r\n\"Outlet, name\",\"Power (W)\",Timestamp\r\n\"a, "
      "b\",12,1700000000\r\n,13,1700000001\r\n");
  ASSERT_EQ(log.samples.size(), 2u);
  EXPECT_EQ(log.samples[1].value, 13);
  EXPECT_EQ(log.resolution, 1);
}

TEST_F(WallLogTest, Iso8601TimesOfAnyZone) {
  const WallLog log = read(
      "time;watts\n2023-11-14T22:13:20Z;1\n2023-11-14 22:13:21.5;2,5\n2023-11-15T00:13:22+02:00;3\n"
      "2023-11-14T17:13:23,25-0500;4\n2023-11-14T21:13:24-01;5\n");
  ASSERT_EQ(log.samples.size(), 5u);
  const double expected[] = {0, 1.5, 2, 3.25, 4};
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_EQ(log.samples[i].time, 1'700'000'000'000'000'000 + nanoseconds(expected[i])) << i;
  EXPECT_EQ(log.samples[1].value, 2.5);
}

TEST_F(WallLogTest, ALastLineThatIsStillBeingWrittenIsLeftOut) {
  EXPECT_EQ(read("time,watts\n1700000000,100\n1700000001,10").samples.size(), 1u);
  EXPECT_EQ(read("time,watts\n").samples.size(), 0u);
}

TEST_F(WallLogTest, GarbageIsAnErrorWithItsLine) {
  EXPECT_THAT(error_of(""),
              HasSubstr("log.csv:1: expected a header line with the columns 'time' and 'watts', got none"));
  EXPECT_THAT(
      error_of("when,watts\n"),
      HasSubstr("log.csv:1: expected a header line with the columns 'time' and 'watts', got no 'time'"));
  EXPECT_THAT(error_of("time,volts\n"), HasSubstr("got no 'watts'"));
  EXPECT_THAT(error_of("1700000000,100\n"), HasSubstr("log.csv:1: expected a header line"));
  const std::string start = "time,watts\n1700000000,100\n";
  EXPECT_THAT(error_of(start + "1700000001\n"), HasSubstr("log.csv:3: expected at least 2 fields"));
  EXPECT_THAT(error_of(start + "1700000001,lots\n"), HasSubstr("log.csv:3: expected watts, got 'lots'"));
  EXPECT_THAT(error_of(start + "1700000001,-1\n"), HasSubstr("log.csv:3: expected watts, got '-1'"));
  EXPECT_THAT(error_of(start + "1700000001,nan\n"), HasSubstr("log.csv:3: expected watts, got 'nan'"));
  EXPECT_THAT(error_of(start + "# remark\n\n1700000000,100\n"),
              HasSubstr("log.csv:5: expected a time after the line's before"));
  EXPECT_THAT(error_of(start + "1699999999,100\n"),
              HasSubstr("log.csv:3: expected a time after the line's before"));
  for (const char* time :
       {"tomorrow", "1700000000000", "-5", "inf", "2023-11-31T00:00:00", "2023-02-29 00:00:00", "2023-11-14",
        "2023-11-14T24:00:00", "2023-11-14T10:61:00", "2023-11-14T10:00:00+99:00", "2023-11-14T10:00:00 X",
        "2023-11-14T10:00:00.", "0001-01-01T00:00:00Z", "2023-11-14T10:00:00+", ""})
    EXPECT_THAT(error_of(start + fmt::format("{},100\n", time)),
                HasSubstr("log.csv:3: expected seconds since 1970 or a time as"))
        << time;
}

/// Writes samples of a steady power around the present.
std::string log_around_now(double watts, double shift_s) {
  std::string text = "time,watts\n";
  const double now = seconds(system_clock().now() + unix_offset()) + shift_s;
  for (int i = -20; i <= 20; ++i) text += fmt::format("{:.6f},{}\n", now + i, watts);
  return text;
}

TEST(WallMeter, IsMergedByTimeWithoutBeingPolled) {
  test::TemporaryDirectory directory;
  MeterOptions options;
  options.wall_csv =
      directory.write("meter.csv", "time,watts\n").string();  // the meter's software has just begun
  const FoundKind found = find_wall(options);
  EXPECT_TRUE(found.status.works);
  EXPECT_EQ(found.meters[0]->info().id, "wall:meter.csv");
  const Recorder recorder(found.meters);
  std::ofstream(options.wall_csv) << log_around_now(230, 0);
  const Nanoseconds now = system_clock().now();
  const std::vector windows = {Window{now - nanoseconds(7.5), now - nanoseconds(2.5)}};
  const PowerTrace trace = recorder.traces(windows).front();
  EXPECT_TRUE(trace.failures.empty());
  EXPECT_LE(trace.samples.size(), 10u);
  const auto energy = energy_of(trace, windows);
  ASSERT_TRUE(energy);
  EXPECT_NEAR(energy->watts(), 230, 1e-6);
  EXPECT_NEAR(energy->coverage, 1, 1e-9);
  EXPECT_NEAR(energy->sampling_hz, 1, 1e-3);
}

TEST(WallMeter, AnotherClockIsShifted) {
  test::TemporaryDirectory directory;
  MeterOptions options;
  options.wall_csv = directory.write("meter.csv", log_around_now(230, -3600)).string();
  const Nanoseconds now = system_clock().now();
  const std::vector windows = {Window{now - nanoseconds(7.5), now - nanoseconds(2.5)}};
  {
    const FoundKind found = find_wall(options);
    const PowerTrace trace = Recorder(found.meters).traces(windows).front();
    ASSERT_EQ(trace.failures.size(), 1u);
    EXPECT_THAT(trace.failures[0], HasSubstr("do not meet the recording's"));
    EXPECT_THAT(trace.failures[0], HasSubstr("--wall-shift"));
    EXPECT_FALSE(energy_of(trace, windows));
  }
  options.wall_shift_s = 3600;
  const FoundKind found = find_wall(options);
  EXPECT_TRUE(energy_of(Recorder(found.meters).traces(windows).front(), windows));
}

TEST(WallMeter, AFileThatIsSpoiltMeanwhileIsAFailureOfItsTraceOnly) {
  test::TemporaryDirectory directory;
  MeterOptions options;
  options.wall_csv = directory.write("meter.csv", log_around_now(230, 0)).string();
  FoundKind found = find_wall(options);
  found.meters.push_back(std::make_unique<FakeMeter>(fake_info(Reads::kPower), [] { return 5.0; }));
  const Recorder recorder(found.meters);
  directory.write("meter.csv", "time,watts\nnonsense\n");
  std::vector<PowerTrace> traces = recorder.traces();
  ASSERT_EQ(traces.size(), 2u);
  EXPECT_TRUE(traces[0].samples.empty());
  EXPECT_THAT(traces[0].failures.at(0), HasSubstr("meter.csv:2: "));
  EXPECT_FALSE(traces[1].samples.empty());
  std::filesystem::remove(options.wall_csv);
  EXPECT_THAT(recorder.traces()[0].failures.at(0), HasSubstr("no such file"));
}

TEST(WallMeter, NoFileIsExplainedAndAWrongOneIsAnError) {
  MeterOptions options;
  EXPECT_FALSE(find_wall(options).status.works);
  EXPECT_THAT(find_wall(options).status.remedy, HasSubstr("--wall-meter"));
  options.wall_csv = "/no/such/meter.csv";
  EXPECT_THROW(find_meters(options), Error);
  options.wall_csv.clear();
  options.wall_shift_s = 1e300;
  EXPECT_THROW(find_meters(options), Error);
}

}  // namespace
}  // namespace octet::lab
