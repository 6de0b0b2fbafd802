#include "execute/executor.h"

#include <algorithm>
#include <chrono>

#include "base/first_touch.h"
#include "cpu/float_environment.h"
#include "plan/walk.h"

namespace octet::execute {

using plan::CallPlace;
using plan::OperandRef;
using plan::Scope;
using plan::Step;
using plan::Team;

struct Executor::Worker {
  using Clock = std::chrono::steady_clock;

  Executor& executor;
  const plan::Plan& plan;
  const Bindings& bindings;
  std::span<StepSeconds> times;  // of this thread's steps; empty: not timed
  int thread;
  std::size_t last_step = 0;
  Clock::time_point mark = Clock::now();  // where the last measured time ends

  double seconds_since_mark() {
    const Clock::time_point before = mark;
    mark = Clock::now();
    return std::chrono::duration<double>(mark - before).count();
  }

  int take_chunk(std::size_t phase) {
    return executor.next_chunk_[phase].fetch_add(1, std::memory_order_relaxed);
  }

  void meet(const Team& team) {
    wait_at(executor.team_barriers_[static_cast<std::size_t>(team.number)],
            thread - static_cast<int>(team.threads.begin));
  }
  void meet_all() { wait_at(executor.all_, thread); }
  void wait_at(base::Barrier& barrier, int place) {
    barrier.arrive_and_wait(place);
    if (!times.empty()) times[last_step].wait += seconds_since_mark();
  }

  kernels::Operand operand(const OperandRef& ref, const CallPlace& at) const {
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
        base = (buffer.shared ? executor.shared_arena() : executor.chunk_arena(at.arena)) + buffer.offset;
        if (buffer.scope == Scope::kGroup) first = 0;
        if (buffer.scope == Scope::kChunk) first -= at.chunk_first;
        break;
      }
    }
    const std::int64_t element = ref.element_offset + first * ref.image_stride;
    return {base + element * ref.element_bytes, ref.image_stride};
  }

  void run(std::size_t s, const CallPlace& at) {
    const Step& step = plan.steps[s];
    kernels::Operand* inputs =
        executor.operands_.data() + executor.most_inputs_ * static_cast<std::size_t>(thread);
    for (std::size_t i = 0; i < step.inputs.size(); ++i) inputs[i] = operand(step.inputs[i], at);
    kernels::Call call;
    call.images = at.images;
    call.inputs = {inputs, step.inputs.size()};
    call.output = operand(step.output, at);
    call.weights = executor.weights_ + step.weight_offset;
    call.scratch = executor.scratch(thread);
    call.worker = at.worker;
    call.workers = at.workers;
    step.kernel->run(call);
    last_step = s;
    if (!times.empty()) times[s].busy += seconds_since_mark();
  }
};

Executor::Executor(const plan::Plan& plan, const std::byte* weights, std::span<const int> cpus)
    : plan_(plan),
      weights_(weights),
      arena_(static_cast<std::size_t>(plan.context_bytes())),
      pool_(plan.threads, cpus),
      all_(plan.threads, pool_.looks_before_yield()),
      next_chunk_(plan.phases.size()) {
  for (const Step& step : plan.steps) most_inputs_ = std::max(most_inputs_, step.inputs.size());
  operands_.resize(most_inputs_ * static_cast<std::size_t>(plan.threads));
  // Team t is one of t + 1 teams or more.
  for (int t = 0; t < plan.chunk_arenas; ++t)
    team_barriers_.emplace_back((plan.threads + t) / (t + 1), pool_.looks_before_yield());
  pool_.run([&](int thread) { touch(thread); });
}

void Executor::touch(int thread) {
  for (int arena = 0; arena < plan_.chunk_arenas; ++arena) {
    // The thread that uses it alone, or the first one of the team that does.
    if (kernels::share_of(plan_.threads, arena, plan_.chunk_arenas).begin == thread)
      base::touch(chunk_arena(arena), static_cast<std::size_t>(plan_.chunk_arena_bytes));
  }
  base::touch(scratch(thread), static_cast<std::size_t>(plan_.scratch_bytes));
  base::touch_part(shared_arena(), static_cast<std::size_t>(plan_.shared_arena_bytes), thread, plan_.threads);
}

void Executor::run(int batch, const Bindings& bindings, std::span<StepSeconds> times) {
  split_ = plan::split_batch(batch, plan_.threads);
  for (int t = 0; split_.alone < batch && t < split_.teams; ++t) {
    const kernels::Share threads = kernels::share_of(plan_.threads, t, split_.teams);
    team_barriers_[static_cast<std::size_t>(t)].expect(static_cast<int>(threads.end - threads.begin));
  }
  for (std::atomic<int>& next : next_chunk_) next.store(0, std::memory_order_relaxed);
  const std::size_t steps = plan_.steps.size();
  pool_.run([&](int thread) {
    const cpu::ScopedFloatEnvironment float_environment(cpu::Denormals::kFlushed);
    const auto own = times.empty() ? times : times.subspan(static_cast<std::size_t>(thread) * steps, steps);
    Worker worker{*this, plan_, bindings, own, thread};
    plan::Walk(plan_, split_, batch, thread, worker).run();
    if (!own.empty()) worker.meet_all();  // for the time of waiting
  });
}

}  // namespace octet::execute
