#include <fmt/format.h>

#include <algorithm>

#include "lab/bench/measure.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

std::span<const Call> calls_of(const Measurement& measurement, const Round& round) {
  return std::span(measurement.calls).subspan(round.first_call, round.calls);
}

double images_in(std::span<const Call> calls) {
  double images = 0;
  for (const Call& call : calls) images += call.images;
  return images;
}

double rate(double images, Nanoseconds time) { return images / seconds(std::max<Nanoseconds>(1, time)); }

void add_window_rates(std::span<const Call> calls, std::size_t windows, std::vector<double>& rates) {
  windows = std::clamp<std::size_t>(windows, 1, calls.size());
  for (std::size_t w = 0; w < windows; ++w) {
    const std::size_t first = w * calls.size() / windows;
    const std::size_t next = (w + 1) * calls.size() / windows;
    const Nanoseconds stop = next < calls.size() ? calls[next].start : calls[next - 1].stop;
    rates.push_back(rate(images_in(calls.subspan(first, next - first)), stop - calls[first].start));
  }
}

void check_rounds(const Measurement& measurement) {
  std::size_t next = 0;
  for (const Round& round : measurement.rounds) {
    if (round.first_call != next || round.calls == 0 || round.calls > measurement.calls.size() - next)
      throw Error(ErrorCode::kParse,
                  fmt::format("a measurement's rounds: expected calls from {} on, at least 1, of {}; got {} "
                              "from {}",
                              next, measurement.calls.size(), round.calls, round.first_call));
    next += round.calls;
  }
  if (next != measurement.calls.size())
    throw Error(ErrorCode::kParse, fmt::format("a measurement's rounds hold {} of its {} calls", next,
                                               measurement.calls.size()));
}

}  // namespace

std::vector<double> window_rates(const Measurement& measurement) {
  std::vector<double> rates;
  if (measurement.rounds.empty()) return rates;
  const std::size_t windows = std::max<std::size_t>(1, kWindows / measurement.rounds.size());
  for (const Round& round : measurement.rounds)
    add_window_rates(calls_of(measurement, round), windows, rates);
  return rates;
}

std::vector<double> round_rates(const Measurement& measurement) {
  std::vector<double> rates;
  for (const Round& round : measurement.rounds) add_window_rates(calls_of(measurement, round), 1, rates);
  return rates;
}

std::vector<Window> round_windows(const Measurement& measurement) {
  std::vector<Window> windows;
  for (const Round& round : measurement.rounds) {
    const std::span<const Call> calls = calls_of(measurement, round);
    windows.push_back({calls.front().start, calls.back().stop});
  }
  return windows;
}

double images_in(const Measurement& measurement) { return images_in(std::span(measurement.calls)); }

double total_rate(const Measurement& measurement) {
  if (measurement.calls.empty()) throw Error(ErrorCode::kInvalidArgument, "the rate of no calls");
  Nanoseconds time = 0;
  for (const Window& window : round_windows(measurement)) time += window.stop - window.start;
  return rate(images_in(measurement), time);
}

Latency latency(const Measurement& measurement) {
  constexpr double kPercents[] = {50, 90, 99};
  std::vector<double> ms;
  ms.reserve(measurement.calls.size());
  for (const Call& call : measurement.calls) ms.push_back(1e3 * seconds(call.stop - call.start));
  const std::vector<double> at = percentiles(ms, kPercents);
  const auto [min, max] = std::minmax_element(ms.begin(), ms.end());
  return {mean(ms), at[0], at[1], at[2], *min, *max};
}

Json to_json(const Measurement& measurement) {
  Json start = Json::array(), stop = Json::array(), images = Json::array(), rounds = Json::array();
  for (const Call& call : measurement.calls) {
    start.push_back(call.start);
    stop.push_back(call.stop);
    images.push_back(call.images);
  }
  for (const Round& round : measurement.rounds)
    rounds.push_back({{"first_call", round.first_call}, {"calls", round.calls}});
  const Warmup& warmup = measurement.warmup;
  Json json = {
      {"warmup", {{"calls", warmup.calls}, {"seconds", warmup.seconds}, {"steady", warmup.steady}}},
      {"calls",
       {{"start_ns", std::move(start)}, {"stop_ns", std::move(stop)}, {"images", std::move(images)}}},
      {"rounds", std::move(rounds)}};
  if (!measurement.error.empty()) json["error"] = measurement.error;
  return json;
}

Measurement measurement_from(const Json& json) {
  Measurement measurement;
  try {
    const Json& warmup = json.at("warmup");
    measurement.warmup = {warmup.at("calls").get<int>(), warmup.at("seconds").get<double>(),
                          warmup.at("steady").get<bool>(), 0};
    const auto start = json.at("calls").at("start_ns").get<std::vector<Nanoseconds>>();
    const auto stop = json.at("calls").at("stop_ns").get<std::vector<Nanoseconds>>();
    const auto images = json.at("calls").at("images").get<std::vector<int>>();
    if (start.size() != stop.size() || start.size() != images.size())
      throw Error(ErrorCode::kParse,
                  fmt::format("a measurement's calls: {} starts, {} stops and {} counts of images",
                              start.size(), stop.size(), images.size()));
    for (std::size_t i = 0; i < start.size(); ++i)
      measurement.calls.push_back({start[i], stop[i], images[i]});
    for (const Json& round : json.at("rounds"))
      measurement.rounds.push_back(
          {round.at("first_call").get<std::size_t>(), round.at("calls").get<std::size_t>()});
    measurement.error = json.value("error", "");
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kParse, fmt::format("a measurement: {}", error.what()));
  }
  check_rounds(measurement);
  return measurement;
}

Json to_json(const Latency& latency) {
  return {{"mean", latency.mean}, {"p50", latency.p50}, {"p90", latency.p90},
          {"p99", latency.p99},   {"min", latency.min}, {"max", latency.max}};
}

Json to_json(const Summary& summary) {
  return {{"median", summary.median}, {"min", summary.min}, {"max", summary.max},
          {"mean", summary.mean},     {"cv", summary.cv},   {"ci95", {summary.ci95.low, summary.ci95.high}}};
}

}  // namespace octet::lab
