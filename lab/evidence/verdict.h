// Whether a measurement should be believed. Bounds stand here, each with its reason; the verdict lists every
// bound that was broken, with the figure, so that a reader can judge for himself.
//
// VALID: nothing speaks against it. SUSPECT: the machine was not quiet or the samples are few or unsteady;
// the figure is kept and marked. INVALID: the figure means something else than it says (the clock jumped, the
// process was stopped for longer than a tenth of the window, nothing ran); it is kept in the raw data, and
// left out of comparisons.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lab/evidence/observation.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

/// What a measurement may show and still be VALID. Shares 0..1.
namespace bounds {
/// Stolen time takes as much off a throughput; 1 % is less than the effects that are compared, and a shared
/// host at rest steals less. (CPU shares have to exceed their bound by the resolution of the kernel's ticks.)
inline constexpr double kSteal = 0.01;
/// Of the CPUs' time. Housekeeping of a system at rest takes 1 to 2 %.
inline constexpr double kOtherLoad = 0.05;
/// Of the window, stopped by the cgroup's quota: as for stolen time.
inline constexpr double kThrottled = 0.01;
/// Coefficient of variation of the windows' rates. Quiet machines show 1 to 2 %.
inline constexpr double kVariation = 0.05;
/// Between the medians of the first and the last third of the windows' rates: heating up, or not warm yet.
inline constexpr double kDrift = 0.05;
/// Between the clock rates before and after, or of the first and last third during: two turbo steps at most.
inline constexpr double kClockRate = 0.05;
/// Parallel capacity. Two hardware threads of one core show 0.5. Cores of their own show 0.8 to 1, since
/// turbo falls where all work, and down to 0.7 where a host's other guests use the cores' second hardware
/// threads.
inline constexpr double kParallelCapacity = 0.6;
/// Fewer calls have no distribution.
inline constexpr std::size_t kCalls = 5;
/// Adjusting a clock's speed moves all clocks alike, so only a step or a suspension shows. Seconds.
inline constexpr double kClockJump = 0.01;
/// A gap in the observing thread's running: SUSPECT above the first share of the window, INVALID above the
/// second. Gaps up to the third, seconds, are a busy scheduler's and say nothing about the measured threads.
inline constexpr double kStalled = 0.01;
inline constexpr double kStalledInvalid = 0.1;
inline constexpr double kStalledAtLeast_s = 0.1;
/// Major page faults: once warm there should be none; each may wait milliseconds for the disk. A few may be
/// the program's own code, paged in; beyond that, per second.
inline constexpr double kMajorFaults = 10;
inline constexpr double kMajorFaultsPerSecond = 2;
}  // namespace bounds

enum class Verdict { kValid, kSuspect, kInvalid };
const char* to_string(Verdict verdict);  // "VALID", "SUSPECT", "INVALID"
/// Throws Error(kParse) naming the verdicts.
Verdict parse_verdict(std::string_view text);
Verdict worse(Verdict a, Verdict b);

struct Reason {
  std::string code;  ///< "steal", "throttled", "other-load", "variation", "drift", "few-samples",
                     ///< "clock-rate", "shared-core", "clock-jump", "stalled", "not-steady", "swapping",
                     ///< "thermal"; of GPUs "gpu-throttled" (lab/power/board_evidence.h)
  Verdict severity = Verdict::kSuspect;
  std::string text;  ///< "4.1 % of the CPU time was stolen by the hypervisor, more than 1 %"
  double value = 0;
  double bound = 0;
};

struct Judgement {
  Verdict verdict = Verdict::kValid;
  std::vector<Reason> reasons;
  void add(Reason reason);  ///< the verdict becomes the worst of the reasons'
};
Json to_json(const Judgement& judgement);  // {"verdict": "SUSPECT", "reasons": [{"code", "severity", "text",
                                           // "value", "bound"}]}
/// Throws Error(kParse).
Judgement judgement_from(const Json& json);

/// What the samples themselves say.
struct SampleEvidence {
  std::size_t calls = 0;
  bool steady_before =
      true;  ///< the warm-up ended because the rate was steady, not because its time was over
  std::span<const double> rates;  ///< images/s of successive windows of the measurement
};

/// Pure: the same arguments give the same verdict, so that a bundle's verdicts can be derived again. Of
/// several rounds take combine(observations).
Judgement judge(const SampleEvidence& samples, const Observation& observation);

}  // namespace octet::lab
