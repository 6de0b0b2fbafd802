// Which meters are added, which is quoted, and the JSON of a row.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/power/energy.h"
#include "lab/power/test_meters.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using ::testing::ElementsAre;

PowerTrace meter(const std::string& id, double watts, double until = 10) {
  PowerTrace trace = sampled(Reads::kEnergy, 0, until, 0.1, [=](double t) { return watts * t; });
  trace.meter.id = id;
  trace.meter.kind = id.substr(0, id.find(':'));
  trace.meter.modelled = id == "model";
  return trace;
}

std::vector<std::string> kinds(const std::vector<KindEnergy>& rows) {
  std::vector<std::string> names;
  for (const KindEnergy& row : rows) names.push_back(row.kind);
  return names;
}

const std::vector kWindows = {window(2, 8)};

TEST(EnergyByKind, PackagesAndDramAddUpAndKindsStayApart) {
  const std::vector power = {meter("rapl:package-0", 80), meter("rapl:package-0:dram", 5),
                             meter("rapl:package-1", 70), meter("wall:log.csv", 250)};
  const auto rows = energy_by_kind(power, kWindows);
  ASSERT_THAT(kinds(rows), ElementsAre("wall", "rapl"));
  EXPECT_NEAR(rows[0].energy.watts(), 250, 1e-6);
  EXPECT_NEAR(rows[1].energy.watts(), 155, 1e-6);
  EXPECT_THAT(rows[1].meters, ElementsAre("rapl:package-0", "rapl:package-0:dram", "rapl:package-1"));
}

TEST(EnergyByKind, WhatSeesMostComesFirstAndAModelAfterMeasurements) {
  const std::vector power = {meter("model", 100), meter("nvml:0", 60), meter("rapl:package-0", 80),
                             meter("ipmi", 240), meter("wall:log.csv", 250)};
  EXPECT_THAT(kinds(energy_by_kind(power, kWindows)), ElementsAre("wall", "ipmi", "rapl", "model", "nvml"));
  EXPECT_THAT(kinds(energy_by_kind(power, kWindows, WorkingDevice::kGpu)),
              ElementsAre("wall", "ipmi", "nvml", "model", "rapl"));
  EXPECT_TRUE(energy_by_kind(power, kWindows)[3].modelled);
}

TEST(EnergyByKind, AMeterThatSawLittleGivesWayToOneThatSawAll) {
  const std::vector power = {meter("wall:log.csv", 250, 5), meter("rapl:package-0", 80), meter("model", 90)};
  EXPECT_THAT(kinds(energy_by_kind(power, kWindows)), ElementsAre("rapl", "wall", "model"));
}

TEST(EnergyByKind, AKindThatLacksAPartIsNotQuotedAsTheWhole) {
  const std::vector power = {meter("rapl:package-0", 80), meter("rapl:package-1", 70, 1), meter("ipmi", 240)};
  EXPECT_THAT(kinds(energy_by_kind(power, kWindows)), ElementsAre("ipmi"));
  EXPECT_TRUE(energy_by_kind({}, kWindows).empty());
}

TEST(EnergyRow, HasTheKeysOfResultsAndTheOtherKindsBeside) {
  const std::vector power = {meter("rapl:package-0", 150), meter("wall:log.csv", 300)};
  const std::vector idle = {meter("rapl:package-0", 50), meter("wall:log.csv", 200)};
  const Json row = energy_row(1200, power, kWindows, idle, std::vector{window(1, 9)});
  EXPECT_EQ(row["meters"], Json({"wall:log.csv"}));
  EXPECT_EQ(row["kind"], "wall");
  EXPECT_EQ(row["modelled"], false);
  EXPECT_NEAR(row["watts"].get<double>(), 300, 1e-6);
  EXPECT_NEAR(row["idle_watts"].get<double>(), 200, 1e-6);
  EXPECT_NEAR(row["images_per_joule"].get<double>(), 200.0 / 300, 1e-9);
  EXPECT_NEAR(row["images_per_joule_above_idle"].get<double>(), 2, 1e-6);
  EXPECT_NEAR(row["coverage"].get<double>(), 100, 1e-6);
  EXPECT_NEAR(row["sampling_hz"].get<double>(), 10, 1e-6);
  for (const char* key : {"watts_uncertainty", "images_per_joule_uncertainty", "above_idle_uncertainty"})
    EXPECT_TRUE(row.contains(key)) << key;
  ASSERT_EQ(row["others"].size(), 1u);
  EXPECT_NEAR(row["others"][0]["images_per_joule_above_idle"].get<double>(), 2, 1e-6);
}

