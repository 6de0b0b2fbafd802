// Runs a plan: walks phases, chunks, groups and steps, and decides nothing. `Executor::run` does not
// allocate.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "plan/plan.h"

namespace octet::execute {

/// The caller's memory of one run: pointers per network input (of the plan's type) and output.
struct Bindings {
  std::span<const void* const> inputs;
  std::span<float* const> outputs;
};

class Executor {
 public:
  /// `plan` and `weights` (what pack_weights wrote) must outlive the executor. Allocates all that running
  /// needs.
  Executor(const plan::Plan& plan, const std::byte* weights, std::span<const int> cpus);

  /// 1 <= batch <= plan.max_batch. `step_seconds`, if not empty, has one entry per step and thread
  /// ([thread * steps + step]) to which the time spent in that step is added.
  void run(int batch, const Bindings& bindings, std::span<double> step_seconds = {});

 private:
  struct Worker;  // one thread's view of a run
  const plan::Plan& plan_;
  const std::byte* weights_;
  base::AlignedBuffer arena_;  // chunk arenas, shared arena, scratch of each thread, in this order
  base::ThreadPool pool_;
  base::Barrier barrier_;
  std::size_t most_inputs_ = 0;
  std::vector<kernels::Operand> operands_;    // most_inputs_ per thread
  std::vector<std::atomic<int>> next_chunk_;  // one a phase
};

}  // namespace octet::execute
