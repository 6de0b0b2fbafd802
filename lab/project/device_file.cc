#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "lab/project/device_model.h"
#include "lab/support/json.h"
#include "lab/support/suggest.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

/// A JSON object of which every member must be asked for and none may be left over.
class Members {
 public:
  Members(const Json& object, std::string place) : object_(object), place_(std::move(place)) {
    if (!object.is_object())
      throw Error(ErrorCode::kParse, fmt::format("{}: expected an object, got {}", place_, shown(object)));
  }

  double number(const std::string& key, double least, double most) {
    const Json& value = required(key);
    if (!value.is_number() || !(value.get<double>() >= least && value.get<double>() <= most))
      throw wrong(key, fmt::format("a number of {:g} to {:g}", least, most), value);
    return value.get<double>();
  }
  double number(const std::string& key, double least, double most, double otherwise) {
    return has(key) ? number(key, least, most) : otherwise;
  }
  std::int64_t integer(const std::string& key, std::int64_t least, std::int64_t most) {
    const Json& value = required(key);
    if (!value.is_number_integer() || value.get<double>() < static_cast<double>(least) ||
        value.get<double>() > static_cast<double>(most))
      throw wrong(key, fmt::format("a whole number of {} to {}", least, most), value);
    return value.get<std::int64_t>();
  }
  std::int64_t integer(const std::string& key, std::int64_t least, std::int64_t most,
                       std::int64_t otherwise) {
    return has(key) ? integer(key, least, most) : otherwise;
  }
  std::string text(const std::string& key) {
    const Json& value = required(key);
    if (!value.is_string() || value.get<std::string>().empty()) throw wrong(key, "a text", value);
    return value.get<std::string>();
  }
  std::string text(const std::string& key, const std::string& otherwise) {
    return has(key) ? text(key) : otherwise;
  }
  const Json& list(const std::string& key) {
    const Json& value = required(key);
    if (!value.is_array() || value.empty()) throw wrong(key, "a list that is not empty", value);
    return value;
  }
  void none_left() const {
    for (const auto& [key, value] : object_.items())
      if (std::find(known_.begin(), known_.end(), key) == known_.end())
        throw Error(ErrorCode::kParse,
                    fmt::format("{}: unknown key '{}'{}", place_, key, did_you_mean(key, known_)));
  }
  Error wrong(const std::string& key, const std::string& expected, const Json& value) const {
    return {ErrorCode::kParse,
            fmt::format("{}: {}: expected {}, got {}", place_, key, expected, shown(value))};
  }

 private:
  bool has(const std::string& key) {
    known_.push_back(key);
    return object_.contains(key);
  }
  /// What is missing is said only after a look for it under a misspelt name.
  const Json& required(const std::string& key) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
    if (const auto found = object_.find(key); found != object_.end()) return *found;
    for (const auto& [other, value] : object_.items())
      if (nearest(other, std::vector<std::string>{key}) &&
          std::find(known_.begin(), known_.end(), other) == known_.end())
        throw Error(ErrorCode::kParse,
                    fmt::format("{}: unknown key '{}', did you mean '{}'?", place_, other, key));
    throw Error(ErrorCode::kParse, fmt::format("{}: expected a key '{}', there is none", place_, key));
  }
  static std::string shown(const Json& value) {
    constexpr std::size_t kMost = 60;
    const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    return text.size() > kMost ? text.substr(0, kMost) + "..." : text;
  }

  const Json& object_;
  std::string place_;
  std::vector<std::string> known_;
};

PrecisionModel precision_from(const Json& json, const std::string& place) {
  Members members(json, place);
  PrecisionModel model;
  const std::string name = members.text("precision");
  try {
    model.precision = parse_precision(name);
  } catch (const Error&) {
    throw members.wrong("precision", "fp32, bf16 or int8", name);
  }
  model.macs_per_unit_clock = members.number("macs_per_unit_clock", 1e-3, 1e9);
  model.efficiency = members.number("efficiency", 1e-3, 1);
  model.element_bytes = members.number("element_bytes", 0.125, 8);
  members.none_left();
  return model;
}

}  // namespace

DeviceModel parse_device(std::string_view text, const std::string& place) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kParse, fmt::format("{}: not JSON: {}", place, error.what()));
  }
  Members members(json, place);
  DeviceModel device;
  device.name = members.text("name");
  device.label = members.text("label", device.name);
  device.source = members.text("source", "the user's file");
  device.units = static_cast<int>(members.integer("units", 1, 1'000'000));
  device.clock_mhz = members.number("clock_mhz", 1, 1e6);
  device.outputs_in_flight = static_cast<int>(members.integer("outputs_in_flight", 1, 1'000'000, 1));
  device.memory_gbps = members.number("memory_gbps", 1e-3, 1e6);
  device.memory_bytes = static_cast<std::uint64_t>(members.integer("memory_bytes", 1, std::int64_t{1} << 50));
  device.board_watts = members.number("board_watts", 0, 1e6, 0);
  device.max_devices = static_cast<int>(members.integer("max_devices", 1, 1024, 1));
  device.compute_capability = static_cast<int>(members.integer("compute_capability", 0, 1000, 0));
  device.bandwidth_share = members.number("bandwidth_share", 1e-3, 1, 1);
  device.launch_us = members.number("launch_us", 0, 1e6, 0);
  device.call_us = members.number("call_us", 0, 1e6, 0);
  device.device_cost = members.number("device_cost", 0, 1, 0);
  device.live_element_bytes = members.number("live_element_bytes", 0, 1024, 8);
  std::size_t index = 0;
  for (const Json& entry : members.list("precisions")) {
    const std::string at = fmt::format("{}: precisions[{}]", place, index++);
    const PrecisionModel model = precision_from(entry, at);
    if (device.find(model.precision) != nullptr)
      throw Error(ErrorCode::kParse, fmt::format("{}: {} is there twice", at, to_string(model.precision)));
    device.precisions.push_back(model);
  }
  members.none_left();
  return device;
}

Json to_json(const DeviceModel& device) {
  Json precisions = Json::array();
  for (const PrecisionModel& model : device.precisions)
    precisions.push_back({{"precision", to_string(model.precision)},
                          {"macs_per_unit_clock", model.macs_per_unit_clock},
                          {"efficiency", model.efficiency},
                          {"element_bytes", model.element_bytes}});
  return {{"name", device.name},
          {"label", device.label},
          {"source", device.source},
          {"units", device.units},
          {"clock_mhz", device.clock_mhz},
          {"outputs_in_flight", device.outputs_in_flight},
          {"memory_gbps", device.memory_gbps},
          {"memory_bytes", device.memory_bytes},
          {"board_watts", device.board_watts},
          {"max_devices", device.max_devices},
          {"compute_capability", device.compute_capability},
          {"bandwidth_share", device.bandwidth_share},
          {"launch_us", device.launch_us},
          {"call_us", device.call_us},
          {"device_cost", device.device_cost},
          {"live_element_bytes", device.live_element_bytes},
          {"precisions", std::move(precisions)}};
}

}  // namespace octet::lab
