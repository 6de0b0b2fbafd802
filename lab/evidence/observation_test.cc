#include "lab/evidence/observation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Observation full() {
  Observation full;
  full.seconds = 2;
  full.cpus = {0, 3};
  full.clock_ghz_before = 3.25;
  full.clock_ghz_after = 3.0;
  full.parallel_capacity_before = 0.98;
  full.parallel_capacity_after = 0.95;
  full.clock_ghz_during = {3.1, 3.2};
  full.steal_share = 0.01;
  full.own_share = 0.9;
  full.other_share = 0.02;
  full.share_resolution = 0.005;
  full.load_before = 0.5;
  full.pressure_share = 0.1;
  full.throttled_periods = 2;
  full.throttled_s = 0.125;
  full.thermal_throttles = 1;
  full.major_faults = 4;
  full.involuntary_switches = 30;
  full.clock_jump_s = 0.001;
  full.worst_gap_s = 0.02;
  full.cost_s = 0.0001;
  full.missing = {"/proc/pressure/cpu: no such file"};
  return full;
}

TEST(Observation, SurvivesJson) {
  const Json json = to_json(full());
  EXPECT_EQ(json.size(), 22u);  // every member
  EXPECT_EQ(to_json(observation_from(Json::parse(json.dump()))).dump(), json.dump());
}

TEST(Observation, LeavesAbsentFiguresOutOfJson) {
  const Json json = to_json(Observation{});
  EXPECT_FALSE(json.contains("steal_share"));
  EXPECT_FALSE(observation_from(json).steal_share.has_value());
}

TEST(Observation, NamesTheKeyThatItCannotRead) {
  const auto message_without = [](const char* key, const char* replacement) -> std::string {
    Json json = to_json(full());
    json.erase(key);
    if (replacement != nullptr) json[key] = Json::parse(replacement);
    try {
      observation_from(json);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kParse);
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message_without("seconds", nullptr), HasSubstr("'seconds'"));
  EXPECT_THAT(message_without("seconds", "\"long\""), HasSubstr("seconds: of the wrong type: \"long\""));
  EXPECT_THAT(message_without("cpus", "[1, \"x\"]"), HasSubstr("cpus"));
  EXPECT_THAT(message_without("steal_share", "[]"), HasSubstr("steal_share"));
  EXPECT_THROW(observation_from(Json::parse("[1]")), Error);
}

TEST(CombinedObservation, WeighsSharesByLengthAndAddsCounts) {
  Observation second = full();
  second.seconds = 6;
  second.steal_share = 0.05;
  second.clock_ghz_before = 2.0;
  second.clock_ghz_after = 2.5;
  second.clock_ghz_during = {2.9};
  second.share_resolution = 0.001;
  second.throttled_periods = 1;
  second.worst_gap_s = 0.5;
  second.missing = {"/proc/pressure/cpu: no such file", "other"};
  const Observation both = combine(std::vector{full(), second});
  EXPECT_DOUBLE_EQ(both.seconds, 8);
  EXPECT_NEAR(both.steal_share.value(), 0.04, 1e-12);
  EXPECT_NEAR(both.own_share.value(), 0.9, 1e-12);
  EXPECT_NEAR(both.share_resolution, 0.002, 1e-12);
  EXPECT_EQ(both.throttled_periods, 3);
  EXPECT_DOUBLE_EQ(both.throttled_s.value(), 0.25);
  EXPECT_EQ(both.clock_ghz_before, 3.25);
  EXPECT_EQ(both.clock_ghz_after, 2.5);
  EXPECT_THAT(both.clock_ghz_during, ElementsAre(3.1, 3.2, 2.9));
  EXPECT_DOUBLE_EQ(both.worst_gap_s, 0.5);
  EXPECT_DOUBLE_EQ(both.cost_s, 0.0002);
  EXPECT_THAT(both.missing, ElementsAre("/proc/pressure/cpu: no such file", "other"));
}

TEST(CombinedObservation, LacksWhatAWindowLacks) {
  Observation second = full();
  second.steal_share.reset();
  second.major_faults.reset();
  const Observation both = combine(std::vector{full(), second});
  EXPECT_FALSE(both.steal_share);
  EXPECT_FALSE(both.major_faults);
  EXPECT_TRUE(both.other_share);
}

TEST(CombinedObservation, HasTheLeastParallelCapacityOfTheRoundsThatMeasuredIt) {
  Observation second = full(), third = full();
  second.parallel_capacity_before = 0.62;
  second.parallel_capacity_after.reset();
  third.parallel_capacity_before.reset();
  third.parallel_capacity_after = 0.97;
  for (const std::vector<Observation>& rounds :
       {std::vector{full(), second, third}, std::vector{third, second, full()}}) {
    const Observation all = combine(rounds);
    EXPECT_EQ(all.parallel_capacity_before, 0.62);
    EXPECT_EQ(all.parallel_capacity_after, 0.95);
  }
  second.parallel_capacity_before.reset();
  EXPECT_FALSE(combine(std::vector{second, second}).parallel_capacity_before);
}

TEST(CombinedObservation, OfOneIsThatOneAndOfNoneAnError) {
  EXPECT_EQ(to_json(combine(std::vector{full()})).dump(), to_json(full()).dump());
  EXPECT_THROW(combine({}), Error);
}

}  // namespace
}  // namespace octet::lab
