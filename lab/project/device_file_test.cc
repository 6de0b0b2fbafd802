#include <gmock/gmock.h>

#include <functional>

#include "lab/project/device_model.h"
#include "lab/support/files.h"
#include "lab/support/json.h"
#include "octet/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab {
namespace {

using test::message_of;
using testing::HasSubstr;

/// The P40's file with a change.
std::string message_with(const std::function<void(Json&)>& change) {
  Json json = to_json(find_device("tesla-p40"));
  change(json);
  return message_of([&] { parse_device(json.dump(), "gpu.json"); });
}

TEST(DeviceFileTest, WhatIsWrittenIsReadBack) {
  for (const DeviceModel& device : known_devices())
    EXPECT_EQ(to_json(parse_device(to_json(device).dump(), "x")), to_json(device)) << device.name;
}

TEST(DeviceFileTest, AFileNeedsOnlyWhatHasNoDefault) {
  const DeviceModel device = parse_device(
      R"({"name": "x", "units": 4, "clock_mhz": 1000, "memory_gbps": 10, "memory_bytes": 1000,
          "precisions": [{"precision": "bf16", "macs_per_unit_clock": 8, "efficiency": 1, "element_bytes": 2}]})",
      "x.json");
  EXPECT_EQ(device.label, "x");
  EXPECT_EQ(device.max_devices, 1);
  EXPECT_EQ(device.peak(device.precisions[0]), 4 * 1e9 * 8);
  EXPECT_EQ(device.find(Precision::kInt8), nullptr);
}

TEST(DeviceFileTest, MessagesNameFileKeyWhatWasExpectedAndWhatCame) {
  EXPECT_EQ(message_with([](Json& j) { j["units"] = 0; }),
            "gpu.json: units: expected a whole number of 1 to 1000000, got 0");
  EXPECT_EQ(message_with([](Json& j) { j["units"] = 2.5; }),
            "gpu.json: units: expected a whole number of 1 to 1000000, got 2.5");
  EXPECT_THAT(message_with([](Json& j) { j["clock_mhz"] = "fast"; }),
              HasSubstr("gpu.json: clock_mhz: expected a number of 1 to 1e+06, got \"fast\""));
  EXPECT_THAT(message_with([](Json& j) { j["memory_bytes"] = 1e300; }), HasSubstr("memory_bytes: expected"));
  EXPECT_THAT(message_with([](Json& j) { j["name"] = nullptr; }),
              HasSubstr("name: expected a text, got null"));
  EXPECT_THAT(message_with([](Json& j) { j["precisions"][1]["efficiency"] = 1.5; }),
              HasSubstr("gpu.json: precisions[1]: efficiency: expected a number of 0.001 to 1, got 1.5"));
  EXPECT_THAT(message_with([](Json& j) { j["precisions"][1]["precision"] = "int4"; }),
              HasSubstr("precision: expected fp32, bf16 or int8, got \"int4\""));
  EXPECT_THAT(message_with([](Json& j) { j["precisions"][1] = j["precisions"][0]; }),
              HasSubstr("precisions[1]: fp32 is there twice"));
  EXPECT_THAT(message_with([](Json& j) { j["precisions"] = Json::array(); }), HasSubstr("not empty"));
  EXPECT_THAT(message_with([](Json& j) { j.erase("clock_mhz"); }),
              HasSubstr("expected a key 'clock_mhz', there is none"));
}

TEST(DeviceFileTest, AMisspeltKeyIsToldWithTheRightOne) {
  EXPECT_EQ(message_with([](Json& j) { j["launch_su"] = 1; }),
            "gpu.json: unknown key 'launch_su', did you mean 'launch_us'?");
  EXPECT_EQ(message_with([](Json& j) {
              j.erase("clock_mhz");
              j["clock_mzh"] = 1000;
            }),
            "gpu.json: unknown key 'clock_mzh', did you mean 'clock_mhz'?");
  EXPECT_THAT(
      message_with([](Json& j) { j["precisions"][0]["colour"] = 1; }),
      HasSubstr("precisions[0]: unknown key 'colour', expected one of: precision, macs_per_unit_clock"));
}

TEST(DeviceFileTest, WhatIsNoDeviceIsRefused) {
  for (const char* text : {"", "{", "[]", "3", "{}", "{\"name\": \"\xff\"}"})
    EXPECT_THAT(message_of([&] { parse_device(text, "gpu.json"); }), HasSubstr("gpu.json: ")) << text;
}

TEST(FindDeviceTest, TakesANameOrAFileAndSuggestsTheRightName) {
  EXPECT_EQ(find_device("tesla-p4").units, 20);
  test::TemporaryDirectory folder;
  write_file(folder.path() / "d.json", to_json(find_device("tesla-p4")).dump());
  EXPECT_EQ(find_device((folder.path() / "d.json").string()).units, 20);
  EXPECT_THAT(message_of([] { find_device("tesla-p41"); }), HasSubstr("did you mean 'tesla-p40'?"));
  EXPECT_THAT(message_of([] { find_device("none.json"); }), HasSubstr("none.json: no device of this name"));
}

}  // namespace
}  // namespace octet::lab
