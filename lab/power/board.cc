#include "lab/power/board.h"

#include <fmt/format.h>

#include <utility>

#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

/// Calls `visit(key, member)` for every figure, so that writing and reading cannot disagree about a key.
template <typename Visit>
void visit_figures(const Visit& visit) {
  visit("performance_state", &BoardState::performance_state);
  visit("sm_mhz", &BoardState::sm_mhz);
  visit("celsius", &BoardState::celsius);
  visit("busy_share", &BoardState::busy_share);
  visit("reasons", &BoardState::reasons);
}

}  // namespace

Json to_json(const BoardInfo& info) {
  Json json = {{"uuid", info.uuid}, {"driver", info.driver}};
  if (info.limit_watts) json["limit_watts"] = *info.limit_watts;
  return json;
}

BoardInfo board_info_from(const Json& json) {
  BoardInfo info;
  json.at("uuid").get_to(info.uuid);
  json.at("driver").get_to(info.driver);
  if (json.contains("limit_watts")) info.limit_watts = json.at("limit_watts").get<double>();
  return info;
}

Json to_json(std::span<const BoardSample> samples) {
  Json json = Json::object();
  Json& times = json["time_ns"] = Json::array();
  for (const BoardSample& sample : samples) times.push_back(sample.time);
  visit_figures([&](const char* key, auto member) {
    Json column = Json::array();
    for (const BoardSample& sample : samples) {
      const auto& figure = sample.state.*member;
      column.push_back(figure ? Json(*figure) : Json());
    }
    json[key] = std::move(column);
  });
  return json;
}

std::vector<BoardSample> board_samples_from(const Json& json) {
  std::vector<BoardSample> samples;
  for (const Json& json_time : json.at("time_ns")) {
    const auto time = json_time.get<Nanoseconds>();
    if (!samples.empty() && time <= samples.back().time)
      throw Error(ErrorCode::kParse,
                  fmt::format("a board's samples: time_ns[{}]: expected more than {}, got {}", samples.size(),
                              samples.back().time, time));
    samples.push_back({time, {}});
  }
  visit_figures([&](const char* key, auto member) {
    const Json& column = json.at(key);
    if (column.size() != samples.size())
      throw Error(ErrorCode::kParse,
                  fmt::format("a board's samples: expected as many {} as times, got {} and {}", key,
                              column.size(), samples.size()));
    for (std::size_t i = 0; i < samples.size(); ++i)
      if (!column.at(i).is_null()) column.at(i).get_to((samples[i].state.*member).emplace());
  });
  return samples;
}

}  // namespace octet::lab
