#include "lab/mpi/launcher.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <regex>

#include "lab/mpi/communicator.h"
#include "lab/support/child.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr double kVersionTimeout_s = 30;
constexpr std::size_t kLastLines = 8;
constexpr std::string_view kWarning = "octet: warning: ";
constexpr std::string_view kSaid = "octet: ";
constexpr int kRefused = 2;  // exit code of bad input
constexpr int kInterruptedCode = 130;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string line(text.substr(0, end));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty()) lines.push_back(std::move(line));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

void add_once(std::vector<std::string>& list, const std::string& text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
}

/// What the ranks themselves said was wrong.
std::vector<std::string> said_by_ranks(std::string_view stderr_text) {
  std::vector<std::string> said;
  for (const std::string& line : lines_of(stderr_text))
    if (line.starts_with(kSaid) && !line.starts_with(kWarning)) add_once(said, line.substr(kSaid.size()));
  return said;
}

std::vector<std::string> warnings_in(std::string_view stderr_text) {
  std::vector<std::string> warnings;
  for (const std::string& line : lines_of(stderr_text))
    if (line.starts_with(kWarning)) add_once(warnings, line.substr(kWarning.size()));
  return warnings;
}

/// Which rank the launcher says has ended, and how.
std::optional<std::string> ended_rank(const std::string& text) {
  std::smatch match;
  static const std::regex open_mpi_signal(
      R"(process rank (\d+)[^\n]*?on\s+node\s+(\S+)\s+exited\s+on\s+signal\s+(\d+)[ ]?(\([^)]*\))?)");
  if (std::regex_search(text, match, open_mpi_signal))
    return fmt::format("rank {} on {} was ended by signal {}{}{}", match.str(1), match.str(2), match.str(3),
                       match.length(4) > 0 ? " " : "", match.str(4));
  static const std::regex open_mpi_exit(R"(Process name: \[\[[^\]]*\],(\d+)\]\s+Exit code:\s+(\d+))");
  if (std::regex_search(text, match, open_mpi_exit))
    return fmt::format("rank {} ended with exit code {}", match.str(1), match.str(2));
  static const std::regex open_mpi_improper(
      R"(process rank (\d+)[^\n]*\son\s+node\s+(\S+)\s+exiting improperly)");
  if (std::regex_search(text, match, open_mpi_improper))
    return fmt::format("rank {} on {} ended without a word", match.str(1), match.str(2));
  return std::nullopt;
}

LauncherKind kind_of(const std::string& mpirun) {
  const Finished finished = run_command({{mpirun, "--version"}, {}}, kVersionTimeout_s);
  if (finished.exit_code != 0 || finished.timed_out)
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{} --version: expected the version of an MPI launcher, got exit code {}: {}",
                            mpirun, finished.exit_code, fmt::join(lines_of(finished.err), "; ")));
  return launcher_kind(finished.out);
}

std::vector<std::string> command_line(const LaunchOptions& options, int ranks,
                                      const std::vector<std::string>& program) {
  const bool found = find_program(options.mpirun).has_value();
  if (ranks == 1 && !found && options.mpirun == LaunchOptions().mpirun) return program;
  if (!found)
    throw Error(
        ErrorCode::kNotFound,
        fmt::format("{}: no such program{}; ranks are started by an MPI launcher: install it (apt-get "
                    "install openmpi-bin) or say where it is with --mpirun PATH",
                    options.mpirun, options.mpirun.find('/') == std::string::npos ? " in PATH" : ""));
  if (ranks > 1 && !built_with_mpi())
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{} ranks, but this Octet was built without MPI, so that it measures one only; "
                            "install it (apt-get install libopenmpi-dev openmpi-bin) and build again",
                            ranks));
  return launch_arguments(options, kind_of(options.mpirun), ranks, ::geteuid() == 0, program);
}

[[noreturn]] void fail(const Finished& finished, int ranks, double timeout_s) {
  const std::string which = ranks == 1 ? "1 rank" : fmt::format("{} ranks", ranks);
  if (finished.timed_out)
    throw Error(ErrorCode::kIo, fmt::format("{} had not ended after {:g} s and were stopped: {}", which,
                                            timeout_s, describe_failure(finished.err)));
  const std::vector<std::string> said = said_by_ranks(finished.err);
  if (finished.exit_code == kInterruptedCode) throw Error(ErrorCode::kInterrupted, "interrupted");
  if (finished.exit_code == kRefused && !said.empty())
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}", fmt::join(said, "; ")));
  throw Error(ErrorCode::kInternal, fmt::format("{} ended with exit code {}: {}", which, finished.exit_code,
                                                describe_failure(finished.err)));
}

}  // namespace

