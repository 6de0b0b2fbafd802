#include "lab/study/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <map>

#include "lab/bundle/bundle.h"
#include "lab/bundle/record.h"
#include "lab/support/files.h"
#include "lab/support/json.h"
#include "octet/error.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

/// Units whose records anything can be derived from: projections.
std::vector<Unit> made_up_units(int count) {
  std::vector<Unit> units;
  for (int i = 0; i < count; ++i) {
    Unit unit;
    unit.kind = UnitKind::kProjected;
    unit.network = "net" + std::to_string(i);
    unit.precision = "int8";
    unit.target = "tesla-p4";
    unit.key = "projected/" + unit.network + "/int8/tesla-p4";
    unit.depends = "options";
    units.push_back(unit);
  }
  return units;
}

class FakeWorker : public UnitWorker {
 public:
  Json run(const Unit& unit, const std::function<void(double)>& on_progress) override {
    ++runs[unit.key];
    on_progress(0.5);
    if (before) before(unit);
    return {{"network", unit.network},
            {"precision", unit.precision},
            {"target", unit.target},
            {"run", ++total_runs},
            {"rows",
             {{{"batch", 1},
               {"devices", 1},
               {"fits", true},
               {"needed_bytes", 1},
               {"images_per_second", 100.0},
               {"latency_ms", 10.0}}}}};
  }
  double forecast_s(const Unit&) const override { return forecast; }
  void learn(const Unit& unit, const Json&) override { learned.push_back(unit.key); }

  std::function<void(const Unit&)> before;
  std::map<std::string, int> runs;
  std::vector<std::string> learned;
  int total_runs = 0;
  double forecast = 1;
};

class Runner : public ::testing::Test {
 protected:
  StudyReport run() { return run_study(StudyFolder(folder()), config_, units_, worker_, stop_); }
  fs::path folder() const { return directory_.path() / "study"; }
  std::vector<std::string> findings() const {
    std::vector<std::string> texts;
    for (const VerifyFinding& finding : verify_bundle(folder()).findings)
      texts.push_back(finding.file + ": " + finding.text);
    return texts;
  }
  std::string status() const {
    return Json::parse(read_file(folder() / "results.json")).at("study").at("status");
  }
  Json record(std::size_t i) const {
    return Json::parse(read_file(folder() / "records" / record_file_name(units_[i].key)));
  }

  test::TemporaryDirectory directory_;
  StudyConfig config_ = parse_config("", "test", ".");
  std::vector<Unit> units_ = made_up_units(6);
  FakeWorker worker_;
  std::atomic<bool> stop_ = false;
};

TEST_F(Runner, MeasuresEveryUnitAndLeavesAWholeBundle) {
  const StudyReport report = run();
  EXPECT_EQ(report.measured, 6u);
  EXPECT_EQ(report.kept, 0u);
  EXPECT_FALSE(report.interrupted);
  EXPECT_THAT(findings(), IsEmpty());
  EXPECT_EQ(status(), "complete");
  EXPECT_EQ(record(2).at("depends"), "options");
  EXPECT_EQ(record(2).at("kind"), "projected");
  EXPECT_EQ(write_config(load_config(folder() / "study.toml")), write_config(config_));
}

TEST_F(Runner, ASecondRunKeepsWhatIsThereAndDoesWhatChanged) {
  run();
  units_[3].depends = "other options";
  const StudyReport report = run();
  EXPECT_EQ(report.kept, 5u);
  EXPECT_EQ(report.measured, 1u);
  EXPECT_EQ(worker_.runs[units_[3].key], 2);
  EXPECT_EQ(worker_.runs[units_[2].key], 1);
  EXPECT_THAT(findings(), IsEmpty());
}

