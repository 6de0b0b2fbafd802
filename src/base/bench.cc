// What threads cost that work together: a barrier, beside the C++ library's; handing a job to a pool, beside
// starting threads for it. Real time of one barrier or job. Two threads meet 1000 times a job, so that the
// job's own cost does not show.
#include <benchmark/benchmark.h>

#include <barrier>
#include <numeric>
#include <thread>
#include <vector>

#include "base/barrier.h"
#include "base/thread_pool.h"

namespace octet::base {
namespace {

constexpr int kMeetings = 1000;

std::vector<int> first_cpus(int count) {
  std::vector<int> cpus(static_cast<std::size_t>(count));
  std::iota(cpus.begin(), cpus.end(), 0);
  return cpus;
}

benchmark::Counter seconds_a_barrier(const benchmark::State& state) {
  return {static_cast<double>(state.iterations()) * kMeetings,
          benchmark::Counter::kIsRate | benchmark::Counter::kInvert};
}

void meet(benchmark::State& state) {
  const int threads = static_cast<int>(state.range(0));
  ThreadPool pool(threads, first_cpus(threads));
  Barrier barrier(threads, pool.looks_before_yield());
  for (auto _ : state) {
    pool.run([&](int thread) {
      for (int i = 0; i < kMeetings; ++i) barrier.arrive_and_wait(thread);
    });
  }
  state.counters["a_barrier"] = seconds_a_barrier(state);
}

void meet_of_the_library(benchmark::State& state) {
  const int threads = static_cast<int>(state.range(0));
  ThreadPool pool(threads, first_cpus(threads));
  std::barrier barrier(threads);
  for (auto _ : state) {
    pool.run([&](int) {
      for (int i = 0; i < kMeetings; ++i) barrier.arrive_and_wait();
    });
  }
  state.counters["a_barrier"] = seconds_a_barrier(state);
}

/// A job of nothing, while the pool's threads are awake. Bound threads cost the caller its mask's way there
/// and back.
void hand_over_a_job(benchmark::State& state) {
  const int threads = static_cast<int>(state.range(0));
  const bool bound = state.range(1) != 0;
  ThreadPool pool(threads, bound ? first_cpus(threads) : std::vector<int>());
  for (auto _ : state) pool.run([](int thread) { benchmark::DoNotOptimize(thread); });
}

void start_threads_for_a_job(benchmark::State& state) {
  for (auto _ : state) {
    std::vector<std::thread> threads;
    for (int thread = 1; thread < state.range(0); ++thread)
      threads.emplace_back([thread] { benchmark::DoNotOptimize(thread); });
    for (std::thread& thread : threads) thread.join();
  }
}

BENCHMARK(meet)->ArgName("threads")->Arg(2)->UseRealTime();
BENCHMARK(meet_of_the_library)->ArgName("threads")->Arg(2)->UseRealTime();
BENCHMARK(hand_over_a_job)->ArgNames({"threads", "bound"})->Args({2, 0})->Args({2, 1})->UseRealTime();
BENCHMARK(start_threads_for_a_job)->ArgName("threads")->Arg(2)->UseRealTime();

}  // namespace
}  // namespace octet::base
