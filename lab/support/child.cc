#include "lab/support/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "lab/support/clock.h"
#include "octet/error.h"

namespace octet::lab {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMaxOutput = std::size_t{64} << 20;
constexpr std::size_t kStderrTail = std::size_t{64} << 10;
constexpr double kTermGrace = 2;      // seconds from SIGTERM to SIGKILL
constexpr double kWriteTimeout = 60;  // seconds in which a child must read something of what it is sent
constexpr int kTickMs = 20;           // how soon an end is noticed that closes no pipe
constexpr Nanoseconds kNever = std::numeric_limits<Nanoseconds>::max();

Nanoseconds deadline_after(double timeout_s) {
  const Nanoseconds now = system_clock().now();
  return timeout_s < 1e9 ? now + nanoseconds(timeout_s) : kNever;
}

[[noreturn]] void fail_child(std::string_view program, std::string_view what, int error) {
  throw Error(ErrorCode::kIo, fmt::format("{}: {}: {}", program, what, std::strerror(error)));
}

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor() { close(); }
  void close() {
    if (value_ >= 0) ::close(value_);
    value_ = -1;
  }
  int get() const { return value_; }
  bool open() const { return value_ >= 0; }

 private:
  int value_ = -1;
};

/// Out of the way of 0, 1 and 2, which are free if this program was started without them and which the child
/// is about to fill.
Descriptor above_standard(Descriptor descriptor, std::string_view program) {
  if (descriptor.get() > STDERR_FILENO) return descriptor;
  Descriptor moved(::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!moved.open()) fail_child(program, "cannot be started", errno);
  return moved;
}

struct Ends {
  Descriptor ours;
  Descriptor childs;
};

Ends pipe_from_child(std::string_view program) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail_child(program, "cannot be started", errno);
  Descriptor ours(ends[0]);
  Descriptor childs(ends[1]);
  return {above_standard(std::move(ours), program), above_standard(std::move(childs), program)};
}

/// A socket and not a pipe, since writing to it can be told not to raise SIGPIPE.
Ends socket_to_child(std::string_view program) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    fail_child(program, "cannot be started", errno);
  Descriptor ours(ends[0]);
  Descriptor childs(ends[1]);
  return {above_standard(std::move(ours), program), above_standard(std::move(childs), program)};
}

bool is_program(const fs::path& file) {
  std::error_code error;
  return fs::is_regular_file(file, error) && ::access(file.c_str(), X_OK) == 0;
}

/// The parent's variables with the added ones in their place.
std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> all;
  for (char** variable = ::environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::string_view name = text.substr(0, text.find('='));
    if (std::none_of(added.begin(), added.end(), [&](const auto& entry) { return entry.first == name; }))
      all.emplace_back(text);
  }
  for (const auto& [name, value] : added) all.push_back(fmt::format("{}={}", name, value));
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& string : strings) result.push_back(string.data());
  result.push_back(nullptr);
  return result;
}

/// Between fork and exec, where only calls that are safe in a signal handler may be made: other threads may
/// have held any lock at the fork. Returns only if it fails; the reason is in errno.
void become(const char* file, char* const* argv, char* const* environment, int in, int out, int err,
            pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(128 + SIGTERM);  // the parent died before it could take us with it
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGPIPE, SIGTERM, SIGINT, SIGHUP}) ::signal(signal, SIG_DFL);
  if (::dup2(in, STDIN_FILENO) < 0 || ::dup2(out, STDOUT_FILENO) < 0 || ::dup2(err, STDERR_FILENO) < 0)
    return;
  // Whatever this program has open, its libraries' and its parent's files included; a kernel before 5.11
  // closes those that were opened so. The pipe that tells of a failure lives until the exec.
  ::close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
  ::execve(file, argv, environment);
}

