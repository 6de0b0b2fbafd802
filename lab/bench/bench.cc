// What measuring costs: a call timed by the laboratory's loop beside the same call in a plain loop, in CPU
// time of this thread, for the smallest network at batch 1, where the share is largest.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <vector>

#include "lab/bench/measure.h"
#include "lab/bench/octet_system.h"

namespace {

using namespace octet;

double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// A system that does nothing: what is left is the measuring.
class Nothing final : public lab::SystemUnderTest {
 public:
  const lab::SystemInfo& info() const override { return info_; }
  void run(int) override {}
  std::string output_hash() override { return ""; }

 private:
  lab::SystemInfo info_;
};

double measured_call_s(lab::SystemUnderTest& system, int calls) {
  lab::LoadSettings settings;
  settings.iterations = calls;
  settings.warmup = {0, 0, 1};
  const double start = thread_seconds();
  lab::measure(system, settings);
  return (thread_seconds() - start) / calls;
}

}  // namespace

int main() {
  constexpr int kRuns = 5, kCalls = 2000;
  BuildOptions options;
  options.threads = 1;
  lab::OctetSystem system(Network::zoo("octet-20"), options, 1);
  Nothing nothing;
  double plain_s = 1, measuring_s = 1;
  for (int run = 0; run < kRuns; ++run) {
    measuring_s = std::min(measuring_s, measured_call_s(nothing, 100 * kCalls));
    const double start = thread_seconds();
    for (int call = 0; call < kCalls; ++call) system.run(1);
    plain_s = std::min(plain_s, (thread_seconds() - start) / kCalls);
  }
  fmt::print("octet-20, batch 1, 1 thread: {:.2f} us a call; measuring it {:.3f} us, {:.3f} %\n",
             1e6 * plain_s, 1e6 * measuring_s, 100 * measuring_s / plain_s);
}
