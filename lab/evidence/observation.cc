#include "lab/evidence/observation.h"

#include <fmt/format.h>

#include <algorithm>

#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

/// Calls `visit(key, member)` for every figure, so that writing and reading cannot disagree about a key.
template <typename SomeObservation, typename Visit>
void visit_members(SomeObservation& observation, const Visit& visit) {
  visit("seconds", observation.seconds);
  visit("cpus", observation.cpus);
  visit("clock_ghz_before", observation.clock_ghz_before);
  visit("clock_ghz_after", observation.clock_ghz_after);
  visit("parallel_capacity_before", observation.parallel_capacity_before);
  visit("parallel_capacity_after", observation.parallel_capacity_after);
  visit("clock_ghz_during", observation.clock_ghz_during);
  visit("steal_share", observation.steal_share);
  visit("own_share", observation.own_share);
  visit("other_share", observation.other_share);
  visit("share_resolution", observation.share_resolution);
  visit("load_before", observation.load_before);
  visit("pressure_share", observation.pressure_share);
  visit("throttled_periods", observation.throttled_periods);
  visit("throttled_s", observation.throttled_s);
  visit("thermal_throttles", observation.thermal_throttles);
  visit("major_faults", observation.major_faults);
  visit("involuntary_switches", observation.involuntary_switches);
  visit("clock_jump_s", observation.clock_jump_s);
  visit("worst_gap_s", observation.worst_gap_s);
  visit("cost_s", observation.cost_s);
  visit("missing", observation.missing);
}

struct Writer {
  Json& json;
  template <typename T>
  void operator()(const char* key, const T& value) const {
    json[key] = value;
  }
  template <typename T>
  void operator()(const char* key, const std::optional<T>& value) const {
    if (value) json[key] = *value;
  }
};

struct Reader {
  const Json& json;
  template <typename T>
  void operator()(const char* key, T& value) const {
    const auto found = json.find(key);
    if (found == json.end())
      throw Error(ErrorCode::kParse, fmt::format("observation: expected the key '{}', it is not there", key));
    try {
      found->get_to(value);
    } catch (const Json::exception&) {
      throw Error(ErrorCode::kParse,
                  fmt::format("observation: {}: of the wrong type: {}", key, found->dump()));
    }
  }
  template <typename T>
  void operator()(const char* key, std::optional<T>& value) const {
    if (!json.contains(key)) return;
    T there{};
    (*this)(key, there);
    value = there;
  }
};

/// Sum over the windows of the figure times its weight; nothing if a window lacks it.
template <typename Figure, typename Weight>
auto sum_of(std::span<const Observation> windows, const Figure& figure, const Weight& weight)
    -> std::remove_cvref_t<decltype(figure(windows[0]))> {
  auto sum = figure(windows[0]);
  sum.reset();
  for (const Observation& window : windows) {
    const auto value = figure(window);
    if (!value) return std::nullopt;
    sum = sum.value_or(0) + *value * weight(window);
  }
  return sum;
}

/// std::min takes an absent figure for the least.
std::optional<double> lesser(const std::optional<double>& a, const std::optional<double>& b) {
  return a && b ? std::min(*a, *b) : a ? a : b;
}

}  // namespace

Json to_json(const Observation& observation) {
  Json json = Json::object();
  visit_members(observation, Writer{json});
  return json;
}

Observation observation_from(const Json& json) {
  if (!json.is_object()) throw Error(ErrorCode::kParse, "observation: expected an object");
  Observation observation;
  visit_members(observation, Reader{json});
  return observation;
}

Observation combine(std::span<const Observation> windows) {
  if (windows.empty()) throw Error(ErrorCode::kInvalidArgument, "combine: expected at least one observation");
  Observation all = windows.front();
  if (windows.size() == 1) return all;
  double seconds = 0;
  for (const Observation& window : windows) seconds += window.seconds;
  const auto share = [&](std::optional<double> Observation::*member) {
    return sum_of(
        windows, [&](const Observation& window) { return window.*member; },
        [&](const Observation& window) { return seconds > 0 ? window.seconds / seconds : 0; });
  };
  const auto count = [&](auto Observation::*member) {
    return sum_of(
        windows, [&](const Observation& window) { return window.*member; },
        [](const Observation&) { return 1; });
  };
  all.steal_share = share(&Observation::steal_share);
  all.own_share = share(&Observation::own_share);
  all.other_share = share(&Observation::other_share);
  all.pressure_share = share(&Observation::pressure_share);
  all.throttled_periods = count(&Observation::throttled_periods);
  all.throttled_s = count(&Observation::throttled_s);
  all.thermal_throttles = count(&Observation::thermal_throttles);
  all.major_faults = count(&Observation::major_faults);
  all.involuntary_switches = count(&Observation::involuntary_switches);
  all.clock_ghz_after = windows.back().clock_ghz_after;
  all.share_resolution = 0;
  for (const Observation& window : windows)
    all.share_resolution += seconds > 0 ? window.share_resolution * window.seconds / seconds : 0;
  for (const Observation& window : windows.subspan(1)) {
    all.parallel_capacity_before = lesser(all.parallel_capacity_before, window.parallel_capacity_before);
    all.parallel_capacity_after = lesser(all.parallel_capacity_after, window.parallel_capacity_after);
    all.clock_ghz_during.insert(all.clock_ghz_during.end(), window.clock_ghz_during.begin(),
                                window.clock_ghz_during.end());
    all.clock_jump_s = std::max(all.clock_jump_s, window.clock_jump_s);
    all.worst_gap_s = std::max(all.worst_gap_s, window.worst_gap_s);
    all.cost_s += window.cost_s;
    for (const std::string& missing : window.missing)
      if (std::find(all.missing.begin(), all.missing.end(), missing) == all.missing.end())
        all.missing.push_back(missing);
  }
  all.seconds = seconds;
  return all;
}

}  // namespace octet::lab