/// A started program: never left a zombie, never left running.
class Process {
 public:
  Process(const Command& command, int in, int out, int err) {
    if (command.argv.empty()) throw Error(ErrorCode::kInvalidArgument, "expected a program, got no words");
    name_ = command.argv[0];
    const auto file = find_program(name_);
    if (!file)
      throw Error(ErrorCode::kNotFound, fmt::format("{}: no such program{}", name_,
                                                    name_.find('/') == std::string::npos ? " in PATH" : ""));
    std::vector<std::string> argv = command.argv;
    std::vector<std::string> environment = environment_with(command.environment);
    const std::vector<char*> argv_pointers = pointers(argv);
    const std::vector<char*> environment_pointers = pointers(environment);
    Ends failure = pipe_from_child(name_);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) fail_child(name_, "cannot be started", errno);
    if (pid_ == 0) {
      become(file->c_str(), argv_pointers.data(), environment_pointers.data(), in, out, err, parent);
      const int error = errno;
      [[maybe_unused]] const ssize_t told = ::write(failure.childs.get(), &error, sizeof error);
      ::_exit(127);
    }
    failure.childs.close();
    int error = 0;
    ssize_t count = 0;
    do count = ::read(failure.ours.get(), &error, sizeof error);  // nothing: exec has closed the other end
    while (count < 0 && errno == EINTR);
    if (count == sizeof error) {
      wait(kNever);
      fail_child(name_, "cannot be started", error);
    }
  }
  ~Process() { end(); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Whether it has ended by `deadline`.
  bool wait(Nanoseconds deadline) {
    for (int pause_us = 100; !ended_; pause_us = std::min(2 * pause_us, 1000 * kTickMs)) {
      int status = 0;
      const pid_t got = ::waitpid(pid_, &status, deadline == kNever ? 0 : WNOHANG);
      if (got < 0 && errno == EINTR) continue;
      if (got != 0) {
        ended_ = true;
        // Without a status (a program that ignores SIGCHLD gets none) the code stays -1.
        if (got > 0) exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      } else if (system_clock().now() >= deadline) {
        return false;
      } else {
        ::usleep(static_cast<useconds_t>(pause_us));
      }
    }
    return true;
  }

  void end() {
    if (ended_) return;
    ::kill(-pid_, SIGTERM);
    if (wait(deadline_after(kTermGrace))) return;
    ::kill(-pid_, SIGKILL);
    wait(kNever);
  }

  bool ended() { return wait(0); }
  const std::string& name() const { return name_; }
  pid_t pid() const { return pid_; }
  int exit_code() const { return exit_code_; }

 private:
  std::string name_;
  pid_t pid_ = -1;
  bool ended_ = false;
  int exit_code_ = -1;
};

/// Appends what is there to read. At the end, or on an error, the descriptor is closed.
void take(Descriptor& from, std::string& to) {
  std::array<char, 65536> buffer{};
  const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
  if (count > 0)
    to.append(buffer.data(), static_cast<std::size_t>(count));
  else if (count == 0 || (errno != EINTR && errno != EAGAIN))
    from.close();
}

void keep_first(std::string& text, std::size_t bytes) {
  if (text.size() > bytes) text.resize(bytes);
}

void keep_last(std::string& text, std::size_t bytes) {
  if (text.size() > bytes) text.erase(0, text.size() - bytes);
}

pollfd waiting_for(const Descriptor& descriptor, short events) { return {descriptor.get(), events, 0}; }

