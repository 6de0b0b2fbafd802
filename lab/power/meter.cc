#include "lab/power/meter.h"

#include <fmt/format.h>

#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr const char* kEnergyWord = "energy";
constexpr const char* kPowerWord = "power";

}  // namespace

Json to_json(const MeterInfo& info) {
  Json json = {{"id", info.id},
               {"kind", info.kind},
               {"scope", info.scope},
               {"reads", info.reads == Reads::kEnergy ? kEnergyWord : kPowerWord},
               {"resolution", info.resolution},
               {"relative_error", info.relative_error},
               {"interval_s", info.interval_s},
               {"averaging_s", info.averaging_s},
               {"modelled", info.modelled}};
  if (info.board) json["board"] = to_json(*info.board);
  return json;
}

MeterInfo meter_info_from(const Json& json) {
  try {
    MeterInfo info;
    json.at("id").get_to(info.id);
    json.at("kind").get_to(info.kind);
    json.at("scope").get_to(info.scope);
    const auto reads = json.at("reads").get<std::string>();
    if (reads != kEnergyWord && reads != kPowerWord)
      throw Error(ErrorCode::kParse,
                  fmt::format("a meter's info: reads: expected 'energy' or 'power', got '{}'", reads));
    info.reads = reads == kEnergyWord ? Reads::kEnergy : Reads::kPower;
    json.at("resolution").get_to(info.resolution);
    json.at("relative_error").get_to(info.relative_error);
    json.at("interval_s").get_to(info.interval_s);
    json.at("averaging_s").get_to(info.averaging_s);
    json.at("modelled").get_to(info.modelled);
    if (json.contains("board")) info.board = board_info_from(json.at("board"));
    return info;
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kParse, fmt::format("a meter's info: {}", error.what()));
  }
}

Json to_json(const MeterStatus& status) {
  Json json = {{"kind", status.kind}, {"works", status.works}};
  if (!status.why_not.empty()) json["why_not"] = status.why_not;
  if (!status.remedy.empty()) json["remedy"] = status.remedy;
  json["meters"] = Json::array();
  for (const MeterInfo& info : status.meters) json["meters"].push_back(to_json(info));
  return json;
}

}  // namespace octet::lab
