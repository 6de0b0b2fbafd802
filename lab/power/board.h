// What a GPU's board was doing when its power was read. How warm it was, and whether it slowed itself down,
// says whether the figures beside it are those of the board or of its cooling (board_evidence.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lab/support/clock.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

/// What stays the same while it is recorded. What the board or its driver does not tell is empty.
struct BoardInfo {
  std::string uuid;                   ///< "GPU-6f0b..."; the index may change with the next boot
  std::string driver;                 ///< version
  std::optional<double> limit_watts;  ///< that it keeps its power under
};
Json to_json(const BoardInfo& info);
/// Throws Json::exception for a value of the wrong type.
BoardInfo board_info_from(const Json& json);

/// Each absent where the board does not tell it.
struct BoardState {
  std::optional<int> performance_state;  ///< P0, the fastest, to P15
  std::optional<double> sm_mhz;
  std::optional<double> celsius;
  std::optional<double> busy_share;  ///< of the board's last sampling period (1/6 to 1 s), 0..1
  /// Why its clocks are not higher, as NVML's nvmlClocksEventReasons number them (board_evidence.h has
  /// words).
  std::optional<std::uint64_t> reasons;
};

struct BoardSample {
  Nanoseconds time = 0;
  BoardState state;
};
/// {"time_ns": [...], "performance_state": [...], "sm_mhz": [...], "celsius": [...], "busy_share": [...],
/// "reasons": [...]}, null for what is absent.
Json to_json(std::span<const BoardSample> samples);
/// Throws Error(kParse) for lists of unequal length and times that do not rise, Json::exception for a missing
/// or ill-typed key.
std::vector<BoardSample> board_samples_from(const Json& json);

}  // namespace octet::lab