/// For poll: until `deadline`, but no longer than `most`.
int milliseconds_until(Nanoseconds deadline, int most) {
  const Nanoseconds left = deadline - system_clock().now();
  return static_cast<int>(std::clamp<Nanoseconds>((left + 999'999) / 1'000'000, 0, most));
}

}  // namespace

std::optional<fs::path> find_program(std::string_view name) {
  if (name.find('/') != std::string_view::npos)
    return is_program(name) ? std::optional<fs::path>(name) : std::nullopt;
  const char* variable = std::getenv("PATH");
  std::string_view folders = variable != nullptr ? variable : "/usr/bin:/bin";
  while (!name.empty()) {
    const std::size_t colon = folders.find(':');
    const std::string_view folder = folders.substr(0, colon);
    const fs::path file = fs::path(folder.empty() ? "." : folder) / name;  // as shells take an empty entry
    if (is_program(file)) return file;
    if (colon == std::string_view::npos) break;
    folders.remove_prefix(colon + 1);
  }
  return std::nullopt;
}

fs::path own_program() { return fs::read_symlink("/proc/self/exe"); }

Finished run_command(const Command& command, double timeout_s) {
  const std::string_view name = command.argv.empty() ? "" : std::string_view(command.argv[0]);
  const Nanoseconds deadline = timeout_s > 0 ? deadline_after(timeout_s) : kNever;
  Descriptor in = above_standard(Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)), name);
  Ends out = pipe_from_child(name);
  Ends err = pipe_from_child(name);
  Process process(command, in.get(), out.childs.get(), err.childs.get());
  out.childs.close();
  err.childs.close();

  Finished finished;
  // Pipes may outlive the child, held open by what it started itself, so its own end counts too: after it
  // only what is there already is read.
  bool last_look = false;
  while (out.ours.open() || err.ours.open()) {
    std::array<pollfd, 2> ready{waiting_for(out.ours, POLLIN), waiting_for(err.ours, POLLIN)};
    const int count =
        ::poll(ready.data(), ready.size(), last_look ? 0 : milliseconds_until(deadline, kTickMs));
    if (ready[0].revents != 0) take(out.ours, finished.out);
    if (ready[1].revents != 0) take(err.ours, finished.err);
    keep_first(finished.out, kMaxOutput);
    keep_first(finished.err, kMaxOutput);
    if (count == 0 && last_look) break;
    if (!last_look && system_clock().now() >= deadline) {
      finished.timed_out = !process.ended();
      process.end();
    }
    last_look = process.ended();
  }
  if (!process.wait(deadline)) {
    finished.timed_out = true;
    process.end();
  }
  finished.exit_code = process.exit_code();
  return finished;
}

struct Child::Impl {
  Impl(const Command& command, Ends in_ends, Ends out_ends, Ends err_ends)
      : in(std::move(in_ends.ours)),
        out(std::move(out_ends.ours)),
        err(std::move(err_ends.ours)),
        process(command, in_ends.childs.get(), out_ends.childs.get(), err_ends.childs.get()) {}

  /// Waits up to `timeout_ms` for the child to print something or, where `writing`, to take something. True
  /// in the latter case. What it prints is read in any case, so that it never blocks on us while we do on it.
  bool pump(bool writing, int timeout_ms) {
    std::array<pollfd, 3> ready{waiting_for(out, POLLIN), waiting_for(err, POLLIN),
                                waiting_for(in, writing ? POLLOUT : 0)};
    if (!writing) ready[2].fd = -1;
    if (::poll(ready.data(), ready.size(), timeout_ms) <= 0) return false;
    if (ready[0].revents != 0) take(out, printed);
    if (ready[1].revents != 0) take(err, errors);
    keep_last(errors, kStderrTail);
    return ready[2].revents != 0;
  }

  [[noreturn]] void fail_ended() {
    process.wait(deadline_after(kTermGrace));
    while (err.open() && pump_errors()) {
    }
    const bool alive = !process.ended();
    process.end();
    throw Error(ErrorCode::kIo, alive ? fmt::format("{}: closed its output{}", process.name(), said())
                                      : fmt::format("{}: ended unexpectedly with exit code {}{}",
                                                    process.name(), process.exit_code(), said()));
  }

  [[noreturn]] void fail_silent(std::string_view what) {
    throw Error(ErrorCode::kIo, fmt::format("{}: {}{}", process.name(), what, said()));
  }

