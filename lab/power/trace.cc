#include "lab/power/trace.h"

#include <fmt/format.h>

#include <algorithm>

#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

/// Those in the windows, and two around each.
template <typename Sample>
std::vector<Sample> cut_samples(const std::vector<Sample>& samples, std::span<const Window> windows) {
  constexpr std::ptrdiff_t kAround = 2;
  std::vector<Sample> kept;
  const auto begin = samples.begin();
  const auto end = samples.end();
  auto taken = begin;  // samples before it are kept already, or passed over
  for (const Window& window : windows) {
    auto first = std::lower_bound(begin, end, window.start,
                                  [](const Sample& sample, Nanoseconds time) { return sample.time < time; });
    auto last = std::upper_bound(first, end, window.stop,
                                 [](Nanoseconds time, const Sample& sample) { return time < sample.time; });
    first -= std::min(kAround, first - begin);
    last += std::min(kAround, end - last);
    first = std::max(first, taken);
    if (first < last) kept.insert(kept.end(), first, last);
    taken = std::max(taken, last);
  }
  return kept;
}

}  // namespace

Json to_json(const PowerTrace& trace) {
  Json times = Json::array();
  Json values = Json::array();
  for (const PowerSample& sample : trace.samples) {
    times.push_back(sample.time);
    values.push_back(sample.value);
  }
  Json json = {{"meter", to_json(trace.meter)}, {"time_ns", std::move(times)}, {"value", std::move(values)}};
  if (!trace.failures.empty()) json["failures"] = trace.failures;
  if (!trace.breaks.empty()) json["breaks_ns"] = trace.breaks;
  if (!trace.board.empty()) json["board"] = to_json(trace.board);
  return json;
}

PowerTrace power_trace_from(const Json& json) {
  PowerTrace trace;
  try {
    trace.meter = meter_info_from(json.at("meter"));
    const auto times = json.at("time_ns").get<std::vector<Nanoseconds>>();
    const auto values = json.at("value").get<std::vector<double>>();
    if (times.size() != values.size())
      throw Error(ErrorCode::kParse,
                  fmt::format("power trace of {}: expected as many values as times, got {} and {}",
                              trace.meter.id, values.size(), times.size()));
    trace.samples.reserve(times.size());
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (i > 0 && times[i] <= times[i - 1])
        throw Error(ErrorCode::kParse,
                    fmt::format("power trace of {}: time_ns[{}]: expected more than {}, got {}",
                                trace.meter.id, i, times[i - 1], times[i]));
      trace.samples.push_back({times[i], values[i]});
    }
    if (json.contains("failures")) json.at("failures").get_to(trace.failures);
    if (json.contains("breaks_ns")) json.at("breaks_ns").get_to(trace.breaks);
    if (json.contains("board")) trace.board = board_samples_from(json.at("board"));
    return trace;
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kParse, fmt::format("a power trace: {}", error.what()));
  }
}

PowerTrace cut(const PowerTrace& trace, std::span<const Window> windows) {
  PowerTrace kept{trace.meter,
                  cut_samples(trace.samples, windows),
                  trace.failures,
                  {},
                  cut_samples(trace.board, windows)};
  if (kept.samples.empty()) return kept;
  for (const Nanoseconds time : trace.breaks)
    if (time >= kept.samples.front().time && time <= kept.samples.back().time) kept.breaks.push_back(time);
  return kept;
}

}  // namespace octet::lab
