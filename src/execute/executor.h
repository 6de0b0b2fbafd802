// Runs a plan: calls the kernels that plan/walk.h comes by, and decides nothing. `Executor::run` does not
// allocate.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/barrier.h"
#include "base/thread_pool.h"
#include "plan/batch_split.h"
#include "plan/plan.h"

namespace octet::execute {

/// The caller's memory of one run: pointers per network input (of the plan's type) and output.
struct Bindings {
  std::span<const void* const> inputs;
  std::span<float* const> outputs;
};

/// A thread's time in a step, and behind it in waiting for the threads that it shares steps with.
struct StepSeconds {
  double busy = 0;
  double wait = 0;
};

class Executor {
 public:
  /// `plan` and `weights` (what pack_weights wrote) must outlive the executor. Allocates all that running
  /// needs, and has each thread touch first what it will use, so that its pages lie in the memory nearest to
  /// it.
  Executor(const plan::Plan& plan, const std::byte* weights, std::span<const int> cpus);

  /// 1 <= batch <= plan.max_batch. `times`, if not empty, has one entry per step and thread
  /// ([thread * steps + step]), to which this run's are added.
  void run(int batch, const Bindings& bindings, std::span<StepSeconds> times = {});

 private:
  struct Worker;  // one thread's view of a run

  std::byte* chunk_arena(int arena) { return arena_.data() + plan_.chunk_arena_bytes * arena; }
  std::byte* shared_arena() { return chunk_arena(plan_.chunk_arenas); }
  std::byte* scratch(int thread) {
    return shared_arena() + plan_.shared_arena_bytes + plan_.scratch_bytes * thread;
  }
  void touch(int thread);

  const plan::Plan& plan_;
  const std::byte* weights_;
  base::AlignedBuffer arena_;  // chunk arenas, shared arena, scratch of each thread, in this order
  base::ThreadPool pool_;
  plan::BatchSplit split_;  // of the run
  base::Barrier all_;
  std::deque<base::Barrier> team_barriers_;  // as many as teams at most
  std::size_t most_inputs_ = 0;
  std::vector<kernels::Operand> operands_;    // most_inputs_ per thread
  std::vector<std::atomic<int>> next_chunk_;  // one a phase
};

}  // namespace octet::execute
