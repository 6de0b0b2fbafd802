#include "tools/support/interruption.h"

#include <signal.h>
#include <unistd.h>

#include "tools/support/program.h"

namespace octet::tools {
namespace {

std::atomic<bool> stopped = false;
static_assert(std::atomic<bool>::is_always_lock_free, "set by a signal handler");

template <std::size_t N>
void say(const char (&text)[N]) {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, N - 1);
}

extern "C" void stop_or_end(int) {
  if (stopped.exchange(true)) {
    say("\ninterrupted\n");
    _exit(kInterrupted);
  }
  say("\nstopping: what is measured already is kept; once more to end at once\n");
}

}  // namespace

const std::atomic<bool>& stop_on_interrupt() {
  struct sigaction action = {};
  action.sa_handler = stop_or_end;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  return stopped;
}

}  // namespace octet::tools
