#include "base/thread_pool.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <system_error>

#include "octet/error.h"

namespace octet::base {
namespace {

// Long enough to bridge the time between two runs of a benchmark loop, short enough not to burn a core in a
// server.
constexpr int kLooksBeforeSleep = 20000;

void bind_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  sched_setaffinity(0, sizeof set, &set);  // a CPU taken away meanwhile costs speed, not correctness
}

/// Different CPUs among `bound`; if that is empty, those that this process may use.
int count_cpus(std::vector<int> bound) {
  if (bound.empty()) {
    cpu_set_t mask;
    if (sched_getaffinity(0, sizeof mask, &mask) == 0) return CPU_COUNT(&mask);
    return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  }
  std::sort(bound.begin(), bound.end());
  return static_cast<int>(std::unique(bound.begin(), bound.end()) - bound.begin());
}

}  // namespace

ThreadPool::ThreadPool(int threads, std::span<const int> cpus)
    : cpus_(cpus.begin(), cpus.end()),
      looks_before_yield_(base::looks_before_yield(threads, count_cpus(cpus_))),
      done_(threads, looks_before_yield_) {
  threads_.reserve(static_cast<std::size_t>(threads - 1));
  try {
    for (int worker = 1; worker < threads; ++worker) threads_.emplace_back([this, worker] { work(worker); });
  } catch (const std::system_error& error) {
    stop();
    throw Error(ErrorCode::kMemoryLimit, fmt::format("thread {} of {} cannot be started: {}",
                                                     threads_.size() + 2, threads, error.code().message()));
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
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
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
  }
  job(context, 0);
  done_.arrive_and_wait(0);
  if (bind) sched_setaffinity(0, sizeof before, &before);
}

void ThreadPool::work(int worker) {
  if (!cpus_.empty()) bind_to(cpus_[static_cast<std::size_t>(worker) % cpus_.size()]);
  // Threads that outnumber the CPUs leave them to those that still work.
  const int looks = looks_before_yield_ > 0 ? kLooksBeforeSleep : 0;
  for (std::uint32_t seen = 0;;) {
    for (SpinWait spin(looks); generation_.load(std::memory_order_acquire) == seen && spin.looks() < looks;)
      spin.wait();
    generation_.wait(seen, std::memory_order_acquire);
    seen = generation_.load(std::memory_order_acquire);
    if (stopping_) return;
    job_(context_, worker);
    done_.arrive_and_wait(worker);
  }
}

}  // namespace octet::base
