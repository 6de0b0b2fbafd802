#include "base/barrier.h"

#include <algorithm>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace octet::base {

int looks_before_yield(int threads, int cpus) { return threads > cpus ? 0 : kLooksBeforeYield; }

void SpinWait::wait() {
  if (looks_++ < looks_before_yield_) {
#if defined(__x86_64__)
    _mm_pause();
    return;
#endif
  }
  std::this_thread::yield();
}

Barrier::Barrier(int threads, int looks_before_yield)
    : looks_before_yield_(looks_before_yield),
      groups_(static_cast<std::size_t>((threads + kGroup - 1) / kGroup)) {
  expect(threads);
}

void Barrier::expect(int threads) {
  root_.expected = (threads + kGroup - 1) / kGroup;
  for (int g = 0; g < root_.expected; ++g)
    groups_[static_cast<std::size_t>(g)].expected = std::min(kGroup, threads - g * kGroup);
}

template <typename Last>
int Barrier::meet(Level& level, Last&& last) {
  const std::uint32_t generation = level.generation.load(std::memory_order_relaxed);
  if (level.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == level.expected) {
    const int looks = last();
    level.arrived.store(0, std::memory_order_relaxed);
    level.generation.store(generation + 1, std::memory_order_release);
    return looks;
  }
  SpinWait spin(looks_before_yield_);
  while (level.generation.load(std::memory_order_acquire) == generation) spin.wait();
  return spin.looks();
}

int Barrier::arrive_and_wait(int thread) {
  return meet(groups_[static_cast<std::size_t>(thread / kGroup)],
              [&] { return root_.expected == 1 ? 0 : meet(root_, [] { return 0; }); });
}

}  // namespace octet::base