LauncherKind launcher_kind(std::string_view version_text) {
  const auto says = [&](std::string_view word) { return version_text.find(word) != std::string_view::npos; };
  if (says("Open MPI") || says("OpenRTE") || says("PRRTE")) return LauncherKind::kOpenMpi;
  if (says("HYDRA") || says("Intel(R) MPI")) return LauncherKind::kHydra;
  throw Error(
      ErrorCode::kUnsupported,
      fmt::format("mpirun --version: expected Open MPI, MPICH or Intel MPI, got '{}'; start the ranks "
                  "yourself: LAUNCHER -n K octet scale ...",
                  version_text.substr(0, version_text.find('\n'))));
}

std::vector<std::string> launch_arguments(const LaunchOptions& options, LauncherKind kind, int ranks,
                                          bool root, const std::vector<std::string>& program) {
  std::vector<std::string> arguments{options.mpirun, "-n", std::to_string(ranks)};
  const auto add = [&](std::initializer_list<const char*> more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
  };
  // Ranks bind themselves to their core groups (core_groups.h).
  if (kind == LauncherKind::kOpenMpi) {
    add({"--bind-to", "none"});
    if (root) add({"--allow-run-as-root"});
    // Containers forbid the call that this would use, and Open MPI warns of it at every message.
    add({"--mca", "btl_vader_single_copy_mechanism", "none"});
    // Only this machine: a way to others (ssh) need not be installed. Under Slurm its own way finds the
    // nodes.
    if (options.mpirun_arguments.empty() && std::getenv("SLURM_JOB_ID") == nullptr)
      add({"--mca", "plm", "isolated"});
  } else {
    add({"-bind-to", "none"});
  }
  arguments.insert(arguments.end(), options.mpirun_arguments.begin(), options.mpirun_arguments.end());
  arguments.insert(arguments.end(), program.begin(), program.end());
  return arguments;
}

std::string describe_failure(std::string_view stderr_text) {
  std::vector<std::string> parts = said_by_ranks(stderr_text);
  if (const auto ended = ended_rank(std::string(stderr_text))) parts.insert(parts.begin(), *ended);
  if (!parts.empty()) return fmt::format("{}", fmt::join(parts, "; "));
  std::vector<std::string> lines = lines_of(stderr_text);
  if (lines.empty()) return "nothing was said";
  if (lines.size() > kLastLines) lines.erase(lines.begin(), lines.end() - kLastLines);
  return fmt::format("{}", fmt::join(lines, " / "));
}

RanksOutput run_ranks(const LaunchOptions& options, int ranks, const std::vector<std::string>& program) {
  if (ranks < 1)
    throw Error(ErrorCode::kInvalidArgument, fmt::format("expected 1 or more ranks, got {}", ranks));
  const Finished finished = run_command({command_line(options, ranks, program), {}}, options.timeout_s);
  if (finished.timed_out || finished.exit_code != 0) fail(finished, ranks, options.timeout_s);
  RanksOutput output;
  output.warnings = warnings_in(finished.err);
  const std::vector<std::string> lines = lines_of(finished.out);
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    if (!line->starts_with('{')) continue;
    output.document = Json::parse(*line, nullptr, false);
    if (!output.document.is_discarded()) return output;
  }
  throw Error(ErrorCode::kInternal, fmt::format("{} ranks ended well, but rank 0 printed no result: {}",
                                                ranks, describe_failure(finished.err)));
}

RanksOutput run_scaling(const LaunchOptions& options, int ranks, std::vector<std::string> arguments) {
  std::vector<std::string> program{own_program().string(), "scale"};
  program.insert(program.end(), std::make_move_iterator(arguments.begin()),
                 std::make_move_iterator(arguments.end()));
  program.push_back("--as-rank");
  return run_ranks(options, ranks, program);
}

}  // namespace octet::lab
