// Whether a measurement should be believed. Bounds stand here, each with its reason; the verdict lists every
// bound that was broken, with the figure, so that a reader can judge for himself.
//
// VALID: nothing speaks against it. SUSPECT: the machine was not quiet or the samples are few or unsteady;
// the figure is kept and marked. INVALID: the figure means something else than it says (the clock jumped, the
// process was stopped for longer than a tenth of the window); it is kept in the raw data, and left out of
// comparisons.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lab/evidence/observation.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

enum class Verdict { kValid, kSuspect, kInvalid };
const char* to_string(Verdict verdict);  // "VALID", "SUSPECT", "INVALID"
Verdict parse_verdict(std::string_view text);
Verdict worse(Verdict a, Verdict b);

struct Reason {
  std::string code;  ///< "steal", "throttled", "other-load", "variation", "drift", "few-samples",
                     ///< "clock-rate", "clock-jump", "stalled", "not-steady", "swapping", "thermal"
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
Judgement judgement_from(const Json& json);

/// What the samples themselves say.
struct SampleEvidence {
  std::size_t calls = 0;
  bool steady_before =
      true;  ///< the warm-up ended because the rate was steady, not because its time was over
  std::span<const double> rates;  ///< images/s of successive windows of the measurement
};

/// Pure: the same arguments give the same verdict, so that a bundle's verdicts can be derived again.
Judgement judge(const SampleEvidence& samples, const Observation& observation);

}  // namespace octet::lab