TEST(EnergyRow, SaysWhatTheGpusDid) {
  PowerTrace gpu = meter("nvml:0", 200);
  BoardState state;
  state.sm_mhz = 1531;
  state.busy_share = 0.75;
  state.reasons = 0x4;
  for (const PowerSample& sample : gpu.samples) gpu.board.push_back({sample.time, state});
  const std::vector power = {gpu, meter("rapl:package-0", 80)};
  const Json row = energy_row(1200, power, kWindows, {}, {}, WorkingDevice::kGpu);
  EXPECT_EQ(row["kind"], "nvml");
  EXPECT_EQ(row["boards"], Json::parse(R"([{"id": "nvml:0", "sm_mhz": 1531.0, "busy": 75.0, "slowed": 0.0,
                                            "reasons": ["power limit"]}])"));
  EXPECT_FALSE(row["others"][0].contains("boards"));
}

TEST(EnergyRow, WithoutAnIdleBaselineOnlyGrossFiguresAreGiven) {
  const std::vector power = {meter("model", 150)};
  const Json row = energy_row(1200, power, kWindows, {}, {});
  EXPECT_EQ(row["modelled"], true);
  EXPECT_TRUE(row.contains("images_per_joule"));
  for (const char* key : {"idle_watts", "images_per_joule_above_idle", "above_idle_uncertainty", "others"})
    EXPECT_FALSE(row.contains(key)) << key;
  // The idle power of other meters is none of theirs.
  const std::vector other = {meter("ipmi", 100)};
  EXPECT_FALSE(energy_row(1200, power, kWindows, other, kWindows).contains("idle_watts"));
  EXPECT_TRUE(energy_row(1200, {}, kWindows, {}, {}).is_null());
}

TEST(Sum, AddsUncertaintiesInQuadratureAndKeepsTheWorstCoverage) {
  const std::vector parts = {Energy{100, 3, 10, 1, 10}, Energy{50, 4, 10, 0.5, 1}};
  const Energy total = sum(parts);
  EXPECT_DOUBLE_EQ(total.joules, 150);
  EXPECT_DOUBLE_EQ(total.uncertainty_joules, 5);
  EXPECT_DOUBLE_EQ(total.seconds, 10);
  EXPECT_DOUBLE_EQ(total.coverage, 0.5);
  EXPECT_DOUBLE_EQ(total.sampling_hz, 1);
  EXPECT_EQ(sum({}).joules, 0);
}

TEST(TraceJson, ATraceComesBackAsItWas) {
  PowerTrace trace = meter("rapl:package-0", 0.1, 1);
  trace.meter.resolution = 61e-6;
  trace.meter.relative_error = 0.02;
  trace.meter.averaging_s = 0.001;
  trace.failures = {"0.3 s: gone"};
  trace.breaks = {nanoseconds(0.3)};
  const Json json = to_json(trace);
  EXPECT_EQ(to_json(power_trace_from(Json::parse(json.dump()))), json);
  EXPECT_EQ(power_trace_from(json).samples.size(), 11u);
}

TEST(TraceJson, WhatIsBrokenIsNamed) {
  const Json good = to_json(meter("model", 10, 1));
  const auto message = [](const Json& json) -> std::string {
    try {
      power_trace_from(json);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kParse);
      return error.what();
    }
    return "no error";
  };
  using ::testing::HasSubstr;
  Json bad = good;
  bad["time_ns"].erase(0);
  EXPECT_THAT(message(bad),
              HasSubstr("power trace of model: expected as many values as times, got 11 and 10"));
  bad = good;
  bad["time_ns"][4] = 0;
  EXPECT_THAT(message(bad), HasSubstr("time_ns[4]: expected more than 300000000, got 0"));
  bad = good;
  bad["meter"].erase("interval_s");
  EXPECT_THAT(message(bad), HasSubstr("interval_s"));
  bad = good;
  bad["meter"]["reads"] = "volts";
  EXPECT_THAT(message(bad), HasSubstr("expected 'energy' or 'power', got 'volts'"));
  EXPECT_NE(message(Json(3)), "no error");
}

}  // namespace
}  // namespace octet::lab
