// measure_peaks(): each thread repeats short slices of a loop; its best slice counts, since whatever else
// runs on the machine can only make a slice longer, and only slices count during which all threads were at
// work. The figure is the sum over the threads.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <tuple>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/barrier.h"
#include "base/thread_pool.h"
#include "cpu/peak_loops.h"
#include "octet/error.h"
#include "octet/machine.h"

namespace octet {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Where a loop's result goes so that the loop must run.
std::atomic<std::int64_t> result_sink{0};

/// Work per second of all threads together, `work` being what one call of `slice(worker)` does.
double measure_rate(base::ThreadPool& pool, double seconds, double work,
                    const std::function<void(int)>& slice) {
  std::vector<double> best(static_cast<std::size_t>(pool.size()), 0);
  std::atomic<bool> stop{false};
  base::Barrier start(pool.size(), pool.looks_before_yield());
  pool.run([&](int worker) {
    start.arrive_and_wait(worker);
    const Clock::time_point begin = Clock::now();
    double rate = 0;
    while (!stop || rate == 0) {
      const Clock::time_point slice_begin = Clock::now();
      slice(worker);
      const double duration = std::max(seconds_since(slice_begin), 1e-9);
      // Once a thread has left, the others have the machine to themselves.
      if (!stop || rate == 0) rate = std::max(rate, work / duration);
      if (seconds_since(begin) >= seconds) stop = true;
    }
    best[static_cast<std::size_t>(worker)] = rate;
  });
  double sum = 0;
  for (double rate : best) sum += rate;
  return sum;
}

double measure_compute(base::ThreadPool& pool, double seconds, const cpu::ComputeLoop& loop) {
  if (loop.run == nullptr) return 0;
  // As many iterations as last about 0.2 ms; finding them also wakes the wide units up.
  std::int64_t iterations = 1000;
  for (;;) {
    const Clock::time_point begin = Clock::now();
    result_sink += loop.run(iterations);
    if (seconds_since(begin) > 2e-4 || iterations > 1'000'000'000) break;
    iterations *= 2;
  }
  return measure_rate(pool, seconds, loop.operations * static_cast<double>(iterations),
                      [&](int) { result_sink += loop.run(iterations); });
}

using ReadLoop = std::int64_t (*)(const std::byte*, std::size_t);

/// Each thread reads its own `share` of memory round and round, `slice_bytes` (a multiple of 4096) a slice.
double measure_read(base::ThreadPool& pool, double seconds, ReadLoop read, std::size_t share,
                    std::size_t slice_bytes) {
  share = base::round_up(share, 4096);
  base::AlignedBuffer buffer(share * static_cast<std::size_t>(pool.size()));
  // Written by its reader: pages come to be on the reader's memory node.
  pool.run([&](int worker) {
    std::memset(buffer.data() + share * static_cast<std::size_t>(worker), worker + 1, share);
  });
  std::vector<std::size_t> positions(static_cast<std::size_t>(pool.size()), 0);
  return measure_rate(pool, seconds, static_cast<double>(slice_bytes), [&](int worker) {
    const std::byte* data = buffer.data() + share * static_cast<std::size_t>(worker);
    std::size_t& position = positions[static_cast<std::size_t>(worker)];
    for (std::size_t left = slice_bytes; left > 0;) {
      const std::size_t bytes = std::min(left, share - position);
      result_sink += read(data + position, bytes);
      position = (position + bytes) % share;
      left -= bytes;
    }
  });
}

/// Outputs a second, from sums that stay in the first-level cache to results that do.
double measure_outputs(base::ThreadPool& pool, double seconds, cpu::OutputLoop loop) {
  if (loop == nullptr) return 0;
  constexpr std::size_t kOutputs = 1024, kSumBytes = kOutputs * 4, kRepeats = 200;
  constexpr std::size_t kShare = 2 * kSumBytes;
  base::AlignedBuffer buffer(kShare * static_cast<std::size_t>(pool.size()));
  std::memset(buffer.data(), 0, buffer.size());
  return measure_rate(pool, seconds, static_cast<double>(kOutputs * kRepeats), [&](int worker) {
    std::byte* sums = buffer.data() + kShare * static_cast<std::size_t>(worker);
    for (std::size_t i = 0; i < kRepeats; ++i) loop(sums, sums + kSumBytes, kOutputs);
  });
}

/// The loops of an instruction set; where it has none of its own for something, those of a lower one.
cpu::PeakLoops loops_for(Isa isa) {
  cpu::PeakLoops loops = cpu::kGenericLoops;
#ifdef OCTET_X86
  if (isa >= Isa::kAvx2) loops = cpu::kAvx2Loops;
  if (isa >= Isa::kAvx512) loops = cpu::kAvx512Loops;
  if (isa >= Isa::kAvx512Vnni) loops.int8 = cpu::kAvx512VnniLoops.int8;
  if (isa >= Isa::kAvx512Bf16) loops.bf16 = cpu::kAvx512Bf16Loops.bf16;
  if (isa >= Isa::kAmx) {
    loops.int8 = cpu::kAmxLoops.int8;
    loops.bf16 = cpu::kAmxLoops.bf16;
  }
#else
  (void)isa;
#endif
  return loops;
}

/// What each thread reads to measure a cache or memory: more than the level before holds, and all threads
/// together no more than half of the level.
struct ReadSizes {
  std::size_t l1, l2, l3, memory;  // 0: unknown
};

ReadSizes read_sizes(const MachineInfo& machine, int threads) {
  const auto shares = static_cast<std::uint64_t>(threads);
  const std::uint64_t l1 = machine.l1d_bytes > 0 ? machine.l1d_bytes : std::uint64_t{32} << 10;
  const std::uint64_t l2 = machine.l2_bytes > 0 ? machine.l2_bytes : std::uint64_t{512} << 10;
  // An L3 cache that only takes what leaves the L2 caches holds beside them.
  std::set<int> l3s;
  for (const CpuPlace& place : machine.placement) l3s.insert(place.l3);
  const std::uint64_t sharers = (shares + l3s.size() - 1) / l3s.size();
  const std::uint64_t l3 = machine.l3_bytes > 0 ? l2 + machine.l3_bytes / 2 / sharers : 0;
  // Together far more than the last-level cache holds, but never much of the machine's memory.
  std::uint64_t memory = std::max(std::uint64_t{128} << 20, 4 * machine.l3_bytes * l3s.size());
  if (machine.memory_bytes > 0) memory = std::min(memory, machine.memory_bytes / 4);
  return {l1 * 3 / 4, l2 / 2, l3, memory / shares};
}

void check_arguments(const MachineInfo& machine, int threads, Isa isa, double seconds) {
  constexpr int kMaxThreads = 4096;
  if (threads < 1 || threads > kMaxThreads) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("measuring peaks: threads is {}, expected 1 to {}", threads, kMaxThreads));
  }
  if (!(seconds > 0) || seconds > 60) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("measuring peaks: {} seconds, expected more than 0 and at most 60", seconds));
  }
  for (const IsaStatus& status : machine.isas) {
    if (status.isa == isa && !status.usable) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("measuring peaks with {}: {}", to_string(isa), status.reason));
    }
  }
}

