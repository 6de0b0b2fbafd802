#include "tools/support/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace octet::tools {
namespace {

using Clock = std::chrono::steady_clock;

std::string time_left(double elapsed_s, double done) {
  // Below this share the forecast would be a guess.
  if (done < 0.02) return "";
  const auto left = static_cast<long>(elapsed_s / done * (1 - done) + 0.5);
  return left >= 60 ? fmt::format(", {} min {} s left", left / 60, left % 60)
                    : fmt::format(", {} s left", left);
}

}  // namespace

Progress::Progress(std::string what)
    : what_(std::move(what)),
      enabled_(isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_drawn_(start_) {}

Progress::~Progress() { clear(); }

void Progress::update(double done, const std::string& detail) {
  const Clock::time_point now = Clock::now();
  if (!enabled_ || now - last_drawn_ < std::chrono::milliseconds(100)) return;
  last_drawn_ = now;
  drawn_ = true;
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  fmt::print(stderr, "\r\033[K{}: {:.0f} %{}{}{}", what_, 100 * done, detail.empty() ? "" : ", ", detail,
             time_left(elapsed, done));
  std::fflush(stderr);
}

void Progress::clear() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace octet::tools
