#include "execute/executor.h"

#include <algorithm>
#include <chrono>

#include "cpu/float_environment.h"

namespace octet::execute {

using plan::OperandRef;
using plan::Phase;
using plan::Scope;
using plan::Segment;
using plan::Step;

/// Where the images of the current call stand: absolute number of the chunk's and the group's first image.
struct Position {
  int chunk_first;
  int group_first;
  int images;
};

struct Executor::Worker {
  Executor& executor;
  const plan::Plan& plan;
  const Bindings& bindings;
  std::span<double> step_seconds;
  int index;
  int batch;
  int workers = 1;  // that share each step; 1 while this thread runs chunks of its own
  int arena = 0;    // chunk arena in use

  std::byte* chunk_arena() const { return executor.arena_.data() + plan.chunk_arena_bytes * arena; }
  std::byte* shared_arena() const {
    return executor.arena_.data() + plan.chunk_arena_bytes * plan.chunk_arenas;
  }
  std::byte* scratch() const { return shared_arena() + plan.shared_arena_bytes + plan.scratch_bytes * index; }

  kernels::Operand operand(const OperandRef& ref, const Position& at) const {
    std::byte* base = nullptr;
    int first = at.group_first;  // image within the memory that `base` points to
    switch (ref.kind) {
      case OperandRef::Kind::kInput:
        // Kernels only read inputs; Operand has one pointer type for all.
        base = const_cast<std::byte*>(
            static_cast<const std::byte*>(bindings.inputs[static_cast<std::size_t>(ref.index)]));
        break;
      case OperandRef::Kind::kOutput:
        base = reinterpret_cast<std::byte*>(bindings.outputs[static_cast<std::size_t>(ref.index)]);
        break;
      case OperandRef::Kind::kBuffer: {
        const plan::Buffer& buffer = plan.buffers[static_cast<std::size_t>(ref.index)];
        base = (buffer.shared ? shared_arena() : chunk_arena()) + buffer.offset;
        if (buffer.scope == Scope::kGroup) first = 0;
        if (buffer.scope == Scope::kChunk) first -= at.chunk_first;
        break;
      }
    }
    const std::int64_t element = ref.element_offset + first * ref.image_stride;
    return {base + element * ref.element_bytes, ref.image_stride};
  }

  void run_step(int s, const Position& at) {
    const Step& step = plan.steps[static_cast<std::size_t>(s)];
    kernels::Operand* inputs =
        executor.operands_.data() + executor.most_inputs_ * static_cast<std::size_t>(index);
    for (std::size_t i = 0; i < step.inputs.size(); ++i) inputs[i] = operand(step.inputs[i], at);
    kernels::Call call;
    call.images = at.images;
    call.inputs = {inputs, step.inputs.size()};
    call.output = operand(step.output, at);
    call.weights = executor.weights_ + step.weight_offset;
    call.scratch = scratch();
    call.worker = workers == 1 ? 0 : index;
    call.workers = workers;
    if (step_seconds.empty()) {
      step.kernel->run(call);
    } else {
      const auto start = std::chrono::steady_clock::now();
      step.kernel->run(call);
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      step_seconds[static_cast<std::size_t>(index) * plan.steps.size() + static_cast<std::size_t>(s)] +=
          elapsed.count();
    }
    if (workers > 1) executor.barrier_.arrive_and_wait();
  }

  void run_chunk(const Phase& phase, int first, int images) {
    for (const Segment& segment : phase.segments) {
      for (int done = 0; done < images; done += segment.group) {
        const Position at{first, first + done, std::min(segment.group, images - done)};
        for (int s = segment.first_step; s <= segment.last_step; ++s) run_step(s, at);
      }
    }
  }

  void run_phase(std::size_t p) {
    const Phase& phase = plan.phases[p];
    if (!plan::runs_data_parallel(batch, plan.threads, phase)) {
      workers = plan.threads;
      arena = 0;
      for (int first = 0; first < batch; first += phase.chunk)
        run_chunk(phase, first, std::min(phase.chunk, batch - first));
      return;
    }
    workers = 1;
    arena = index;
    // Chunks of equal size, as few as keep all threads busy to the end.
    const int rounds = (batch + plan.threads * phase.chunk - 1) / (plan.threads * phase.chunk);
    const int chunks = plan.threads * rounds;
    const int images = (batch + chunks - 1) / chunks;
    for (int first; (first = executor.next_chunk_[p].fetch_add(images, std::memory_order_relaxed)) < batch;) {
      run_chunk(phase, first, std::min(images, batch - first));
    }
  }
};

Executor::Executor(const plan::Plan& plan, const std::byte* weights, std::span<const int> cpus)
    : plan_(plan),
      weights_(weights),
      arena_(static_cast<std::size_t>(plan.context_bytes())),
      pool_(plan.threads, cpus),
      barrier_(plan.threads),
      next_chunk_(plan.phases.size()) {
  for (const Step& step : plan.steps) most_inputs_ = std::max(most_inputs_, step.inputs.size());
  operands_.resize(most_inputs_ * static_cast<std::size_t>(plan.threads));
}

void Executor::run(int batch, const Bindings& bindings, std::span<double> step_seconds) {
  for (std::atomic<int>& next : next_chunk_) next.store(0, std::memory_order_relaxed);
  pool_.run([&](int index) {
    const cpu::ScopedFloatEnvironment float_environment;
    Worker worker{*this, plan_, bindings, step_seconds, index, batch};
    for (std::size_t p = 0; p < plan_.phases.size(); ++p) {
      if (p > 0) barrier_.arrive_and_wait();
      worker.run_phase(p);
    }
  });
}

}  // namespace octet::execute