constexpr double kPeakSeconds = 0.02;

}  // namespace

MachinePeaks measure_peaks(int threads, Isa isa, double seconds, std::uint64_t most_bytes) {
  const MachineInfo machine = describe_machine();
  check_arguments(machine, threads, isa, seconds);
  const cpu::PeakLoops loops = loops_for(isa);
  std::vector<int> cpus;
  for (const CpuPlace& place : machine.placement) cpus.push_back(place.cpu);
  base::ThreadPool pool(threads, cpus);

  MachinePeaks peaks;
  peaks.fp32_gflops = measure_compute(pool, seconds, loops.fp32) / 1e9;
  peaks.int8_gops = measure_compute(pool, seconds, loops.int8) / 1e9;
  peaks.bf16_gflops = measure_compute(pool, seconds, loops.bf16) / 1e9;

  peaks.fp32_outputs_gps = measure_outputs(pool, seconds, loops.fp32_outputs) / 1e9;
  peaks.int8_outputs_gps = measure_outputs(pool, seconds, loops.int8_outputs) / 1e9;

  // Slices of well under a millisecond, so that some pass without a task switch on a busy machine.
  constexpr std::size_t kCacheSlice = std::size_t{8} << 20, kMemorySlice = std::size_t{4} << 20;
  const ReadSizes sizes = read_sizes(machine, threads);
  const auto read_gbps = [&](std::size_t share, std::size_t slice) {
    const bool fits = most_bytes == 0 || share * static_cast<std::uint64_t>(threads) <= most_bytes;
    return share > 0 && fits ? measure_read(pool, seconds, loops.read, share, slice) / 1e9 : 0;
  };
  peaks.l1_read_gbps = read_gbps(sizes.l1, kCacheSlice);
  peaks.l2_read_gbps = read_gbps(sizes.l2, kCacheSlice);
  peaks.l3_read_gbps = read_gbps(sizes.l3, kMemorySlice);
  peaks.memory_read_gbps = read_gbps(sizes.memory, kMemorySlice);
  return peaks;
}

const MachinePeaks& machine_peaks(int threads, Isa isa, std::uint64_t most_bytes) {
  static std::mutex mutex;
  using Asked = std::tuple<int, Isa, std::uint64_t>;
  static std::map<Asked, MachinePeaks> measured;  // whose entries stay where they are
  const std::lock_guard lock(mutex);
  const Asked asked(threads, isa, most_bytes);
  const auto known = measured.find(asked);
  if (known != measured.end()) return known->second;
  return measured[asked] = measure_peaks(threads, isa, kPeakSeconds, most_bytes);
}

}  // namespace octet
