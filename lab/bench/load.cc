#include "lab/bench/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "octet/error.h"

namespace octet::lab {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void require(bool condition, const std::string& message) {
  if (!condition) throw Error(ErrorCode::kInvalidArgument, message);
}

}  // namespace

const char* to_string(Scenario scenario) {
  return scenario == Scenario::kOffline ? "offline" : "single-stream";
}

Scenario parse_scenario(std::string_view text) {
  for (Scenario scenario : {Scenario::kOffline, Scenario::kSingleStream})
    if (text == to_string(scenario)) return scenario;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("scenario: expected offline or single-stream, got '{}'", text));
}

void check(const LoadSettings& settings) {
  require(settings.batch >= 1, fmt::format("batch: expected at least 1, got {}", settings.batch));
  require(settings.scenario != Scenario::kSingleStream || settings.batch == 1,
          fmt::format("single-stream sends one image at a time: expected batch 1, got {}", settings.batch));
  require(settings.iterations >= 0,
          fmt::format("iterations: expected 0 (run for a time) or more, got {}", settings.iterations));
  require(settings.iterations > 0 || (settings.duration_s > 0 && std::isfinite(settings.duration_s)),
          fmt::format("duration: expected a positive number of seconds, got {}", settings.duration_s));
  require(settings.warmup_s >= 0 && std::isfinite(settings.warmup_s),
          fmt::format("warm-up: expected 0 or more seconds, got {}", settings.warmup_s));
}

LoadResult run_load(const std::function<void(int)>& run, const LoadSettings& settings) {
  check(settings);
  const Clock::time_point warmup_start = Clock::now();
  for (int calls = 0; calls < kWarmupCalls || seconds_since(warmup_start) < settings.warmup_s; ++calls)
    run(settings.batch);

  LoadResult result;
  result.batch = settings.batch;
  result.call_ms.reserve(settings.iterations > 0 ? static_cast<std::size_t>(settings.iterations) : 4096);
  const Clock::time_point start = Clock::now();
  double done = 0;
  while (done < 1) {
    const Clock::time_point call_start = Clock::now();
    run(settings.batch);
    result.call_ms.push_back(1e3 * seconds_since(call_start));
    done = settings.iterations > 0 ? static_cast<double>(result.call_ms.size()) / settings.iterations
                                   : seconds_since(start) / settings.duration_s;
    if (settings.on_progress) settings.on_progress(std::min(done, 1.0));
  }
  return result;
}

std::vector<double> window_rates(const LoadResult& result) {
  const std::size_t calls = result.call_ms.size();
  const std::size_t per_window = std::max<std::size_t>(1, calls / kWindows);
  const std::size_t windows = std::min<std::size_t>(calls, calls < kWindows ? calls : kWindows);
  std::vector<double> rates;
  for (std::size_t w = 0; w < windows; ++w) {
    const auto first = result.call_ms.begin() + static_cast<std::ptrdiff_t>(w * per_window);
    const auto last =
        w + 1 == windows ? result.call_ms.end() : first + static_cast<std::ptrdiff_t>(per_window);
    const double ms = std::accumulate(first, last, 0.0);
    rates.push_back(static_cast<double>(last - first) * result.batch / std::max(ms * 1e-3, 1e-9));
  }
  return rates;
}

Latency latency(const LoadResult& result) {
  return {mean(result.call_ms), percentile(result.call_ms, 50), percentile(result.call_ms, 90),
          percentile(result.call_ms, 99)};
}

Validity judge(const LoadResult& result) {
  Validity validity;
  const auto suspect = [&](std::string reason) {
    validity.valid = false;
    validity.reasons.push_back(std::move(reason));
  };
  if (result.call_ms.size() < kMinCalls)
    suspect(fmt::format("{} timed calls, fewer than {}", result.call_ms.size(), kMinCalls));
  const std::vector<double> rates = window_rates(result);
  if (rates.empty()) return validity;
  const double cv = coefficient_of_variation(rates);
  if (cv > kMaxVariation)
    suspect(fmt::format("throughput varies by {:.1f} %, more than {:.0f} %", 100 * cv, 100 * kMaxVariation));
  if (const std::size_t third = rates.size() / 3; third >= 1) {
    const std::span<const double> all(rates);
    const double drift = median(all.last(third)) / median(all.first(third)) - 1;
    if (std::abs(drift) > kMaxDrift)
      suspect(fmt::format("throughput of the last third is {:+.1f} % against the first, more than {:.0f} %",
                          100 * drift, 100 * kMaxDrift));
  }
  return validity;
}

}  // namespace octet::lab
