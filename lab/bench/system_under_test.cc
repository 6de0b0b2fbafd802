#include "lab/bench/system_under_test.h"

#include <fmt/format.h>

#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {

Json to_json(const SystemInfo& info) {
  Json json = {{"engine", info.engine},
               {"version", info.version},
               {"way", info.way},
               {"network", info.network},
               {"precision", info.precision},
               {"max_batch", info.max_batch},
               {"threads", info.threads},
               {"isa", info.isa},
               {"hash", info.hash},
               {"memory_bytes", info.memory_bytes},
               {"calibration", info.calibration}};
  if (!info.device.empty()) json["device"] = info.device;
  return json;
}

SystemInfo system_info_from(const Json& json) {
  try {
    SystemInfo info;
    json.at("engine").get_to(info.engine);
    json.at("version").get_to(info.version);
    json.at("way").get_to(info.way);
    json.at("network").get_to(info.network);
    json.at("precision").get_to(info.precision);
    json.at("max_batch").get_to(info.max_batch);
    json.at("threads").get_to(info.threads);
    json.at("isa").get_to(info.isa);
    info.device = json.value("device", "");
    json.at("hash").get_to(info.hash);
    json.at("memory_bytes").get_to(info.memory_bytes);
    json.at("calibration").get_to(info.calibration);
    return info;
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kParse, fmt::format("a system's info: {}", error.what()));
  }
}

void SystemUnderTest::run_timed(int batch, int count, Clock& clock, std::vector<Call>& calls) {
  for (int i = 0; i < count; ++i) {
    Call call{clock.now(), 0, batch};
    run(batch);
    call.stop = clock.now();
    calls.push_back(call);
  }
}

}  // namespace octet::lab
