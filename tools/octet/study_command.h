// What `octet study` and `octet replay` do alike: run a configuration into a folder, with progress, an
// interruption that leaves a valid bundle, and a summary.
#pragma once

#include <filesystem>

#include "lab/study/config.h"
#include "tools/octet/common_options.h"

namespace octet::tools {

/// Returns the exit code; 130 where the user interrupted it. A folder that another build of Octet measured is
/// Error(kMismatch) unless `anew`: its records would all be put aside and measured again. Throws what the
/// laboratory throws.
int run_study_into(const std::filesystem::path& folder, const lab::StudyConfig& config,
                   const OutputOptions& output, bool anew = false);

/// The plan with forecasts; nothing is measured but the machine's peaks.
int print_plan(const lab::StudyConfig& config, const OutputOptions& output);

}  // namespace octet::tools
