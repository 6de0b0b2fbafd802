// Measuring with evidence: a measurement, what else happened on the machine in the time of its rounds
// (lab/evidence), and what both say about whether to believe it.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "lab/bench/measure.h"
#include "lab/bench/server.h"
#include "lab/evidence/observation.h"
#include "lab/evidence/verdict.h"

namespace octet::lab {

struct ObservedMeasurement {
  Measurement measurement;
  std::vector<Observation> observations;  ///< one a round
};

/// As measure(), the observer around every round. `settings`' own hooks are called outside of it.
ObservedMeasurement measure_observed(SystemUnderTest& system, const LoadSettings& settings,
                                     Clock& clock = system_clock());
/// As measure_interleaved().
std::vector<ObservedMeasurement> measure_interleaved_observed(std::span<SystemUnderTest* const> systems,
                                                              const LoadSettings& settings,
                                                              Clock& clock = system_clock());

struct ObservedSearch {
  ServerSearch search;
  std::vector<Observation> observations;  ///< one a trial
};
/// The server scenario: as find_highest_rate(), or, with `qps`, one trial at that rate after the warm-up.
ObservedSearch measure_server(SystemUnderTest& system, const ServerSettings& settings,
                              std::optional<double> qps, Clock& clock = system_clock());

/// The verdict, from what a record keeps.
Judgement judge(const Measurement& measurement, std::span<const Observation> observations);
/// Of a trial of the server scenario. Its rate is the arrivals', so the variation of that is not looked at.
Judgement judge(const Trial& trial, const Warmup& warmup, const Observation& observation);

}  // namespace octet::lab
