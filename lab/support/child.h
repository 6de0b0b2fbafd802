// Other programs, started by argument vector (never through a shell): run to their end, or kept and talked to
// line by line. What they may take and print is bounded. A child is a process group of its own, so Ctrl-C at
// the terminal ends this program and not the child in the middle of its work; it is ended with its object,
// with this program, and with the thread that started it (SIGTERM, on which mpirun ends its ranks; after two
// seconds SIGKILL for the group).
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace octet::lab {

/// The program that the shell would start: itself if it has a slash, else found in PATH. Nothing if there is
/// none or it cannot be executed.
std::optional<std::filesystem::path> find_program(std::string_view name);

/// Path of the running program.
std::filesystem::path own_program();

struct Command {
  std::vector<std::string> argv;                                 ///< argv[0] as find_program takes it
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to the parent's
};

struct Finished {
  int exit_code = -1;  ///< 128 + signal where a signal ended it
  bool timed_out = false;
  std::string out;
  std::string err;
};

/// Runs to the end; standard input is empty. After `timeout_s` (0: none) the child is ended. At most 64 MiB
/// of `out` and of `err` are kept. Throws Error: kNotFound (no such program), kIo.
Finished run_command(const Command& command, double timeout_s = 0);

/// A program that is talked to in lines. Its stderr is kept (the last 64 KiB) for messages.
class Child {
 public:
  /// Throws as run_command.
  explicit Child(const Command& command);
  ~Child();  // ends it
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;

  /// Throws Error(kIo) naming the program, with the end of its stderr, if it has ended, or if for a minute it
  /// has not read what it was sent.
  void write_line(std::string_view line);
  /// Without its end of line. Throws Error(kIo): it ended (with exit code and the end of its stderr), no line
  /// within `timeout_s`, or a line of more than 64 MiB. `while_waiting` is called every few milliseconds;
  /// what it throws ends the wait.
  std::string read_line(double timeout_s, const std::function<void()>& while_waiting = {});
  /// Closes its input, waits up to `timeout_s`, then ends it. Returns the exit code as Finished has it.
  int finish(double timeout_s);
  pid_t pid() const;
  /// What has been read of its stderr by the calls above.
  const std::string& stderr_tail() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace octet::lab
