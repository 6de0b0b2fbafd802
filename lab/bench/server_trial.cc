#include <fmt/format.h>

#include <cmath>

#include "lab/bench/random.h"
#include "lab/bench/server.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {

std::vector<Nanoseconds> poisson_arrivals(double qps, std::size_t count, std::uint64_t seed) {
  if (!(qps > 0 && std::isfinite(qps)))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("qps: expected a positive number of requests a second, got {}", qps));
  std::vector<Nanoseconds> arrivals;
  arrivals.reserve(count);
  double gaps = 0;  // in mean gaps, so that another rate is the same schedule stretched
  for (std::size_t i = 0; i < count; ++i) {
    const double uniform = (static_cast<double>(random_at(seed, i) >> 11) + 0.5) * 0x1p-53;  // in (0, 1)
    gaps -= std::log(uniform);
    arrivals.push_back(nanoseconds(gaps / qps));
  }
  return arrivals;
}

Json to_json(const Trial& trial) {
  return {
      {"qps", trial.qps}, {"arrival_ns", trial.arrival}, {"start_ns", trial.start}, {"done_ns", trial.done}};
}

Trial trial_from(const Json& json) {
  Trial trial;
  try {
    json.at("qps").get_to(trial.qps);
    json.at("arrival_ns").get_to(trial.arrival);
    json.at("start_ns").get_to(trial.start);
    json.at("done_ns").get_to(trial.done);
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kParse, fmt::format("a server trial: {}", error.what()));
  }
  if (trial.arrival.size() != trial.start.size() || trial.arrival.size() != trial.done.size())
    throw Error(ErrorCode::kParse, fmt::format("a server trial: {} arrivals, {} starts and {} ends",
                                               trial.arrival.size(), trial.start.size(), trial.done.size()));
  return trial;
}

Json to_json(const TrialFigures& figures) {
  Json json = {{"requests", figures.requests},
               {"late", figures.late},
               {"mean_ms", figures.mean_ms},
               {"p50_ms", figures.p50_ms},
               {"p90_ms", figures.p90_ms},
               {"p99_ms", figures.p99_ms},
               {"min_ms", figures.min_ms},
               {"max_ms", figures.max_ms},
               {"images_per_call", figures.images_per_call},
               {"kept", figures.kept}};
  if (figures.p99_upper_ms) json["p99_upper_ms"] = *figures.p99_upper_ms;
  return json;
}

}  // namespace octet::lab
