// A study of fractions of a second on the smallest network, for the tests of octet study.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/cli/program.h"

namespace octet::test {

inline constexpr const char* kTinyStudy = R"(
name = "tiny"
[throughput]
networks = ["octet-20"]
batches = [1, 4]
headline_batch = 4
seconds = 0.02
warmup_s = 0.02
[ladder]
networks = ["octet-20"]
precisions = ["int8"]
isas = ["generic"]
batch = 4
seconds = 0.02
[server]
networks = []
[scaling]
networks = ["octet-20"]
ranks = [1]
seconds = 0.05
[accuracy]
drawn = 60
[calibration]
networks = ["octet-20"]
pictures = 20
[layers]
networks = ["octet-20"]
iterations = 2
[power]
idle_s = 0.1
model = "idle=10,busy=30"
[projection]
networks = ["octet-20"]
batches = [1, 128]
)";

class Study : public ::testing::Test {
 protected:
  Study() { std::ofstream(config_) << kTinyStudy; }

  Finished study(std::vector<std::string> arguments, const std::function<void(pid_t)>& started = {}) const {
    arguments.insert(arguments.begin(), "study");
    return octet_program()(arguments, started);
  }
  std::vector<std::string> tiny() const { return {"--config", config_.string(), "-o", folder_.string()}; }
  static nlohmann::json read_json(const std::filesystem::path& file) {
    return nlohmann::json::parse(read_file(file));
  }

  /// Files of records and the bytes in them.
  static std::map<std::string, std::string> records(const std::filesystem::path& folder) {
    std::map<std::string, std::string> found;
    if (std::filesystem::exists(folder / "records"))
      for (const auto& entry : std::filesystem::directory_iterator(folder / "records"))
        if (entry.path().extension() == ".json") found[entry.path().filename()] = read_file(entry.path());
    return found;
  }

  TemporaryDirectory directory_;
  std::filesystem::path config_ = directory_.path() / "tiny.toml";
  std::filesystem::path folder_ = directory_.path() / "bundle";
};

}  // namespace octet::test
