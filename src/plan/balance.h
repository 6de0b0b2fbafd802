// How evenly a plan keeps threads at work, in multiply-accumulates: counted, not measured, so that machines
// can be pretended. The images, steps and shares are those that run: this follows each thread's walk.h and
// asks each kernel for the share that its run() would take.
#pragma once

#include <vector>

#include "plan/plan.h"

namespace octet::plan {

struct Balance {
  /// MACs as layers are defined, [step][thread]. Chunks that threads take as they come are counted in turns.
  std::vector<std::vector<double>> macs;
  /// [step]; true where its threads share steps, and not each has images of its own.
  std::vector<bool> shared;
  double total = 0;
  /// MACs from the start to the end on the way that takes longest: between two meetings of threads, those of
  /// the busiest. total / threads, if all threads are always at work.
  double span = 0;

  /// Busiest thread over the mean of all; 1 of a step without MACs.
  double imbalance(std::size_t step) const;
  double thread_imbalance() const;  // over all steps together
  double efficiency() const;        // 0..1: total / threads / span
};

/// 1 <= batch <= plan.max_batch. Kernels must have been selected; weights need not be packed.
Balance balance_of(const Plan& plan, int batch);

}  // namespace octet::plan
