#include "lab/evidence/parallel_capacity.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <system_error>
#include <thread>

#include "lab/evidence/kernel_file.h"
#include "lab/support/clock.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostCpus = 16;
constexpr int kTrials = 5;
constexpr int kSpinTurns = 1400;  // of 128 additions: 50 us at 3.7 GHz and four a cycle
constexpr int kRepeats = 4;  // of those a piece: long for the clock and for threads that start 1 us apart
constexpr Nanoseconds kPatience = 5'000'000;

/// Eight chains, since no core adds more than that in a cycle: both hardware threads of a core want all of
/// its adders. The compiler must not know the values, nor merge the steps of a chain.
[[gnu::noinline]] void independent_adds() {
  std::uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, step = 3;
  for (int turn = 0; turn < kSpinTurns; ++turn) {
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      a += step, b += step, c += step, d += step, e += step, f += step, g += step, h += step;
      asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g), "+r"(h), "+r"(step));
    }
  }
}

/// Returns the error number, 0 for none.
int bind_this_thread(int cpu) {
  const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(CPU_ALLOC(cpu + 1),
                                                             [](cpu_set_t* s) { CPU_FREE(s); });
  const std::size_t bytes = CPU_ALLOC_SIZE(cpu + 1);
  CPU_ZERO_S(bytes, set.get());
  CPU_SET_S(static_cast<std::size_t>(cpu), bytes, set.get());
  return sched_setaffinity(0, bytes, set.get()) == 0 ? 0 : errno;
}

/// Threads that start each piece of work together.
class Crew {
 public:
  explicit Crew(std::span<const int> cpus) : cpus_(cpus), took_(cpus.size()), errors_(cpus.size()) {}

  /// Nanoseconds of every piece, by CPU.
  std::vector<std::vector<Nanoseconds>> run() {
    std::vector<std::thread> threads;
    threads.reserve(cpus_.size());
    std::string why_not;
    try {
      for (std::size_t member = 0; member < cpus_.size(); ++member)
        threads.emplace_back([this, member] { work(member); });
    } catch (const std::system_error& error) {
      why_not = fmt::format("a thread cannot be made: {}", error.what());
      gave_up_ = true;
    }
    for (std::thread& thread : threads) thread.join();
    for (std::size_t member = 0; member < cpus_.size(); ++member)
      if (errors_[member] != 0)
        why_not = fmt::format("a thread cannot be bound to CPU {}: {}", cpus_[member],
                              std::strerror(errors_[member]));
    if (gave_up_ && why_not.empty())
      why_not = fmt::format("a CPU was busy with other work for {} ms", kPatience / 1'000'000);
    if (!why_not.empty()) throw Error(ErrorCode::kIo, "parallel capacity: " + why_not);
    return std::move(took_);
  }

 private:
  void work(std::size_t member) {
    errors_[member] = bind_this_thread(cpus_[member]);
    if (errors_[member] != 0) gave_up_ = true;
    for (int piece = 0; piece < kTrials; ++piece) {
      if (!all_are_here(piece)) return;
      const Nanoseconds start = system_clock().now();
      for (int repeat = 0; repeat < kRepeats; ++repeat) independent_adds();
      took_[member].push_back(std::max<Nanoseconds>(1, system_clock().now() - start));
    }
  }

  bool all_are_here(int piece) {
    arrived_.fetch_add(1, std::memory_order_acq_rel);
    const std::size_t expected = cpus_.size() * (static_cast<std::size_t>(piece) + 1);
    const Nanoseconds give_up_at = system_clock().now() + kPatience;
    while (arrived_.load(std::memory_order_acquire) < expected) {
      if (system_clock().now() > give_up_at) gave_up_ = true;
      if (gave_up_) return false;
    }
    return !gave_up_;
  }

  std::span<const int> cpus_;
  std::vector<std::vector<Nanoseconds>> took_;
  std::vector<int> errors_;
  std::atomic<std::size_t> arrived_ = 0;
  std::atomic<bool> gave_up_ = false;
};

/// Larger for faster cores; 0 where the kernel knows no difference.
std::int64_t speed_of(const fs::path& root, int cpu, std::span<const int> fast_cores_of_intel) {
  if (std::find(fast_cores_of_intel.begin(), fast_cores_of_intel.end(), cpu) != fast_cores_of_intel.end())
    return std::numeric_limits<std::int64_t>::max();
  try {
    return integer_in(root / fmt::format("sys/devices/system/cpu/cpu{}/cpu_capacity", cpu));
  } catch (const Error&) {
    return 0;
  }
}

/// Empty where the file is not there.
std::vector<int> cpus_in(const fs::path& file) {
  try {
    return parse_cpu_list(read_kernel_file(file), file.string());
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

std::vector<int> comparable_cpus(const fs::path& root, std::span<const int> cpus) {
  const std::vector<int> fast_cores_of_intel = cpus_in(root / "sys/devices/cpu_core/cpus");
  std::vector<std::int64_t> speeds;
  for (const int cpu : cpus) speeds.push_back(speed_of(root, cpu, fast_cores_of_intel));
  std::vector<int> chosen;
  std::vector<int> taken;  // with all hardware threads of their cores
  for (std::size_t i = 0; i < cpus.size() && chosen.size() < kMostCpus; ++i) {
    if (speeds[i] < *std::max_element(speeds.begin(), speeds.end())) continue;
    if (std::find(taken.begin(), taken.end(), cpus[i]) != taken.end()) continue;
    chosen.push_back(cpus[i]);
    const std::vector<int> siblings =
        cpus_in(root / fmt::format("sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpus[i]));
    taken.insert(taken.end(), siblings.begin(), siblings.end());
  }
  return chosen;
}

double measure_parallel_capacity(std::span<const int> cpus) {
  if (cpus.empty()) throw Error(ErrorCode::kInvalidArgument, "parallel capacity: expected at least one CPU");
  const std::vector<std::vector<Nanoseconds>> alone = Crew(cpus.first(1)).run();
  const std::vector<std::vector<Nanoseconds>> together = Crew(cpus).run();
  // A CPU that was faster in company than the first one alone shows as well what one can do: the host's other
  // guests may have slowed the first.
  Nanoseconds fastest = *std::min_element(alone[0].begin(), alone[0].end());
  for (const std::vector<Nanoseconds>& times : together)
    fastest = std::min(fastest, *std::min_element(times.begin(), times.end()));
  std::vector<double> capacities(kTrials);
  for (std::size_t piece = 0; piece < capacities.size(); ++piece) {
    for (const std::vector<Nanoseconds>& times : together)
      capacities[piece] += static_cast<double>(fastest) / static_cast<double>(times[piece]);
    capacities[piece] /= static_cast<double>(cpus.size());
  }
  std::nth_element(capacities.begin(), capacities.begin() + kTrials / 2, capacities.end());
  return capacities[kTrials / 2];
}

}  // namespace octet::lab
