// Starts this program as K ranks with the MPI launcher that is installed, waits for them with a time limit,
// and turns their failure into a message that names the rank.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lab/support/json_fwd.h"

namespace octet::lab {

struct LaunchOptions {
  std::string mpirun = "mpirun";              ///< name or path
  std::vector<std::string> mpirun_arguments;  ///< of the user's own, e.g. {"--hostfile", "hosts"}
  double timeout_s = 900;                     ///< the ranks are then ended
};

enum class LauncherKind { kOpenMpi, kHydra };  ///< Hydra: MPICH's and Intel's
/// From what `mpirun --version` prints. Throws Error(kUnsupported) for another.
LauncherKind launcher_kind(std::string_view version_text);

/// The whole argument vector for `program`, which stands with its arguments at the end.
std::vector<std::string> launch_arguments(const LaunchOptions& options, LauncherKind kind, int ranks,
                                          bool root, const std::vector<std::string>& program);

/// Why ranks failed, from the launcher's stderr: what a rank said, else which one ended how, else the last
/// lines.
std::string describe_failure(std::string_view stderr_text);

/// Runs `program` (its path and arguments) as `ranks` ranks and returns what rank 0 printed: one JSON
/// document on a line of its own. One rank is started without a launcher if none is installed. Throws Error:
/// kNotFound (no launcher; says which package has it), kInvalidArgument (the ranks refused their arguments),
/// kInternal (a rank died, or nothing sensible was printed), kIo (time limit).
Json run_ranks(const LaunchOptions& options, int ranks, const std::vector<std::string>& program);

}  // namespace octet::lab