  bool pump_errors() {
    pollfd ready = waiting_for(err, POLLIN);
    if (::poll(&ready, 1, 0) <= 0) return false;
    take(err, errors);
    keep_last(errors, kStderrTail);
    return true;
  }

  /// The last lines of stderr, for messages.
  std::string said() const {
    constexpr std::size_t kMost = 1000;
    std::string_view text = errors;
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    if (text.size() > kMost) text.remove_prefix(text.size() - kMost);
    return text.empty() ? "" : fmt::format(", saying: {}", text);
  }

  Descriptor in;
  Descriptor out;
  Descriptor err;
  std::string printed;  // not yet handed out
  std::string errors;
  Process process;
};

Child::Child(const Command& command) {
  const std::string_view name = command.argv.empty() ? "" : std::string_view(command.argv[0]);
  impl_ =
      std::make_unique<Impl>(command, socket_to_child(name), pipe_from_child(name), pipe_from_child(name));
}
Child::~Child() = default;
Child::Child(Child&&) noexcept = default;
Child& Child::operator=(Child&&) noexcept = default;

void Child::write_line(std::string_view line) {
  Impl& child = *impl_;
  if (!child.in.open()) child.fail_silent("its input has been closed");
  const std::string text = std::string(line) + '\n';
  std::string_view left = text;
  Nanoseconds deadline = deadline_after(kWriteTimeout);
  while (!left.empty()) {
    const ssize_t sent = ::send(child.in.get(), left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      left.remove_prefix(static_cast<std::size_t>(sent));
      deadline = deadline_after(kWriteTimeout);
    } else if (errno == EPIPE || errno == ECONNRESET) {
      child.fail_ended();
    } else if (errno == EAGAIN) {
      if (!child.pump(true, milliseconds_until(deadline, 1000)) && system_clock().now() >= deadline)
        child.fail_silent(fmt::format("has read nothing of its input for {} s", kWriteTimeout));
      if (child.printed.size() > kMaxOutput) child.fail_silent("printed more than 64 MiB unasked");
    } else if (errno != EINTR) {
      fail_child(child.process.name(), "cannot be written to", errno);
    }
  }
}

std::string Child::read_line(double timeout_s, const std::function<void()>& while_waiting) {
  Impl& child = *impl_;
  const Nanoseconds deadline = deadline_after(timeout_s);
  for (std::size_t searched = 0;;) {
    if (const std::size_t end = child.printed.find('\n', searched); end != std::string::npos) {
      std::string line = child.printed.substr(0, end);
      child.printed.erase(0, end + 1);
      return line;
    }
    searched = child.printed.size();
    if (searched > kMaxOutput) child.fail_silent("printed a line of more than 64 MiB");
    if (!child.out.open()) child.fail_ended();
    // In short waits, since the pipe of a child that has ended may be held open by what it started itself.
    const bool ended = child.process.ended();
    child.pump(false, ended ? 0 : milliseconds_until(deadline, kTickMs));
    if (child.printed.size() > searched) continue;
    if (ended) child.fail_ended();
    if (while_waiting) while_waiting();
    if (system_clock().now() >= deadline)
      child.fail_silent(fmt::format("expected an answer within {:g} s, got none", timeout_s));
  }
}

int Child::finish(double timeout_s) {
  Impl& child = *impl_;
  child.in.close();
  const Nanoseconds deadline = deadline_after(timeout_s);
  while (!child.process.ended() && system_clock().now() < deadline) {
    child.pump(false, milliseconds_until(deadline, kTickMs));
    if (!child.out.open() && !child.err.open()) child.process.wait(deadline);
    keep_last(child.printed, kMaxOutput);
  }
  child.process.end();
  while (child.err.open() && child.pump_errors()) {
  }
  return child.process.exit_code();
}

pid_t Child::pid() const { return impl_->process.pid(); }
const std::string& Child::stderr_tail() const { return impl_->errors; }

}  // namespace octet::lab