/// Interrupted in every unit in turn: a valid partial bundle each time, and in the end every unit was
/// recorded by exactly one run that was not disturbed.
TEST_F(Runner, InterruptedAnywhereItLeavesAValidBundleAndGoesOnWithoutLossOrDoubles) {
  for (std::size_t victim = 0; victim < units_.size(); ++victim) {
    const bool throws = victim % 2 == 0;  // given up inside, or noticed only after the unit ended
    worker_.before = [&](const Unit& unit) {
      if (unit.key != units_[victim].key) return;
      stop_ = true;
      if (throws) throw Error(ErrorCode::kInterrupted, "interrupted");
    };
    const StudyReport report = run();
    EXPECT_TRUE(report.interrupted);
    EXPECT_EQ(report.kept + report.measured, victim);
    EXPECT_THAT(findings(), IsEmpty()) << victim;
    EXPECT_EQ(status(), "partial");
    EXPECT_FALSE(fs::exists(folder() / "records" / record_file_name(units_[victim].key)));
    stop_ = false;
    worker_.before = nullptr;
  }
  const StudyReport report = run();
  EXPECT_FALSE(report.interrupted);
  EXPECT_EQ(status(), "complete");
  EXPECT_THAT(findings(), IsEmpty());
  for (std::size_t i = 0; i < units_.size(); ++i) EXPECT_EQ(worker_.runs[units_[i].key], 2) << i;
}

TEST_F(Runner, InterruptedBeforeTheFirstUnitItLeavesAValidEmptyBundle) {
  stop_ = true;
  EXPECT_TRUE(run().interrupted);
  EXPECT_THAT(findings(), IsEmpty());
  EXPECT_EQ(worker_.total_runs, 0);
}

TEST_F(Runner, AUnitThatFailsIsRecordedAndTriedAgainNextTime) {
  worker_.before = [&](const Unit& unit) {
    if (unit.key == units_[1].key) throw Error(ErrorCode::kUnsupported, "no such thing");
    if (unit.key == units_[4].key) throw std::bad_alloc();
  };
  const StudyReport report = run();
  EXPECT_THAT(report.failed,
              ElementsAre(units_[1].key + ": no such thing", units_[4].key + ": out of memory"));
  EXPECT_EQ(report.measured, 4u);
  EXPECT_EQ(record(1).at("outcome"), "failed");
  EXPECT_EQ(record(1).at("network"), "net1");
  EXPECT_THAT(findings(), IsEmpty());
  worker_.before = nullptr;
  EXPECT_EQ(run().measured, 2u);
  EXPECT_EQ(record(1).at("outcome"), "measured");
}

TEST_F(Runner, UnitsBeyondTheTimeLimitsAreNotRunAndSayHowLongTheyWouldTake) {
  config_.limits.unit_s = 5;
  worker_.forecast = 7;
  EXPECT_EQ(run().not_run, 6u);
  EXPECT_EQ(record(0).at("outcome"), "not_run");
  EXPECT_EQ(record(0).at("predicted_s"), 7);
  EXPECT_THAT(findings(), IsEmpty());
  config_.limits.unit_s = 0;
  config_.limits.time_s = 6;
  EXPECT_EQ(run().not_run, 6u);
  config_.limits.time_s = 60;
  EXPECT_EQ(run().measured, 6u);
}

/// A calibration, say, that every integer unit of a network works with.
class PreparingWorker : public FakeWorker {
 public:
  double preparation_s(const Unit& unit) const override { return unit.precision == "int8" ? 10 : 0; }
};

TEST(PlannedTimes, WhatANetworkNeedsOnceIsCountedOnce) {
  PreparingWorker worker;
  std::vector<Unit> units = made_up_units(4);
  units[0].precision = "fp32";
  for (Unit& unit : units) unit.network = "same";
  units[3].network = "other";
  std::vector<double> seconds;
  for (const PlannedTime& time : planned_times(worker, units, 5)) {
    EXPECT_FALSE(time.too_long) << "the limit is of the unit itself";
    seconds.push_back(time.seconds);
  }
  EXPECT_THAT(seconds, ElementsAre(1, 11, 1, 11));
  for (const PlannedTime& time : planned_times(worker, units, 0.5)) {
    EXPECT_TRUE(time.too_long);
    EXPECT_EQ(time.seconds, 1) << "what is not run needs nothing";
  }
}

