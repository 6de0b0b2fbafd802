// What the boards' states in the windows of a measurement say: a summary beside the energy, and whether the
// measurement is to be believed. Pure functions, so that a study's figures can be derived again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lab/evidence/verdict.h"
#include "lab/power/trace.h"
#include "lab/support/clock.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

/// Of the samples in the windows; each figure absent where no sample has it.
struct BoardSummary {
  std::size_t samples = 0;
  std::optional<int> performance_state;  ///< the slowest
  std::optional<double> sm_mhz;          ///< mean
  std::optional<double> celsius;         ///< highest
  std::optional<double> busy_share;      ///< mean
  /// Of the samples that tell their reasons: those in which a board at work was slowed down by heat or by its
  /// supply. Its own power limit is no such reason: a board that is full of work keeps to it all the time.
  std::optional<double> slowed_share;
  std::uint64_t slowed_by = 0;  ///< reasons of those
  std::uint64_t reasons = 0;    ///< of all
};
BoardSummary summarize_board(std::span<const BoardSample> samples, std::span<const Window> windows);

/// "power limit", "software thermal slowdown", ...: NVML's bits in words.
std::vector<std::string> words_of_reasons(std::uint64_t reasons);

/// {performance_state, sm_mhz, celsius, busy, slowed, reasons[]}, shares in percent, what is absent left out.
Json to_json(const BoardSummary& summary);

/// Adds "gpu-throttled" (SUSPECT) for each board that was slowed down for more than bounds::kThrottled of its
/// samples, whose work it ever was: a board of another program's on the same machine heats and draws as well.
void judge_boards(std::span<const PowerTrace> power, std::span<const Window> windows, Judgement& judgement);

}  // namespace octet::lab
