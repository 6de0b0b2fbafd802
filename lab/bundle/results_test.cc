#include "lab/bundle/results.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <regex>
#include <set>

#include "lab/bench/measure.h"
#include "lab/bundle/json_text.h"
#include "lab/bundle/test_bundle.h"
#include "lab/support/files.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using test::test_header;
using test::test_records;
using ::testing::HasSubstr;

Json results_of(const std::vector<Json>& records) { return derive_results(test_header(), records); }

const Json& results() {
  static const Json json = results_of(test_records());
  return json;
}

/// The row of a section with this record, engine and way.
const Json& row(const Json& section, const std::string& record, const std::string& engine = "",
                const std::string& way = "") {
  for (const Json& each : section)
    if (each["record"] == record && (engine.empty() || (each["engine"] == engine && each["way"] == way)))
      return each;
  throw std::runtime_error("no row " + record);
}

Json& record(std::vector<Json>& records, const std::string& key) {
  for (Json& each : records)
    if (each["key"] == key) return each;
  throw std::runtime_error("no record " + key);
}

TEST(Results, AreTheSameBytesFromTheSameRecords) {
  EXPECT_EQ(format_json(results_of(test_records())), format_json(results_of(test_records())));
}

TEST(Results, DoNotDependOnTheOrderOfRecordsBeyondTheirKeys) {
  std::vector<Json> records = test_records();
  std::reverse(records.begin(), records.end());
  EXPECT_EQ(format_json(results_of(records)["throughput"]), format_json(results()["throughput"]));
}

