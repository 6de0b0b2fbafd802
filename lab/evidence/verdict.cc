#include "lab/evidence/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr Verdict kVerdicts[] = {Verdict::kValid, Verdict::kSuspect, Verdict::kInvalid};

double median(std::span<const double> samples) {
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : 0.5 * (sorted[half - 1] + sorted[half]);
}

double variation(std::span<const double> samples) {
  const double count = static_cast<double>(samples.size());
  const double mean = std::accumulate(samples.begin(), samples.end(), 0.0) / count;
  double squares = 0;
  for (const double sample : samples) squares += (sample - mean) * (sample - mean);
  return std::sqrt(squares / (count - 1)) / mean;
}

/// Change from the median of the first third to that of the last, relative to the first; 0 for fewer than
/// three samples.
double drift(std::span<const double> samples) {
  const std::size_t third = samples.size() / 3;
  if (third == 0) return 0;
  const double first = median(samples.first(third));
  return first > 0 ? median(samples.last(third)) / first - 1 : 0;
}

void judge_samples(const SampleEvidence& samples, Judgement& judgement) {
  const auto calls = static_cast<double>(samples.calls);
  const auto least = static_cast<double>(bounds::kCalls);
  const bool positive = std::all_of(samples.rates.begin(), samples.rates.end(),
                                    [](double rate) { return std::isfinite(rate) && rate > 0; });
  if (samples.calls == 0 || !positive) {
    judgement.add({"few-samples", Verdict::kInvalid, "nothing ran, or in no time at all", calls, least});
    return;
  }
  if (samples.calls < bounds::kCalls)
    judgement.add({"few-samples", Verdict::kSuspect,
                   fmt::format("{} timed calls, fewer than {}", samples.calls, bounds::kCalls), calls,
                   least});
  if (!samples.steady_before)
    judgement.add(
        {"not-steady", Verdict::kSuspect, "the warm-up's time was over before the rate was steady", 0, 0});
  if (samples.rates.size() < 2) return;
  if (const double cv = variation(samples.rates); cv > bounds::kVariation)
    judgement.add({"variation", Verdict::kSuspect,
                   fmt::format("the rates vary by {:.1f} % (standard deviation), more than {:g} %", 100 * cv,
                               100 * bounds::kVariation),
                   cv, bounds::kVariation});
  if (const double change = drift(samples.rates); std::abs(change) > bounds::kDrift)
    judgement.add(
        {"drift", Verdict::kSuspect,
         fmt::format("the rate changed by {:+.1f} % from the first third to the last, more than {:g} %",
                     100 * change, 100 * bounds::kDrift),
         change, bounds::kDrift});
}

/// A share counts by what it surely exceeds its bound, given the resolution of the kernel's ticks.
void judge_share(const std::optional<double>& share, double resolution, double bound, const char* code,
                 const char* what, Judgement& judgement) {
  if (!share || *share - resolution <= bound) return;
  judgement.add(
      {code, Verdict::kSuspect,
       fmt::format("{:.1f} % of the CPU time {}, more than {:g} %", 100 * *share, what, 100 * bound), *share,
       bound});
}

void judge_throttling(const Observation& observation, Judgement& judgement) {
  if (!observation.throttled_s || observation.seconds <= 0) return;
  const double share = *observation.throttled_s / observation.seconds;
  if (share <= bounds::kThrottled) return;
  judgement.add(
      {"throttled", Verdict::kSuspect,
       fmt::format("the cgroup's quota of CPU time stopped the process for {:.1f} % of the window ({} "
                   "times), more than {:g} %",
                   100 * share, observation.throttled_periods.value_or(0), 100 * bounds::kThrottled),
       share, bounds::kThrottled});
}

void judge_clock_rate(const Observation& observation, Judgement& judgement) {
  const auto report = [&](double change, const char* between) {
    if (std::abs(change) > bounds::kClockRate)
      judgement.add({"clock-rate", Verdict::kSuspect,
                     fmt::format("the CPU's clock rate changed by {:+.1f} % {}, more than {:g} %",
                                 100 * change, between, 100 * bounds::kClockRate),
                     change, bounds::kClockRate});
  };
  if (observation.clock_ghz_before && observation.clock_ghz_after && *observation.clock_ghz_before > 0)
    report(*observation.clock_ghz_after / *observation.clock_ghz_before - 1, "from before to after");
  report(drift(observation.clock_ghz_during), "from the first third of the window to the last");
}

