// What the programs do alike: exit codes, error messages on stderr, interruption, and reading the command
// line.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "octet/error.h"

namespace CLI {
class App;
}

namespace octet::tools {

/// The promise to scripts.
enum ExitCode : int {
  kSuccess = 0,
  kOwnFailure = 1,  ///< a fault of the program's, or memory or output gave out
  kBadInput = 2,    ///< wrong usage, or input that cannot be used
  kAnswerIsNo = 3,  ///< it ran, and what was asked is not so
  kInterrupted = 130,
};

/// Of an error that ends a program.
int exit_code_of(ErrorCode code);

/// Runs `body` and returns its exit code; an exception becomes "NAME: MESSAGE" on stderr and the exit code of
/// its kind. SIGINT ends the program at once with 130: no command leaves anything half-written behind (files
/// are written under a temporary name). Output that could not be written is an error too.
int run_program(const char* name, const std::function<int()>& body);

/// Parses the command line. Returns an exit code if the program is to end here (--help, --version); throws
/// Error(kInvalidArgument) for wrong usage.
std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv);

/// A remark on stderr that does not end the program: "NAME: warning: TEXT".
void warn(const std::string& text);

}  // namespace octet::tools
