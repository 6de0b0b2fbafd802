#include "base/thread_pool.h"

#include <sched.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace octet::base {
namespace {

// Long enough to bridge the time between two runs of a benchmark loop, short enough not to burn a core in a
// server.
constexpr int kSpinsBeforeSleep = 20000;
// A barrier's partner is at work on another core; only when there are more threads than cores is it waiting
// for ours.
constexpr int kSpinsBeforeYield = 4000;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

void bind_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  sched_setaffinity(0, sizeof set, &set);  // a CPU taken away meanwhile costs speed, not correctness
}

}  // namespace

void Barrier::arrive_and_wait() {
  const std::uint32_t generation = generation_.load(std::memory_order_relaxed);
  if (waiting_.fetch_add(1, std::memory_order_acq_rel) + 1 == count_) {
    waiting_.store(0, std::memory_order_relaxed);
    generation_.store(generation + 1, std::memory_order_release);
    return;
  }
  for (int spins = 0; generation_.load(std::memory_order_acquire) == generation; ++spins) {
    if (spins < kSpinsBeforeYield) {
      pause();
    } else {
      std::this_thread::yield();
    }
  }
}

ThreadPool::ThreadPool(int threads, std::span<const int> cpus) : cpus_(cpus.begin(), cpus.end()) {
  threads_.reserve(static_cast<std::size_t>(threads - 1));
  for (int worker = 1; worker < threads; ++worker) threads_.emplace_back([this, worker] { work(worker); });
}

ThreadPool::~ThreadPool() {
  stopping_ = true;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run_erased(Job job, void* context) {
  cpu_set_t before;
  const bool bind = !cpus_.empty() && sched_getaffinity(0, sizeof before, &before) == 0;
  if (bind) bind_to(cpus_[0]);
  if (!threads_.empty()) {
    job_ = job;
    context_ = context;
    running_.store(static_cast<int>(threads_.size()), std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
  }
  job(context, 0);
  for (int spins = 0; running_.load(std::memory_order_acquire) != 0; ++spins) {
    if (spins < kSpinsBeforeYield) {
      pause();
    } else {
      std::this_thread::yield();
    }
  }
  if (bind) sched_setaffinity(0, sizeof before, &before);
}

void ThreadPool::work(int worker) {
  if (!cpus_.empty()) bind_to(cpus_[static_cast<std::size_t>(worker) % cpus_.size()]);
  for (std::uint32_t seen = 0;;) {
    for (int spins = 0; generation_.load(std::memory_order_acquire) == seen && spins < kSpinsBeforeSleep;
         ++spins)
      pause();
    generation_.wait(seen, std::memory_order_acquire);
    seen = generation_.load(std::memory_order_acquire);
    if (stopping_) return;
    job_(context_, worker);
    running_.fetch_sub(1, std::memory_order_acq_rel);
  }
}

}  // namespace octet::base
