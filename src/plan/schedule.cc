#include "plan/schedule.h"

#include <algorithm>

#include "plan/memory_planner.h"

namespace octet::plan {
namespace {

// Images beyond this add nothing to the reuse of weights, only memory.
constexpr int kLargestGroup = 8;
// How many times dearer it is to read a weight again than to read an activation that has left the cache.
constexpr std::int64_t kWeightReuse = 4;
// Fully connected layers take the whole batch, so that their weights are read once; bounded, for the sake of
// memory.
constexpr int kLargestSharedChunk = 256;

/// First step of the part that all threads run together: the fully connected layers at a network's end.
int first_shared_step(const Plan& plan) {
  const int steps = static_cast<int>(plan.steps.size());
  int first = steps;
  for (int s = steps - 1; s >= 0; --s) {
    const kernels::OpDesc& desc = plan.steps[static_cast<std::size_t>(s)].desc;
    if (std::holds_alternative<kernels::ConvDesc>(desc)) break;
    if (std::holds_alternative<kernels::FullyConnectedDesc>(desc)) first = s;
  }
  return first;
}

std::int64_t weight_bytes(const Step& step) {
  std::int64_t bytes = 0;
  const std::int64_t element = step.integer ? (step.integer->input_type == DataType::kUInt8 ? 1 : 2) : 4;
  for (const graph::Weights& weights : step.weights) bytes += weights.shape().elements() * element;
  return bytes;
}

/// A step whose weights, if any, are next to nothing: reading them again costs no more than pooling does.
bool is_light(const kernels::OpDesc& desc) {
  if (std::holds_alternative<kernels::PoolDesc>(desc)) return true;
  const auto* conv = std::get_if<kernels::ConvDesc>(&desc);  // depthwise
  return conv != nullptr && conv->groups > 1 && conv->groups == conv->input.channels &&
         conv->groups == conv->output.channels;
}

/// Steps in a row whose results have the same height and width, and the pooling or depthwise convolution that
/// ends them: a stage of the network. What the next stage then reads is what that leaves of a map that was
/// still in cache.
int stage_end(const Plan& plan, int first, int last) {
  const auto step = [&](int s) -> const Step& { return plan.steps[static_cast<std::size_t>(s)]; };
  int s = first;
  while (s < last && step(s + 1).output_map.pixels() == step(first).output_map.pixels()) ++s;
  if (s < last && is_light(step(s + 1).desc)) ++s;
  return s;
}

/// Images that a stage should handle at a time, a power of two. A group's activations should fit the cache;
/// but every group reads the stage's weights anew, so where these outweigh the activations, the group is as
/// large as makes up for it.
int group_of_stage(const Plan& plan, int first, int last, std::int64_t cache_bytes, int limit) {
  std::int64_t weights = 0, activations = 0, largest = 1;
  for (int s = first; s <= last; ++s) {
    const Step& step = plan.steps[static_cast<std::size_t>(s)];
    const std::int64_t bytes = input_bytes(plan, step) + step.output_map.bytes();
    weights += weight_bytes(step);
    activations += bytes;
    largest = std::max(largest, bytes);
  }
  const std::int64_t images =
      std::max(cache_bytes / largest, kWeightReuse * weights / std::max<std::int64_t>(1, activations));
  int group = 1;
  while (group * 2 <= limit && group * 2 <= images) group *= 2;
  return group;
}

/// Maps shrink along a network, so groups grow. A stage never gets a larger group than one behind it: each
/// change cuts the network into segments, and each cut keeps a whole chunk in memory.
Phase chunked_phase(const Plan& plan, int first, int last, const PlanOptions& options) {
  const int limit = std::clamp((options.max_batch + options.threads - 1) / options.threads, 1, kLargestGroup);
  std::vector<Segment> stages;
  for (int s = first; s <= last;) {
    const int end = stage_end(plan, s, last);
    stages.push_back({s, end, group_of_stage(plan, s, end, options.cache_bytes, limit)});
    s = end + 1;
  }
  for (std::size_t i = stages.size() - 1; i > 0; --i)
    stages[i - 1].group = std::min(stages[i - 1].group, stages[i].group);

  Phase phase;
  for (const Segment& stage : stages) {
    if (!phase.segments.empty() && phase.segments.back().group == stage.group) {
      phase.segments.back().last_step = stage.last_step;
    } else {
      phase.segments.push_back(stage);
    }
  }
  phase.chunk = phase.segments.back().group;
  return phase;
}

const Phase& phase_of(const Plan& plan, int step) {
  for (const Phase& phase : plan.phases) {
    if (step <= phase.segments.back().last_step) return phase;
  }
  return plan.phases.back();
}

const Segment& segment_of(const Plan& plan, int step) {
  const Phase& phase = phase_of(plan, step);
  for (const Segment& segment : phase.segments) {
    if (step <= segment.last_step) return segment;
  }
  return phase.segments.back();
}

void set_scope(const Plan& plan, Buffer& buffer) {
  const Phase& first_phase = phase_of(plan, buffer.first_step);
  const Phase& last_phase = phase_of(plan, buffer.last_step);
  const Segment& first = segment_of(plan, buffer.first_step);
  const Segment& last = segment_of(plan, buffer.last_step);
  if (&first_phase != &last_phase) {
    buffer.scope = Scope::kBatch;
    buffer.images = plan.max_batch;
    buffer.first_step = first_phase.segments.front().first_step;
    buffer.last_step = last_phase.segments.back().last_step;
  } else if (&first != &last) {
    buffer.scope = Scope::kChunk;
    buffer.images = first_phase.chunk;
    buffer.first_step = first.first_step;
    buffer.last_step = last.last_step;
  } else {
    buffer.scope = Scope::kGroup;
    buffer.images = first.group;
  }
  buffer.shared = buffer.scope == Scope::kBatch || first_phase.shared;
}

/// Places the buffers of one arena; returns its size.
std::int64_t place(Plan& plan, bool shared) {
  std::vector<Lifetime> lifetimes;
  std::vector<std::size_t> indices;
  for (std::size_t b = 0; b < plan.buffers.size(); ++b) {
    const Buffer& buffer = plan.buffers[b];
    if (buffer.shared != shared || buffer.images == 0) continue;
    lifetimes.push_back({buffer.bytes(), buffer.first_step, buffer.last_step});
    indices.push_back(b);
  }
  const Placement placement = place_buffers(lifetimes);
  for (std::size_t i = 0; i < indices.size(); ++i) plan.buffers[indices[i]].offset = placement.offsets[i];
  return placement.arena_bytes;
}

}  // namespace

void choose_phases(Plan& plan, const PlanOptions& options) {
  plan.phases.clear();
  const int steps = static_cast<int>(plan.steps.size());
  if (options.whole_batch) {
    plan.phases.push_back({{{0, steps - 1, options.max_batch}}, options.max_batch, true});
    return;
  }
  const int shared = options.max_batch > 1 ? first_shared_step(plan) : steps;
  if (shared > 0) plan.phases.push_back(chunked_phase(plan, 0, shared - 1, options));
  if (shared < steps) {
    const int chunk = std::min(options.max_batch, kLargestSharedChunk);
    plan.phases.push_back({{{shared, steps - 1, chunk}}, chunk, true});
  }
}

int images_per_call(const Plan& plan, int step) { return segment_of(plan, step).group; }

void assign_lifetimes(Plan& plan) {
  for (Buffer& buffer : plan.buffers) {
    buffer.first_step = static_cast<int>(plan.steps.size());
    buffer.last_step = -1;
  }
  for (int s = 0; s < static_cast<int>(plan.steps.size()); ++s) {
    const auto touch = [&](const OperandRef& ref) {
      if (ref.kind != OperandRef::Kind::kBuffer) return;
      Buffer& buffer = plan.buffers[static_cast<std::size_t>(ref.index)];
      buffer.first_step = std::min(buffer.first_step, s);
      buffer.last_step = std::max(buffer.last_step, s);
    };
    const Step& step = plan.steps[static_cast<std::size_t>(s)];
    for (const OperandRef& input : step.inputs) touch(input);
    touch(step.output);
  }
  for (Buffer& buffer : plan.buffers) {
    if (buffer.last_step < 0) {
      buffer.images = 0;  // merged into another by an in-place step
    } else {
      set_scope(plan, buffer);
    }
  }
}

void place_in_arenas(Plan& plan) {
  plan.chunk_arena_bytes = place(plan, false);
  plan.shared_arena_bytes = place(plan, true);
  plan.chunk_arenas = std::min(plan.threads, plan.max_batch);
}

std::int64_t input_bytes(const Plan& plan, const Step& step) {
  std::int64_t bytes = 0;
  for (const OperandRef& input : step.inputs) {
    // A part of a concatenation has the stride of the whole, but only its own map is read.
    const std::int64_t stride = input.image_stride * input.element_bytes;
    const bool buffer = input.kind == OperandRef::Kind::kBuffer;
    bytes +=
        buffer ? std::min(stride, plan.buffers[static_cast<std::size_t>(input.index)].map.bytes()) : stride;
  }
  return bytes;
}

}  // namespace octet::plan
