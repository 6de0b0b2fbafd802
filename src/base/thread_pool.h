// Long-lived threads that run one function together. Built for kernels that last microseconds to
// milliseconds: a thread without work spins for a while before it sleeps, and nothing here allocates after
// construction.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <type_traits>
#include <vector>

#include "base/barrier.h"

namespace octet::base {

class ThreadPool {
 public:
  /// `threads` workers; worker 0 is the thread that calls run(). If `cpus` is not empty, worker i is bound to
  /// cpus[i % size] while it works (the caller only during run(), its own mask is put back). Throws
  /// Error(kMemoryLimit) where the system has no more threads; those that were started have ended then.
  explicit ThreadPool(int threads, std::span<const int> cpus = {});
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(threads_.size()) + 1; }
  /// For barriers of these threads: none where they outnumber the CPUs that they may use.
  int looks_before_yield() const { return looks_before_yield_; }

  /// Calls f(worker) once on each worker and returns when all have returned. `f` must not throw.
  template <typename F>
  void run(F&& f) {
    using Function = std::remove_reference_t<F>;
    run_erased([](void* context, int worker) { (*static_cast<Function*>(context))(worker); },
               const_cast<void*>(static_cast<const void*>(std::addressof(f))));
  }

 private:
  using Job = void (*)(void* context, int worker);
  void run_erased(Job job, void* context);
  void work(int worker);
  void stop();

  const std::vector<int> cpus_;
  const int looks_before_yield_;
  Job job_ = nullptr;
  void* context_ = nullptr;
  bool stopping_ = false;
  alignas(64) std::atomic<std::uint32_t> generation_{0};  // of the job
  Barrier done_;
  std::vector<std::thread> threads_;
};

}  // namespace octet::base
