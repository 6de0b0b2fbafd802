// The barrier that threads meet at between two kernels, and how they wait. Built for kernels that last
// microseconds: a waiting thread looks again and again, and only after a while lets others have its CPU.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace octet::base {

/// How often a waiting thread looks before it offers its CPU to others at each look. While every thread has a
/// CPU of its own, the one that is waited for is at work and about to come; where threads outnumber CPUs, it
/// may be waiting for this very CPU, and looking on keeps it away.
inline constexpr int kLooksBeforeYield = 4000;
int looks_before_yield(int threads, int cpus);

/// The wait between two looks at what another thread is to change.
class SpinWait {
 public:
  explicit SpinWait(int looks_before_yield) : looks_before_yield_(looks_before_yield) {}
  void wait();
  int looks() const { return looks_; }

 private:
  const int looks_before_yield_;
  int looks_ = 0;
};

/// All of `threads` threads must arrive before any goes on. Reusable at once.
///
/// A thread that arrives adds itself to a counter, and the cache line of a counter goes from core to core: 64
/// arrivals at one counter take 64 such ways, one after the other. So beyond kGroup threads there are two
/// levels: neighbours (which thread numbers make of cores that share a cache) meet in their group, the last
/// of each group meets the other groups, and groups are let go by a line of their own. The ways in a row are
/// then those of one group and of the groups, 16 of 64 threads; a third level would pay beyond 8 * 8.
class Barrier {
 public:
  explicit Barrier(int threads, int looks_before_yield = kLooksBeforeYield);

  /// For fewer threads than at construction, or again for as many. While nobody is at the barrier.
  void expect(int threads);

  /// `thread`: 0 to threads - 1, each once. Returns how often it looked before all had come.
  int arrive_and_wait(int thread);

  static constexpr int kGroup = 8;

 private:
  /// Arrivals and releases have lines of their own: those who wait read the second only.
  struct Level {
    alignas(64) std::atomic<int> arrived{0};
    alignas(64) std::atomic<std::uint32_t> generation{0};
    int expected = 0;
  };
  /// The last to arrive calls `last` before it lets the others go. Returns looks.
  template <typename Last>
  int meet(Level& level, Last&& last);

  const int looks_before_yield_;
  std::vector<Level> groups_;  // one a kGroup threads
  Level root_;
};

}  // namespace octet::base
