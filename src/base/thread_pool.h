// Long-lived threads that run one function together, and the barrier that they meet at. Built for kernels
// that last microseconds to milliseconds: a waiting thread spins for a while before it sleeps, and nothing
// here allocates after construction.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <type_traits>
#include <vector>

namespace octet::base {

/// All of `count` threads must arrive before any goes on. Reusable at once.
class Barrier {
 public:
  explicit Barrier(int count) : count_(count) {}
  void arrive_and_wait();

 private:
  const int count_;
  alignas(64) std::atomic<int> waiting_{0};
  alignas(64) std::atomic<std::uint32_t> generation_{0};
};

class ThreadPool {
 public:
  /// `threads` workers; worker 0 is the thread that calls run(). If `cpus` is not empty, worker i is bound to
  /// cpus[i % size] while it works (the caller only during run(), its own mask is put back).
  explicit ThreadPool(int threads, std::span<const int> cpus = {});
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(threads_.size()) + 1; }

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

  std::vector<int> cpus_;
  std::vector<std::thread> threads_;
  Job job_ = nullptr;
  void* context_ = nullptr;
  bool stopping_ = false;
  alignas(64) std::atomic<std::uint32_t> generation_{0};
  alignas(64) std::atomic<int> running_{0};
};

}  // namespace octet::base