void judge_parallel_capacity(const Observation& observation, Judgement& judgement) {
  const double capacity = std::min(observation.parallel_capacity_before.value_or(1),
                                   observation.parallel_capacity_after.value_or(1));
  if (capacity >= bounds::kParallelCapacity) return;
  judgement.add(
      {"shared-core", Verdict::kSuspect,
       fmt::format("the CPUs together ran at {:.2f} of one alone each, less than {:g}: the hypervisor may "
                   "run them on one core's hardware threads (or other work was on them)",
                   capacity, bounds::kParallelCapacity),
       capacity, bounds::kParallelCapacity});
}

void judge_clocks(const Observation& observation, Judgement& judgement) {
  if (observation.clock_jump_s > bounds::kClockJump)
    judgement.add({"clock-jump", Verdict::kInvalid,
                   fmt::format("the system's clocks disagree by {:.3f} s about the window: the machine was "
                               "suspended or its clock set",
                               observation.clock_jump_s),
                   observation.clock_jump_s, bounds::kClockJump});
  const double gap = observation.worst_gap_s;
  if (gap <= bounds::kStalledAtLeast_s || gap <= bounds::kStalled * observation.seconds) return;
  const bool invalid = gap > bounds::kStalledInvalid * observation.seconds;
  const double bound = invalid ? bounds::kStalledInvalid : bounds::kStalled;
  judgement.add({"stalled", invalid ? Verdict::kInvalid : Verdict::kSuspect,
                 fmt::format("the observing thread could not run for {:.2f} s of {:.2f} s, more than {:g} %",
                             gap, observation.seconds, 100 * bound),
                 gap, bound * observation.seconds});
}

void judge_faults_and_heat(const Observation& observation, Judgement& judgement) {
  const double faults = static_cast<double>(observation.major_faults.value_or(0));
  const double bound =
      std::max(bounds::kMajorFaults, bounds::kMajorFaultsPerSecond * std::max(0.0, observation.seconds));
  if (faults > bound)
    judgement.add(
        {"swapping", Verdict::kSuspect,
         fmt::format("{:.0f} major page faults, more than {:.0f}: memory was read from disk", faults, bound),
         faults, bound});
  if (const std::int64_t heat = observation.thermal_throttles.value_or(0); heat > 0)
    judgement.add({"thermal", Verdict::kSuspect,
                   fmt::format("the CPU slowed itself down {} times because it was too hot", heat),
                   static_cast<double>(heat), 0});
}

}  // namespace

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kValid:
      return "VALID";
    case Verdict::kSuspect:
      return "SUSPECT";
    case Verdict::kInvalid:
      return "INVALID";
  }
  return "INVALID";
}

Verdict parse_verdict(std::string_view text) {
  for (const Verdict verdict : kVerdicts)
    if (text == to_string(verdict)) return verdict;
  throw Error(ErrorCode::kParse, fmt::format("verdict: expected VALID, SUSPECT or INVALID, got '{}'", text));
}

Verdict worse(Verdict a, Verdict b) { return std::max(a, b); }

void Judgement::add(Reason reason) {
  verdict = worse(verdict, reason.severity);
  reasons.push_back(std::move(reason));
}

Json to_json(const Judgement& judgement) {
  Json reasons = Json::array();
  for (const Reason& reason : judgement.reasons)
    reasons.push_back({{"code", reason.code},
                       {"severity", to_string(reason.severity)},
                       {"text", reason.text},
                       {"value", reason.value},
                       {"bound", reason.bound}});
  return {{"verdict", to_string(judgement.verdict)}, {"reasons", std::move(reasons)}};
}

Judgement judgement_from(const Json& json) {
  try {
    Judgement judgement;
    for (const Json& reason : json.at("reasons"))
      judgement.reasons.push_back({reason.at("code").get<std::string>(),
                                   parse_verdict(reason.at("severity").get<std::string>()),
                                   reason.at("text").get<std::string>(), reason.at("value").get<double>(),
                                   reason.at("bound").get<double>()});
    judgement.verdict = parse_verdict(json.at("verdict").get<std::string>());
    return judgement;
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kParse, fmt::format("judgement: {}", error.what()));
  }
}

Judgement judge(const SampleEvidence& samples, const Observation& observation) {
  Judgement judgement;
  judge_samples(samples, judgement);
  judge_share(observation.steal_share, observation.share_resolution, bounds::kSteal, "steal",
              "was stolen by the hypervisor", judgement);
  // Own time is rounded to ticks as well, twice a process.
  judge_share(observation.other_share, 2 * observation.share_resolution, bounds::kOtherLoad, "other-load",
              "was used by other programs", judgement);
  judge_throttling(observation, judgement);
  judge_clock_rate(observation, judgement);
  judge_parallel_capacity(observation, judgement);
  judge_clocks(observation, judgement);
  judge_faults_and_heat(observation, judgement);
  return judgement;
}

}  // namespace octet::lab
