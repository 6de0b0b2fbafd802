// What was recorded of one meter: its readings with their times, and what went wrong. Kept raw in a study's
// records, so that every energy can be derived again (energy.h).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lab/power/board.h"
#include "lab/power/meter.h"
#include "lab/support/clock.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

struct PowerSample {
  Nanoseconds time = 0;
  double value = 0;  ///< J or W, as the meter reads
};

inline constexpr std::size_t kMaxPowerFailures = 20;

struct PowerTrace {
  MeterInfo meter;
  std::vector<PowerSample> samples;   ///< times rise
  std::vector<std::string> failures;  ///< "12.3 s: energy_uj: no such file"; at most 20, then a count
  /// Times at which a counter could not be read: it may have been reset there, so the stretch between the
  /// readings on either side says nothing.
  std::vector<Nanoseconds> breaks;
  std::vector<BoardSample> board;  ///< of a GPU, with its readings
};
/// {"meter": {...}, "time_ns": [...], "value": [...], "failures": [...], "breaks_ns": [...], "board":
/// {...}}; the last three are left out where they are empty.
Json to_json(const PowerTrace& trace);
/// Throws Error(kParse) for a missing or ill-typed key, times that do not rise, and lists of unequal length.
PowerTrace power_trace_from(const Json& json);

/// What energy_of needs for these windows: their samples and the two before and after each.
PowerTrace cut(const PowerTrace& trace, std::span<const Window> windows);

}  // namespace octet::lab
