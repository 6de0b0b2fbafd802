#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <set>

#include "base/thread_pool.h"
#include "octet/error.h"
#include "plan/dependencies.h"
#include "plan/lower.h"
#include "plan/plan.h"
#include "plan/schedule.h"

namespace octet::plan {
namespace {

/// A kernel chosen before, which must be able to compute the step here.
const kernels::Entry& checked(const kernels::Entry& entry, const kernels::OpDesc& desc,
                              const kernels::SelectionOptions& options) {
  if (!kernels::is_allowed(entry, options) || entry.cost(desc, options.images) < 0)
    throw Error(ErrorCode::kMismatch, fmt::format("kernel {} cannot compute it", entry.name()));
  return entry;
}

/// Where a device lacks kernels that the CPU has.
std::string advice(const PlanOptions& options) {
  if (options.sm == 0) return "";
  return fmt::format(
      " in {} on a CUDA device, where layers with weights have kernels for integers only; expected precision "
      "int8 or int16",
      to_string(options.precision));
}

void select_kernels(Plan& plan, const PlanOptions& options) {
  kernels::SelectionOptions selection;
  selection.entries = options.entries;
  selection.isas = options.isas;
  selection.sm = options.sm;
  selection.winograd = options.winograd;
  if (!options.kernels.empty() && options.kernels.size() != plan.steps.size())
    throw Error(ErrorCode::kMismatch,
                fmt::format("{} kernels for {} steps", options.kernels.size(), plan.steps.size()));
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    Step& step = plan.steps[s];
    selection.images = images_per_call(plan, static_cast<int>(s));
    try {
      step.entry = options.kernels.empty() ? &kernels::select(step.desc, selection)
                                           : &checked(*options.kernels[s], step.desc, selection);
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("{}: {}: {}{}", step.origin.to_string(), step.op, error.what(),
                                            error.code() == ErrorCode::kUnsupported ? advice(options) : ""));
    }
    step.kernel = step.entry->create(step.desc);
  }
}

bool is_whole_buffer(const Plan& plan, const OperandRef& ref) {
  return ref.kind == OperandRef::Kind::kBuffer && ref.element_offset == 0 &&
         ref.image_stride == plan.buffers[static_cast<std::size_t>(ref.index)].map.elements();
}

/// The same bytes hold either map, whatever their integers mean.
bool same_storage(const kernels::FeatureMap& a, const kernels::FeatureMap& b) {
  return a.same_sizes(b) && a.layout == b.layout && a.type == b.type && a.pixel_step() == b.pixel_step();
}

/// Steps that use a buffer.
std::set<int> users(const Plan& plan, int buffer) {
  std::set<int> steps;
  const auto uses = [&](const OperandRef& ref) {
    return ref.kind == OperandRef::Kind::kBuffer && ref.index == buffer;
  };
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    const Step& step = plan.steps[s];
    if (uses(step.output) || std::any_of(step.inputs.begin(), step.inputs.end(), uses))
      steps.insert(static_cast<int>(s));
  }
  return steps;
}

/// Element-wise steps write over an input that nobody needs afterwards. Both must be used inside one segment,
/// or the buffer would have to hold a chunk where a group is enough.
void merge_in_place(Plan& plan) {
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    Step& step = plan.steps[s];
    if (!is_whole_buffer(plan, step.output)) continue;
    const std::set<int> output_users = users(plan, step.output.index);
    if (*output_users.begin() != static_cast<int>(s)) continue;
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
      const OperandRef input = step.inputs[i];
      if (!step.kernel->in_place(static_cast<int>(i)) || !is_whole_buffer(plan, input)) continue;
      const auto& from = plan.buffers[static_cast<std::size_t>(input.index)];
      const auto& to = plan.buffers[static_cast<std::size_t>(step.output.index)];
      const std::set<int> input_users = users(plan, input.index);
      if (!same_storage(from.map, to.map) || *input_users.rbegin() != static_cast<int>(s)) continue;
      const auto same_operand = [&](const OperandRef& other) {
        return other.kind == input.kind && other.index == input.index;
      };
      if (std::count_if(step.inputs.begin(), step.inputs.end(), same_operand) > 1) continue;
      if (images_per_call(plan, *input_users.begin()) != images_per_call(plan, *output_users.rbegin()))
        continue;
      const int old = step.output.index;
      for (Step& other : plan.steps) {
        if (other.output.kind == OperandRef::Kind::kBuffer && other.output.index == old)
          other.output.index = input.index;
        for (OperandRef& ref : other.inputs) {
          if (ref.kind == OperandRef::Kind::kBuffer && ref.index == old) ref.index = input.index;
        }
      }
      break;
    }
  }
}

void count_bytes(Plan& plan) {
  constexpr std::int64_t kAlignment = 64;
  const auto aligned = [](std::int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; };
  plan.weight_bytes = 0;
  plan.scratch_bytes = 0;
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    Step& step = plan.steps[s];
    step.weight_offset = plan.weight_bytes;
    plan.weight_bytes += aligned(static_cast<std::int64_t>(step.kernel->packed_bytes()));
    const int images = images_per_call(plan, static_cast<int>(s));
    plan.scratch_bytes =
        std::max(plan.scratch_bytes, aligned(static_cast<std::int64_t>(step.kernel->scratch_bytes(images))));
  }
}

}  // namespace

Plan build_plan(const graph::Graph& graph, const quantize::Scheme& scheme, const PlanOptions& options) {
  Plan plan;
  plan.max_batch = options.max_batch;
  plan.threads = options.threads;
  lower(graph, scheme, {options.calibration, options.pixel_input}, plan);
  order_by_level(plan);
  choose_phases(plan, options);
  select_kernels(plan, options);
  merge_in_place(plan);
  assign_lifetimes(plan);
  place_in_arenas(plan);
  mark_waits(plan);
  count_bytes(plan);
  return plan;
}

Plan build_plan(const graph::Graph& graph, const PlanOptions& options) {
  return build_plan(graph, quantize::make_scheme(graph, options.precision, options.calibration), options);
}

quantize::IntegerLayerSpec integer_spec(const Step& step) {
  quantize::IntegerLayerSpec spec = *step.integer;
  spec.weights = step.weights[0].values();
  spec.weight_scales = step.weights[0].scales();
  if (step.weights.size() > 1) spec.bias = step.weights[1].values();
  return spec;
}

void pack_weights(Plan& plan, std::byte* packed, int threads) {
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto work = [&] {
    try {
      for (std::size_t s; (s = next.fetch_add(1)) < plan.steps.size();) {
        Step& step = plan.steps[s];
        const std::span<std::byte> place(packed + step.weight_offset, step.kernel->packed_bytes());
        if (step.integer) {
          step.kernel->pack_integer(quantize::make_integer_layer(integer_spec(step)).view(), place);
          step.integer.reset();
        } else {
          std::vector<std::span<const float>> values;
          for (const graph::Weights& weights : step.weights) values.push_back(weights.values());
          step.kernel->pack(values, place);
        }
        step.weights.clear();
      }
    } catch (...) {
      const std::lock_guard lock(failure_mutex);
      failure = std::current_exception();
    }
  };
  base::ThreadPool(threads).run([&](int) { work(); });
  if (failure) std::rethrow_exception(failure);
}

}  // namespace octet::plan
