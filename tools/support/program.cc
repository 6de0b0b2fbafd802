#include "tools/support/program.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <new>

#include "octet/error.h"

namespace octet::tools {
namespace {

const char* program_name = "octet";

extern "C" void end_on_interrupt(int) {
  constexpr char kMessage[] = "\ninterrupted\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
  _exit(kInterrupted);
}

int report(int exit_code, const char* message) {
  std::fflush(stdout);
  fmt::print(stderr, "{}: {}\n", program_name, printable(message));
  return exit_code;
}

}  // namespace

int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInterrupted:
      return kInterrupted;
    case ErrorCode::kInternal:
      return kOwnFailure;
    default:
      return kBadInput;
  }
}

int run_program(const char* name, const std::function<int()>& body) {
  program_name = name;
  struct sigaction action = {};
  action.sa_handler = end_on_interrupt;
  sigaction(SIGINT, &action, nullptr);
  try {
    const int exit_code = body();
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      return report(kOwnFailure, "standard output could not be written");
    return exit_code;
  } catch (const Error& error) {
    return report(exit_code_of(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    return report(kOwnFailure, "out of memory");
  } catch (const std::exception& error) {
    return report(kOwnFailure, error.what());
  }
}

std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    const auto selected = app.get_subcommands();
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{} ('{}{}{} --help' shows the options)", error.what(), program_name,
                    selected.empty() ? "" : " ", selected.empty() ? "" : selected.front()->get_name()));
  }
}

void warn(const std::string& text) { fmt::print(stderr, "{}: warning: {}\n", program_name, printable(text)); }

}  // namespace octet::tools
