// The file of a wall meter: CSV with a header line that names a column of times and one of watts, in any
// order and among others. docs/energy.md has the formats.
#pragma once

#include <filesystem>
#include <vector>

#include "lab/power/trace.h"

namespace octet::lab {

struct WallLog {
  std::vector<PowerSample> samples;  ///< W; times since 1970, rising
  double interval_s = 1;             ///< median of the times between samples
  double resolution = 1;             ///< W: the last digit that the file writes
};

/// A last line without its end is left out: it may still be being written. Throws Error(kNotFound, kIo),
/// Error(kParse) with file and line for a missing column, a value that is none, and times that do not rise.
WallLog read_wall_log(const std::filesystem::path& file);

}  // namespace octet::lab
