#include "lab/study/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "lab/bundle/record.h"

namespace octet::lab {
namespace {

using ::testing::ElementsAre;

StudyConfig small_config() {
  return parse_config(R"(
[throughput]
networks = ["alexnet", "googlenet"]
precisions = ["fp32", "int8"]
batches = [1, 8]
headline_batch = 8
[ladder]
networks = ["googlenet"]
precisions = ["int8"]
[server]
networks = []
[scaling]
networks = ["alexnet"]
precisions = ["int8"]
ranks = [1, 2]
[accuracy]
networks = ["octet-20"]
[calibration]
networks = ["octet-20", "alexnet"]
[layers]
networks = ["alexnet"]
precisions = ["fp32"]
[projection]
networks = ["alexnet"]
precisions = ["int8"]
targets = ["tesla-p4", "/somewhere/my device.json"]
)",
                      "test", ".");
}

std::vector<std::string> keys_of(const std::vector<Unit>& units) {
  std::vector<std::string> keys;
  for (const Unit& unit : units) keys.push_back(unit.key);
  return keys;
}

const PlanMachine kMachine{{"generic", "avx2"}, "this machine"};

TEST(Plan, MostImportantUnitsComeFirst) {
  EXPECT_THAT(
      keys_of(plan_study(small_config(), kMachine)),
      ElementsAre("machine", "throughput/alexnet/fp32/b8", "throughput/alexnet/int8/b8",
                  "calibration/alexnet", "throughput/googlenet/fp32/b8", "throughput/googlenet/int8/b8",
                  "accuracy/octet-20", "calibration/octet-20", "projected/alexnet/int8/tesla-p4",
                  "projected/alexnet/int8/my_device", "throughput/alexnet/fp32/b1",
                  "throughput/alexnet/int8/b1", "layers/alexnet/fp32", "scaling/alexnet/int8/r1",
                  "scaling/alexnet/int8/r2", "throughput/googlenet/fp32/b1", "throughput/googlenet/int8/b1",
                  "ladder/googlenet/int8/generic", "ladder/googlenet/int8/avx2"));
}

TEST(Plan, KeysAreUniqueAndMakeFileNames) {
  for (const StudyConfig& config : {quick_config(), full_config()}) {
    std::set<std::string> names;
    for (const Unit& unit : plan_study(config, kMachine))
      EXPECT_TRUE(names.insert(record_file_name(unit.key)).second) << unit.key;
  }
}

/// Keys whose `depends` differ between two plans.
std::vector<std::string> changed(const StudyConfig& a, const StudyConfig& b) {
  const std::vector<Unit> before = plan_study(a, kMachine), after = plan_study(b, kMachine);
  std::vector<std::string> keys;
  for (const Unit& unit : before)
    for (const Unit& other : after)
      if (unit.key == other.key && unit.depends != other.depends) keys.push_back(unit.key);
  return keys;
}

TEST(Plan, ARecordDependsOnItsOwnOptionsOnly) {
  const StudyConfig config = small_config();
  EXPECT_THAT(changed(config, config), ElementsAre());
  StudyConfig other = config;
  other.ladder.seconds += 1;
  EXPECT_THAT(changed(config, other),
              ElementsAre("ladder/googlenet/int8/generic", "ladder/googlenet/int8/avx2"));
  other = config;
  other.limits.time_s = 10;  // decides what is run, not what it gives
  other.name = "another";
  EXPECT_THAT(changed(config, other), ElementsAre());
  other = config;
  other.accuracy.drawn += 1;
  EXPECT_THAT(changed(config, other), ElementsAre("accuracy/octet-20"));
  other = config;
  other.calibration.method = "entropy";
  const std::vector<std::string> keys = changed(config, other);
  EXPECT_TRUE(std::find(keys.begin(), keys.end(), "throughput/alexnet/int8/b8") != keys.end());
  EXPECT_TRUE(std::find(keys.begin(), keys.end(), "throughput/alexnet/fp32/b8") == keys.end());
}

TEST(Plan, AnotherMachineOrBuildKeepsNoRecord) {
  const std::vector<Unit> here = plan_study(small_config(), kMachine);
  const std::vector<Unit> there = plan_study(small_config(), {kMachine.isas, "another machine"});
  for (std::size_t i = 0; i < here.size(); ++i) EXPECT_NE(here[i].depends, there[i].depends);
}

Unit throughput_unit(const std::string& precision, int batch) {
  return {UnitKind::kThroughput, "throughput", "alexnet", precision, batch};
}

TEST(Forecast, GrowsWithTheBatchAndShrinksWithTheSpeed) {
  const StudyConfig config = small_config();
  const auto work = [](const std::string&) { return NetworkWork{1e10}; };
  const Forecast slow(config, {100, 300}, work), fast(config, {1000, 3000}, work);
  EXPECT_GT(slow.seconds(throughput_unit("fp32", 64)), 2 * slow.seconds(throughput_unit("fp32", 8)));
  EXPECT_GT(slow.seconds(throughput_unit("fp32", 64)), 5 * fast.seconds(throughput_unit("fp32", 64)));
  EXPECT_LT(slow.seconds(throughput_unit("int8", 64)), slow.seconds(throughput_unit("fp32", 64)));
}

TEST(Forecast, ACalibrationIsCountedUntilItIsThere) {
  const StudyConfig config = small_config();
  Forecast forecast(config, {100, 300}, [](const std::string&) { return NetworkWork{1e10, 0, 4}; });
  const Unit integers = throughput_unit("int8", 8);
  EXPECT_EQ(forecast.preparation_s(throughput_unit("fp32", 8)), 0);
  EXPECT_GT(forecast.preparation_s(integers), 1) << "dozens of images of 0.2 s each";
  forecast.learn_calibration("alexnet", 17);
  EXPECT_EQ(forecast.preparation_s(integers), 17);
  forecast.has_calibration("alexnet");
  EXPECT_EQ(forecast.preparation_s(integers), 0);
  EXPECT_EQ(forecast.seconds({UnitKind::kCalibration, "calibration/alexnet", "alexnet"}),
            forecast.seconds({UnitKind::kCalibration, "calibration/vgg-16", "vgg-16"}));
}

TEST(Forecast, AccuracyTakesAsLongAsThereArePictures) {
  const StudyConfig config = small_config();
  const auto seconds = [&](std::size_t pictures) {
    const Forecast forecast(config, {100, 300}, [&](const std::string&) {
      return NetworkWork{1e9, pictures, 4, true};
    });
    return forecast.seconds({UnitKind::kAccuracy, "accuracy/alexnet", "alexnet", "", 25});
  };
  EXPECT_NEAR((seconds(2000) - seconds(1000)) / (seconds(1000) - seconds(0)), 1, 1e-9);
  EXPECT_GT(seconds(50000), 600);
}

TEST(Forecast, TrustsWhatWasMeasured) {
  const StudyConfig config = small_config();
  Forecast forecast(config, {100, 300}, [](const std::string&) { return NetworkWork{1e10}; });
  forecast.learn("alexnet", "fp32", 8, 1.0);  // a second an image
  EXPECT_GT(forecast.seconds(throughput_unit("fp32", 16)), 16.0);
  forecast.learn("alexnet", "fp32", 16, 0.001);
  EXPECT_LT(forecast.seconds(throughput_unit("fp32", 16)), 3.0);
}

}  // namespace
}  // namespace octet::lab
