// Measurements as JSON: what is written is read again, and what is broken is refused by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/bench/measure.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

Measurement some() {
  Measurement measurement;
  measurement.warmup = {12, 0.5, true};
  measurement.calls = {{10, 20, 4}, {21, 30, 4}, {90, 99, 8}};
  measurement.rounds = {{0, 2}, {2, 1}};
  return measurement;
}

TEST(MeasurementJson, IsReadAsItWasWritten) {
  const Json json = to_json(some());
  EXPECT_EQ(json.dump(), R"({"warmup":{"calls":12,"seconds":0.5,"steady":true},)"
                         R"("calls":{"start_ns":[10,21,90],"stop_ns":[20,30,99],"images":[4,4,8]},)"
                         R"("rounds":[{"first_call":0,"calls":2},{"first_call":2,"calls":1}]})");
  EXPECT_EQ(to_json(measurement_from(json)), json);
  Measurement ended = some();
  ended.error = "worker: ended";
  EXPECT_EQ(measurement_from(to_json(ended)).error, "worker: ended");
}

TEST(MeasurementJson, BrokenOnesAreRefused) {
  const auto refused = [](auto spoil) {
    Json json = to_json(some());
    spoil(json);
    EXPECT_THROW(measurement_from(json), Error) << json;
  };
  refused([](Json& json) { json.erase("warmup"); });
  refused([](Json& json) { json["calls"]["start_ns"].push_back(1); });
  refused([](Json& json) { json["calls"]["stop_ns"][0] = "soon"; });
  refused([](Json& json) { json["rounds"][0]["calls"] = 3; });
  refused([](Json& json) { json["rounds"].erase(1); });
  refused([](Json& json) { json["rounds"][1]["first_call"] = 0; });
  refused([](Json& json) { json["rounds"][1]["calls"] = 0; });
}

TEST(SystemInfoJson, IsReadAsItWasWrittenAndAMissingKeyIsNamed) {
  SystemInfo info;
  info.engine = "openvino";
  info.way = "streams";
  info.max_batch = 32;
  info.memory_bytes = 1ull << 40;
  Json json = to_json(info);
  EXPECT_EQ(to_json(system_info_from(json)), json);
  json.erase("threads");
  try {
    system_info_from(json);
    FAIL() << "threads are missing";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kParse);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("threads"));
  }
}

}  // namespace
}  // namespace octet::lab