TEST_F(Runner, ASystemThatFailedBesideOthersIsReportedAndTheUnitCounts) {
  class WithSystems : public FakeWorker {
   public:
    Json run(const Unit& unit, const std::function<void(double)>& on_progress) override {
      Json record = FakeWorker::run(unit, on_progress);
      record["systems"] = {{{"outcome", "failed"}, {"error", "openvino (latency): it died"}}};
      return record;
    }
  } worker;
  const std::vector<Unit> units = made_up_units(1);
  const StudyReport report = run_study(StudyFolder(folder()), config_, units, worker, stop_);
  EXPECT_EQ(report.measured, 1u);
  EXPECT_THAT(report.failed, ElementsAre(units[0].key + ": openvino (latency): it died"));
}

TEST_F(Runner, ARecordWhoseFileIsBrokenIsDoneAgain) {
  run();
  std::ofstream(folder() / "records" / record_file_name(units_[0].key)) << "{\"schema\": ";
  EXPECT_EQ(run().measured, 1u);
  EXPECT_EQ(worker_.runs[units_[0].key], 2);
}

TEST_F(Runner, AKeptRecordTeachesForecasts) {
  run();
  worker_.learned.clear();
  run();
  EXPECT_EQ(worker_.learned.size(), units_.size());
}

TEST_F(Runner, ProgressTellsUnitsAndTimeLeft) {
  std::vector<StudyProgress> seen;
  RunnerCallbacks callbacks;
  callbacks.on_progress = [&](const StudyProgress& progress) { seen.push_back(progress); };
  run_study(StudyFolder(folder()), config_, units_, worker_, stop_, callbacks);
  ASSERT_EQ(seen.size(), 12u);  // at the start and in the middle of each
  EXPECT_EQ(seen.front().units, 6u);
  EXPECT_DOUBLE_EQ(seen.front().left_s, 6);
  EXPECT_DOUBLE_EQ(seen.back().left_s, 0.5);
  EXPECT_EQ(seen.back().done, 5u);
}

/// The disk gives out: a folder appears where a record must be written.
TEST_F(Runner, AWriteThatFailsEndsTheStudyAndLeavesEarlierRecordsAlone) {
  worker_.before = [&](const Unit& unit) {
    if (unit.key == units_[3].key)
      fs::create_directories(folder() / "records" / record_file_name(unit.key) / "in the way");
  };
  EXPECT_THROW(run(), Error);
  EXPECT_EQ(record(0).at("outcome"), "measured");
  EXPECT_EQ(record(2).at("outcome"), "measured");
  EXPECT_EQ(worker_.runs.count(units_[4].key), 0u);
}

TEST_F(Runner, AFolderThatCannotBeUsedIsAnErrorBeforeAnythingIsMeasured) {
  std::ofstream(directory_.path() / "file") << "x";
  EXPECT_THROW(StudyFolder(directory_.path() / "file"), Error);
  EXPECT_THROW(StudyFolder(directory_.path() / "file" / "below"), Error);
  try {
    StudyFolder foreign(directory_.path());
    FAIL() << "took a folder with other files in it";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("there is file in it"));
  }
  EXPECT_EQ(worker_.total_runs, 0);
}

TEST_F(Runner, AReadOnlyFolderIsAnError) {
  if (::geteuid() == 0) GTEST_SKIP() << "root writes everywhere";
  fs::create_directories(folder());
  ::chmod(folder().c_str(), 0555);
  EXPECT_THROW(StudyFolder{folder()}, Error);
  ::chmod(folder().c_str(), 0755);
}

TEST_F(Runner, TwoStudiesDoNotWriteOneFolder) {
  const StudyFolder first(folder());
  try {
    StudyFolder second(folder());
    FAIL() << "two at once";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("another study"));
  }
}

}  // namespace
}  // namespace octet::lab
