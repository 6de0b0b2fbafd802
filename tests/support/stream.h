// The memory's own speed, for benches to be compared with.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/aligned_buffer.h"
#include "cpu/peak_loops.h"
#include "tests/support/kernel_runner.h"

namespace octet::test {

inline auto widest_read_loop() {
#ifdef OCTET_X86
  if (machine_has(Isa::kAvx512)) return cpu::kAvx512Loops.read;
  if (machine_has(Isa::kAvx2)) return cpu::kAvx2Loops.read;
#endif
  return cpu::kGenericLoops.read;
}

/// Streams as many bytes as a kernel reads and writes through buffers of its operands' sizes, which so lie in
/// the same level of cache, or in memory.
class Stream {
 public:
  Stream(std::int64_t read, std::int64_t written)
      : copied_(static_cast<std::size_t>(std::min(read, written))),
        from_(copied_),
        to_(static_cast<std::size_t>(written)),
        rest_(base::round_up(static_cast<std::size_t>(read) - copied_, kReadGrain)) {
    for (base::AlignedBuffer* buffer : {&from_, &to_, &rest_}) fill(*buffer, 0);
  }

  /// Of one pass, the best of some 20 ms.
  double seconds() {
    using Clock = std::chrono::steady_clock;
    const auto since = [](Clock::time_point t) {
      return std::chrono::duration<double>(Clock::now() - t).count();
    };
    constexpr double kAll = 2e-2, kSlice = 2e-5;
    double best = std::numeric_limits<double>::max();
    int passes = 1;
    for (const Clock::time_point start = Clock::now(); since(start) < kAll;) {
      const Clock::time_point slice = Clock::now();
      for (int i = 0; i < passes; ++i) pass();
      const double elapsed = since(slice);
      best = std::min(best, elapsed / passes);
      if (elapsed < kSlice) passes *= 2;
    }
    return best;
  }

 private:
  static constexpr std::size_t kReadGrain = 4096;  // what PeakLoops::read takes

  static void fill(base::AlignedBuffer& buffer, std::size_t from) {
    if (buffer.size() > from) std::memset(buffer.data() + from, 1, buffer.size() - from);
  }
  void pass() {
    if (copied_ > 0) std::memcpy(to_.data(), from_.data(), copied_);
    fill(to_, copied_);
    if (rest_.size() > 0) benchmark::DoNotOptimize(read_(rest_.data(), rest_.size()));
    benchmark::ClobberMemory();
  }

  std::size_t copied_;
  base::AlignedBuffer from_, to_, rest_;
  std::int64_t (*read_)(const std::byte*, std::size_t) = widest_read_loop();
};

}  // namespace octet::test
