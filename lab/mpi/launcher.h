// Starts this program as K ranks with the MPI launcher that is installed, waits for them with a time limit,
// and turns their failure into a message that names the rank.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lab/support/json.h"

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

struct RanksOutput {
  Json document;                      ///< what rank 0 printed: one JSON document on a line of its own
  std::vector<std::string> warnings;  ///< what ranks warned of, each once
};

/// Runs `program` (its path and arguments) as `ranks` ranks. One rank is started without a launcher if none
/// is installed. Throws Error: kNotFound (no launcher; says which package has it), kUnsupported (several
/// ranks of a program built without MPI), kInvalidArgument (the ranks refused their arguments), kInternal (a
/// rank died, or nothing sensible was printed), kIo (time limit).
RanksOutput run_ranks(const LaunchOptions& options, int ranks, const std::vector<std::string>& program);

/// The same of this program's `octet scale` with these arguments (NET and options): the run's members of a
/// record of kind `scaling` (scaling.h).
RanksOutput run_scaling(const LaunchOptions& options, int ranks, std::vector<std::string> arguments);

}  // namespace octet::lab
