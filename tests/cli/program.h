// Runs a program as a shell script would and keeps what came out: exit code, stdout, stderr. Nothing goes
// through a shell, so arguments need no quoting. A program that hangs is ended and fails its test.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temporary_directory.h"

extern char** environ;

namespace octet::test {

struct Finished {
  int exit_code = -1;  ///< 128 + signal where a signal ended it
  std::string out;
  std::string err;
  std::int64_t peak_bytes = 0;  ///< most resident at a time, of it or of a program that it waited for
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class Program {
 public:
  explicit Program(std::string executable) : executable_(std::move(executable)) {}

  /// `when_started`, if given, is called with the process id while the program runs.
  Finished operator()(std::vector<std::string> arguments,
                      const std::function<void(pid_t)>& when_started = {}) const {
    const std::string out = (directory_.path() / "stdout").string();
    const std::string err = (directory_.path() / "stderr").string();
    const pid_t pid = start(arguments, out, err);
    if (when_started) when_started(pid);
    Finished finished;
    wait_for(pid, finished);
    finished.out = read_file(out);
    finished.err = read_file(err);
    return finished;
  }

 private:
  static constexpr auto kLimit = std::chrono::seconds(240);

  pid_t start(std::vector<std::string>& arguments, const std::string& out, const std::string& err) const {
    std::string executable = executable_;
    std::vector<char*> argv{executable.data()};
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    const int flags = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), flags, 0600);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), flags, 0600);
    pid_t pid = -1;
    const int error = posix_spawn(&pid, executable.c_str(), &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error("cannot start " + executable_);
    return pid;
  }

  static void wait_for(pid_t pid, Finished& finished) {
    const auto give_up = std::chrono::steady_clock::now() + kLimit;
    int status = 0;
    rusage usage = {};
    while (wait4(pid, &status, WNOHANG, &usage) == 0) {
      if (std::chrono::steady_clock::now() > give_up) {
        kill(pid, SIGKILL);
        wait4(pid, &status, 0, &usage);
        ADD_FAILURE() << "the program did not end";
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    finished.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    finished.peak_bytes = std::int64_t{usage.ru_maxrss} * 1024;
  }

  std::string executable_;
  TemporaryDirectory directory_;
};

#ifdef OCTET_PROGRAM
inline const Program& octet_program() {
  static const Program program(OCTET_PROGRAM);
  return program;
}
inline const Program& giexec_program() {
  static const Program program(OCTET_GIEXEC_PROGRAM);
  return program;
}
#endif

}  // namespace octet::test
