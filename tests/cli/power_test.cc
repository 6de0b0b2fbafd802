// octet power: meters that work, meters that do not and why, power at rest; bad options.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

namespace octet::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

/// No meter of this machine's, whatever it has.
std::vector<std::string> power(const std::vector<std::string>& more) {
  std::map<std::string, std::string> places = {{"--rapl-root", "/no/such/powercap"},
                                               {"--nvml-library", "libno-such-library.so.1"},
                                               {"--ipmitool", "/no/such/ipmitool"}};
  for (std::size_t i = 0; i + 1 < more.size(); ++i) places.erase(more[i]);
  std::vector<std::string> arguments = {"power"};
  for (const auto& [option, value] : places) arguments.insert(arguments.end(), {option, value});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(Power, WithoutAnyMeterItSaysWhyAndWhatWouldHelpAndSucceeds) {
  const Finished text = octet_program()(power({}));
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("no /no/such/powercap"));
  EXPECT_THAT(text.out, HasSubstr("nvml   no: no NVIDIA driver: libno-such-library.so.1: cannot open"));
  EXPECT_THAT(text.out, HasSubstr("to have it: "));
  const Finished result = octet_program()(power({"--format", "json"}));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  const json document = json::parse(result.out);
  ASSERT_EQ(document["meters"].size(), 5u);
  for (const json& kind : document["meters"]) {
    EXPECT_FALSE(kind["works"].get<bool>());
    EXPECT_NE(kind["why_not"], "");
    EXPECT_NE(kind["remedy"], "");
  }
  EXPECT_FALSE(document.contains("idle"));
}

TEST(Power, MetersThatWorkGiveThePowerAtRest) {
  TemporaryDirectory directory;
  const std::filesystem::path zone = directory.path() / "powercap" / "intel-rapl:0";
  std::filesystem::create_directories(zone);
  directory.write("powercap/intel-rapl:0/name", "package-0\n");
  directory.write("powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n");
  directory.write("powercap/intel-rapl:0/energy_uj", "5\n");
  const auto tool =
      directory.write("ipmitool", "#!/bin/sh\necho '    Instantaneous power reading:   214 Watts'\n");
  std::filesystem::permissions(tool, std::filesystem::perms(0755));
  const Finished result = octet_program()(
      power({"--rapl-root", (directory.path() / "powercap").string(), "--ipmitool", tool.string(),
             "--power-model", "idle=60,busy=150", "--idle", "1.5", "--format", "json"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json idle = json::parse(result.out)["idle"];
  EXPECT_GE(idle["seconds"].get<double>(), 1.5);
  ASSERT_EQ(idle["meters"].size(), 3u);
  std::map<std::string, json> kinds;
  for (const json& kind : idle["kinds"]) kinds[kind["kind"].get<std::string>()] = kind;
  ASSERT_TRUE(kinds.contains("rapl"));
  EXPECT_EQ(kinds["rapl"]["watts"], 0);  // the counter stands still
  EXPECT_EQ(kinds["rapl"]["modelled"], false);
  ASSERT_TRUE(kinds.contains("model"));
  EXPECT_GE(kinds["model"]["watts"].get<double>(), 59);
  EXPECT_EQ(kinds["model"]["modelled"], true);
  const Finished text = octet_program()(power({"--power-model", "idle=60,busy=150", "--idle", "0.2"}));
  EXPECT_THAT(text.out, HasSubstr("model (modelled): "));
}

TEST(Power, GpusAreNamedWithWhatTheyDidAtRest) {
  // The laboratory's fake: one board that counts energy, as it is before a test tells it otherwise.
  const std::vector<std::string> fake = {"--nvml-library", OCTET_FAKE_NVML, "--idle", "0.3"};
  const Finished text = octet_program()(power(fake));
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("nvml   works\n"
                                  "       nvml:0: GPU 0 (Tesla P40), joules every 0.1 s\n"
                                  "               GPU-0, driver 535.104.05, at most 250 W\n"));
  EXPECT_THAT(text.out,
              HasSubstr("       nvml:0: state P0, 1531 MHz, 40 degrees C, busy 100 % of the time\n"));
  std::vector<std::string> arguments = fake;
  arguments.insert(arguments.end(), {"--nvml-devices", "GPU-0", "--format", "json"});
  const Finished result = octet_program()(power(arguments));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json idle = json::parse(result.out)["idle"];
  EXPECT_EQ(idle["meters"][0]["board"],
            json::parse(R"({"performance_state": 0, "sm_mhz": 1531.0, "celsius": 40.0,
                                                        "busy": 100.0, "slowed": 0.0, "reasons": []})"));
  arguments[5] = "GPU-1";
  EXPECT_THAT(
      octet_program()(power(arguments)).err,
      HasSubstr("NVML device 'GPU-1': expected one of the GPUs that the NVIDIA driver sees (0 (GPU-0))"));
}

TEST(Power, BadOptionsAreExitCode2AndNamed) {
  TemporaryDirectory directory;
  const std::string broken = directory.write("log.csv", "time,watts\n1700000000,12\nlater,13\n").string();
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{"--power-model", "idle=60"}, "power model 'idle=60': busy is missing"},
      {{"--wall-meter", "/no/such/log.csv"}, "/no/such/log.csv: no such file"},
      {{"--wall-meter", broken}, "log.csv:3: expected seconds since 1970"},
      {{"--wall-meter", broken, "--wall-shift", "nan"}, "wall meter's shift: expected seconds within a year"},
      {{"--idle", "-1"}, "--idle: expected 0 to 3600 seconds, got -1"},
      {{"--idle", "nan"}, "--idle: expected 0 to 3600 seconds, got nan"},
      {{"--idle", "long"}, "--idle"},
      {{"--format", "xml"}, "--format"},
      {{"--nvml-devices", "first"}, "expected indices and UUIDs (GPU-...) parted by commas, got 'first'"},
      {{"--nvml-devices", "0"}, "NVML device '0': no NVIDIA driver: libno-such-library.so.1"},
  };
  for (const auto& [options, message] : wrong) {
    const Finished result = octet_program()(power(options));
    EXPECT_EQ(result.exit_code, 2) << message;
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_EQ(result.out, "");
  }
}

}  // namespace
}  // namespace octet::test