TEST(Results, EveryOutcomeIsARowWithItsFigures) {
  const Json& section = results()["throughput"];
  EXPECT_EQ(row(section, "throughput/alexnet/int8/b8")["outcome"], "measured");
  const Json& large = row(section, "throughput/alexnet/int8/b4096");
  EXPECT_EQ(large["outcome"], "does_not_fit");
  EXPECT_EQ(large["needed_bytes"], 12'884'901'888);
  EXPECT_EQ(large["limit_bytes"], 8'589'934'592);
  EXPECT_EQ(row(section, "throughput/alexnet/int8/b2048")["predicted_s"], 61.5);
  EXPECT_EQ(row(section, "throughput/alexnet/int8/b1024")["error"], "made up: a fault of the test's");
  const Json& peer = row(section, "throughput/resnet-50/int8/b8", "openvino", "streams");
  EXPECT_EQ(peer["outcome"], "failed");
  EXPECT_THAT(peer["error"].get<std::string>(), HasSubstr("the worker ended"));
}

TEST(Results, AThroughputRowIsWhatTheBenchSaysOfItsSamples) {
  const std::vector<Json> records = test_records();
  const Json& entry = std::find_if(records.begin(), records.end(), [](const Json& each) {
                        return each["key"] == "throughput/alexnet/int8/b8";
                      })->at("systems")[0];
  const Measurement measurement = measurement_from(entry);
  const Json& made = row(results()["throughput"], "throughput/alexnet/int8/b8");
  EXPECT_EQ(made["images_per_second"]["median"].get<double>(), median(window_rates(measurement)));
  EXPECT_EQ(made["total_images_per_second"].get<double>(), total_rate(measurement));
  EXPECT_EQ(made["latency_ms"]["p99"].get<double>(), latency(measurement).p99);
  EXPECT_EQ(made["calls"], measurement.calls.size());
  EXPECT_EQ(made["verdict"], "VALID");
}

TEST(Results, RowsAreInOrderOfNetworkPrecisionAndBatchAsANumber) {
  std::vector<std::string> octet;
  for (const Json& each : results()["throughput"])
    if (each["network"] == "alexnet") octet.push_back(each["record"].get<std::string>());
  EXPECT_EQ(octet, (std::vector<std::string>{"throughput/alexnet/fp32/b1", "throughput/alexnet/fp32/b8",
                                             "throughput/alexnet/fp32/b32", "throughput/alexnet/int8/b1",
                                             "throughput/alexnet/int8/b8", "throughput/alexnet/int8/b32",
                                             "throughput/alexnet/int8/b1024", "throughput/alexnet/int8/b2048",
                                             "throughput/alexnet/int8/b4096"}));
}

TEST(Results, InvalidRowsAreShownAndLeftOutOfRatios) {
  const Json& invalid = row(results()["throughput"], "throughput/googlenet/fp32/b32");
  EXPECT_EQ(invalid["verdict"], "INVALID");
  EXPECT_EQ(invalid["reasons"][0]["code"], "clock-jump");
  for (const Json& each : results()["speedups"])
    EXPECT_FALSE(each["network"] == "googlenet" && each["batch"] == 32) << each;
  EXPECT_EQ(results()["speedups"].size(), 8u);  // 3 networks x 3 batches less that one
}

TEST(Results, SpeedupIsTheRatioOfMediansWithinItsInterval) {
  for (const Json& each : results()["speedups"]) {
    const double expected = each["network"] == "alexnet" ? 230.0 / 80 : 0;
    if (expected == 0) continue;
    EXPECT_NEAR(each["ratio"]["median"].get<double>(), expected, 0.03);
    EXPECT_LE(each["ratio"]["ci95"][0], each["ratio"]["median"]);
    EXPECT_GE(each["ratio"]["ci95"][1], each["ratio"]["median"]);
  }
}

TEST(Results, ComparisonsAreOctetOverEachPeerThatWasMeasured) {
  const Json& section = results()["comparisons"];
  ASSERT_EQ(section.size(), 12u);  // 2 precisions x 3 batches x 2 peers
  for (const Json& each : section) {
    EXPECT_EQ(each["network"], "resnet-50");
    EXPECT_EQ(each["rounds"], 8);
    EXPECT_NEAR(each["ratio"]["median"].get<double>(), each["engine"] == "onnxruntime" ? 1 / 0.7 : 1 / 0.95,
                0.02);
  }
}

TEST(Results, LadderRisesFromGenericAndSaysWhatTheMachineLacks) {
  const Json& section = results()["ladder"];
  ASSERT_EQ(section.size(), 5u);
  EXPECT_EQ(section[0]["isa"], "generic");
  EXPECT_EQ(section[0]["relative"], 1.0);
  EXPECT_NEAR(section[3]["relative"].get<double>(), 207.0 / 9, 0.5);
  EXPECT_EQ(section[4]["isa"], "amx");
  EXPECT_EQ(section[4]["reason"], "the CPU lacks amx");
}

TEST(Results, TheHighestRateIsThatOfTheTrialsThatKeptTheBound) {
  const Json& server = results()["server"][0];
  double highest = 0;
  for (const Json& trial : server["trials"])
    if (trial["kept"].get<bool>()) highest = std::max(highest, trial["qps"].get<double>());
  EXPECT_EQ(server["highest_qps"].get<double>(), highest);
  EXPECT_NEAR(highest, 0.9 * 96, 0.1);
  EXPECT_FALSE(server["trials"][1]["kept"].get<bool>());
}

TEST(Results, ScalingHasEfficiencyAgainstOneRankAndTheFailedPoint) {
  const Json& series = results()["scaling"][0];
  ASSERT_EQ(series["rows"].size(), 3u);
  EXPECT_EQ(series["rows"][0]["efficiency"], 100.0);
  EXPECT_NEAR(series["rows"][1]["efficiency"].get<double>(), 98, 1);
  EXPECT_GT(series["rows"][1]["energy"]["watts"].get<double>(), 0);
  EXPECT_EQ(series["rows"][2]["ranks"], 4);
  EXPECT_EQ(series["rows"][2]["outcome"], "failed");
}

TEST(Results, ScalingWithoutOneRankHasNoEfficiency) {
  std::vector<Json> records = test_records();
  std::erase_if(records, [](const Json& each) { return each["key"] == "scaling/googlenet/int8/r1"; });
  const Json series = results_of(records)["scaling"][0];
  EXPECT_FALSE(series["rows"][0].contains("efficiency"));
}

TEST(Results, EnergyIsOverTheRoundsAndAboveIdle) {
  const Json& energy = row(results()["throughput"], "throughput/alexnet/int8/b8")["energy"];
  EXPECT_NEAR(energy["watts"].get<double>(), 62 * 1.1, 0.01);
  EXPECT_NEAR(energy["idle_watts"].get<double>(), 18 * 1.1, 0.01);
  const double rate = row(results()["throughput"], "throughput/alexnet/int8/b8")["total_images_per_second"];
  EXPECT_NEAR(energy["images_per_joule"].get<double>(), rate / (62 * 1.1), 0.01);
  EXPECT_NEAR(energy["images_per_joule_above_idle"].get<double>(), rate / (44 * 1.1), 0.02);
}

TEST(Results, WithoutMetersEnergyIsNull) {
  std::vector<Json> records = test_records();
  for (Json& each : records)
    if (each["kind"] == "throughput" && each.contains("systems"))
      for (Json& system : each["systems"]) system.erase("power");
  EXPECT_TRUE(row(results_of(records)["throughput"], "throughput/alexnet/int8/b8")["energy"].is_null());
}

TEST(Results, AccuracyPairsEveryPrecisionWithTheFirst) {
  const Json& accuracy = row(results()["accuracy"], "accuracy/octet-20");
  ASSERT_EQ(accuracy["results"].size(), 2u);
  EXPECT_EQ(accuracy["results"][0]["agreement"], 100.0);
  const Json& pair = accuracy["paired"][0];
  EXPECT_EQ(pair["precision"], "int8");
  EXPECT_EQ(pair["against"], "fp32");
  EXPECT_NEAR(pair["delta_top1"].get<double>(),
              accuracy["results"][1]["top1"].get<double>() - accuracy["results"][0]["top1"].get<double>(),
              1e-9);
}

TEST(Results, TheWaterfallOfALayersRowEndsAtTheTimeMeasured) {
  const Json& layers = row(results()["layers"], "layers/alexnet/int8");
  ASSERT_FALSE(layers["waterfall"].empty());
  EXPECT_NEAR(layers["waterfall"].back()["ms"].get<double>(), layers["whole_ms"].get<double>(), 1e-9);
}

TEST(Results, TheVerdictCountsRowsAndNamesTheGravest) {
  const Json& verdict = results()["verdict"];
  EXPECT_EQ(verdict["verdict"], "INVALID");
  EXPECT_EQ(verdict["counts"]["INVALID"], 1);
  EXPECT_EQ(verdict["counts"]["SUSPECT"], 1);
  std::set<std::string> codes;
  for (const Json& reason : verdict["reasons"]) codes.insert(reason["code"].get<std::string>());
  EXPECT_EQ(codes, (std::set<std::string>{"clock-jump", "steal"}));
}

TEST(Results, AStudyIsPartialUntilEveryPlannedRecordIsThere) {
  EXPECT_EQ(results()["study"]["status"], "partial");
  EXPECT_EQ(results()["study"]["missing"], Json({"server/alexnet/int8"}));
  StudyHeader header = test_header();
  header.planned.pop_back();
  header.planned.pop_back();
  const Json whole = derive_results(header, test_records());
  EXPECT_EQ(whole["study"]["status"], "complete");
  EXPECT_EQ(whole["study"]["unplanned"].size(), 1u);
}

TEST(Results, OfNoRecordsAreEmptySections) {
  const Json none = results_of({});
  EXPECT_EQ(none["throughput"], Json::array());
  EXPECT_FALSE(none.contains("machine"));
  EXPECT_EQ(none["verdict"]["verdict"], "VALID");
  EXPECT_EQ(derive_csv(none).size(), derive_csv(results()).size());
}

TEST(Results, AGpuThatWasSlowedDownMakesItsRowSuspectAndIsDescribed) {
  const std::string key = "throughput/alexnet/int8/b8";
  std::vector<Json> records = test_records();
  for (Json& system : record(records, key)["systems"]) {
    Json& trace = system["power"][0];
    const std::vector<int> hot(trace["time_ns"].size(), 0x20), unknown(hot.size(), 1);
    trace["meter"]["scope"] = "GPU 0 (Tesla P4)";
    trace["board"] = {{"time_ns", trace["time_ns"]}, {"performance_state", unknown}, {"sm_mhz", unknown},
                      {"celsius", unknown},          {"busy_share", unknown},        {"reasons", hot}};
  }
  EXPECT_FALSE(row(results()["throughput"], key)["energy"].contains("boards"));
  const Json derived = results_of(records);
  const Json& slowed = row(derived["throughput"], key);
  EXPECT_EQ(slowed["verdict"], "SUSPECT");
  EXPECT_EQ(slowed["reasons"].back()["code"], "gpu-throttled");
  EXPECT_THAT(slowed["reasons"].back()["text"].get<std::string>(),
              HasSubstr("GPU 0 (Tesla P4) was slowed down in"));
  EXPECT_EQ(slowed["energy"]["boards"][0]["slowed"], 100);
}

TEST(Results, RecordsOfSeveralBuildsAreSaidToBe) {
  std::vector<Json> records = test_records();
  record(records, "accuracy/octet-20")["octet"]["revision"] = "ffffffffffff";
  EXPECT_FALSE(results().contains("builds"));
  EXPECT_EQ(results_of(records)["builds"].size(), 2u);
}

struct BadRecord {
  const char* name;
  const char* key;
  std::function<void(Json&)> spoil;
  const char* message;
};
class BadRecords : public ::testing::TestWithParam<BadRecord> {};

TEST_P(BadRecords, AreRefusedNamingTheRecordAndTheKey) {
  std::vector<Json> records = test_records();
  GetParam().spoil(record(records, GetParam().key));
  try {
    results_of(records);
    FAIL() << "derived";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kParse);
    EXPECT_THAT(error.what(), HasSubstr(GetParam().key));
    EXPECT_THAT(error.what(), HasSubstr(GetParam().message));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Results, BadRecords,
    ::testing::Values(
        BadRecord{"NoSystems", "throughput/alexnet/int8/b8", [](Json& r) { r.erase("systems"); },
                  "expected the key 'systems'"},
        BadRecord{"SystemsOfAnotherType", "throughput/alexnet/int8/b8", [](Json& r) { r["systems"] = 3; },
                  "systems: expected a list, got 3"},
        BadRecord{"NoCalls", "throughput/alexnet/int8/b8", [](Json& r) { r["systems"][0].erase("calls"); },
                  "systems[0]"},
        BadRecord{"BatchIsAText", "throughput/alexnet/int8/b8", [](Json& r) { r["batch"] = "8"; }, "batch"},
        BadRecord{"InfoWithoutEngine", "throughput/alexnet/int8/b8",
                  [](Json& r) { r["systems"][0]["info"].erase("engine"); }, "systems[0].info"},
        BadRecord{"ObservationIsAText", "throughput/alexnet/int8/b8",
                  [](Json& r) { r["systems"][0]["observation"][1] = "quiet"; }, "systems[0].observation[1]"},
        BadRecord{"PowerTimesFall", "throughput/alexnet/int8/b8",
                  [](Json& r) { r["systems"][0]["power"][0]["time_ns"][1] = 0; }, "systems[0].power[0]"},
        BadRecord{"LadderOfTwoSystems", "ladder/alexnet/int8/avx2",
                  [](Json& r) { r["systems"].push_back(r["systems"][0]); }, "a list of one system"},
        BadRecord{"TrialWithoutEnds", "server/googlenet/int8",
                  [](Json& r) { r["trials"][0]["done_ns"].clear(); }, "trials[0]"},
        BadRecord{"RankWithoutCalls", "scaling/googlenet/int8/r2",
                  [](Json& r) { r["per_rank"][1].erase("calls"); }, ""},
        BadRecord{"FewerPredictionsThanLabels", "accuracy/octet-20",
                  [](Json& r) { r["results"][1]["top1"].erase(0); }, "a list of 400 integers"},
        BadRecord{"NegativeRank", "accuracy/octet-20", [](Json& r) { r["results"][1]["rank"][0] = -1; },
                  "results[1].rank"},
        BadRecord{"LayerWithoutSamples", "layers/alexnet/int8",
                  [](Json& r) { r["layers"][0]["busy_ms"] = Json::array(); }, "busy_ms"},
        BadRecord{"ThresholdIsAText", "calibration/alexnet",
                  [](Json& r) { r["tensors"][0]["scale"] = "large"; }, "tensors[0].scale"},
        BadRecord{"IdleWithoutWindows", "machine", [](Json& r) { r["idle"].erase("windows"); }, "windows"}),
    [](const auto& test) { return std::string(test.param.name); });

// Every key of results.json, under the bullet of its section in docs/study-bundle.md.

using Words = std::set<std::string>;

Words identifiers(const std::string& text) {
  Words words;
  static const std::regex kWord("[A-Za-z][A-Za-z0-9_]*");
  for (std::sregex_iterator word(text.begin(), text.end(), kWord), end; word != end; ++word)
    words.insert(word->str());
  return words;
}

Words code_of(const std::string& text) {
  Words words;
  static const std::regex kCode("`([^`]*)`");
  for (std::sregex_iterator code(text.begin(), text.end(), kCode), end; code != end; ++code)
    words.merge(identifiers((*code)[1]));
  return words;
}

void collect_keys(const Json& json, Words& keys) {
  if (json.is_object())
    for (const auto& [key, value] : json.items()) keys.insert(key);
  if (json.is_structured())
    for (const Json& item : json) collect_keys(item, keys);
}

TEST(Results, HaveNoKeyThatTheDocumentationDoesNotDescribe) {
  const std::string text = read_file("docs/study-bundle.md");
  const std::size_t start = text.find("## results.json"), stop = text.find("## manifest.json");
  ASSERT_NE(start, std::string::npos);
  ASSERT_NE(stop, std::string::npos);
  const std::string chapter = text.substr(start, stop - start);
  const Words documented = code_of(chapter);
  for (const auto& [section, value] : results().items()) {
    EXPECT_TRUE(documented.contains(section)) << section;
    Words keys;
    collect_keys(value, keys);
    for (const std::string& key : keys) EXPECT_TRUE(documented.contains(key)) << section << ": " << key;
  }
}

}  // namespace
}  // namespace octet::lab
