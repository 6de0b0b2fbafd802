// Engine::build reads as the list of its stages; the stages live in optimize/, plan/ and execute/.
#include "octet/engine.h"

#include <fmt/format.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <chrono>
#include <functional>
#include <numeric>
#include <type_traits>
#include <vector>

#include "api/engine_impl.h"
#include "api/weight_watch.h"
#include "base/first_touch.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/thread_pool.h"
#include "cpu/float_environment.h"
#include "cuda/execute.h"
#include "cuda/registry.h"
#include "execute/executor.h"
#include "octet/error.h"
#include "optimize/optimizer.h"

namespace octet {
namespace {

constexpr int kMaxBatch = 1 << 20;

/// The part of a core's cache that the activations of a group should fill, where the machine does not say its
/// own.
constexpr std::uint64_t kDefaultCacheBytes = std::uint64_t{1} << 20;

Isa settle_isa(const std::optional<Isa>& forced, const MachineInfo& machine) {
  if (!forced) return machine.best_isa;
  for (const IsaStatus& status : machine.isas) {
    if (status.isa != *forced || status.usable) continue;
    throw Error(ErrorCode::kUnsupported,
                fmt::format("instruction set {} cannot be used here: {}", to_string(*forced), status.reason));
  }
  return *forced;
}

std::vector<int> settle_cpus(const BuildOptions& options, int threads, const MachineInfo& machine) {
  for (int cpu : options.cpus) {
    if (std::find(machine.cpus.begin(), machine.cpus.end(), cpu) == machine.cpus.end()) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("cpus: CPU {} is not among those this process may use ({})", cpu,
                              fmt::join(machine.cpus, ",")));
    }
  }
  if (!options.cpus.empty()) return options.cpus;
  const auto cpus = static_cast<int>(machine.placement.size());
  const bool filled = threads > 1 && (threads == machine.cores || threads == cpus);
  if (options.pinning == Pinning::kNone || (options.pinning == Pinning::kAuto && !filled)) return {};
  std::vector<int> chosen;
  for (int thread = 0; thread < threads; ++thread)
    chosen.push_back(machine.placement[static_cast<std::size_t>(thread % cpus)].cpu);
  return chosen;
}

}  // namespace

BuildOptions api::settle(const BuildOptions& asked, const MachineInfo& machine) {
  BuildOptions options = asked;
  if (options.pixel_input && options.calibration == nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                "pixel_input: expected a calibration that knows the mean, got none");
  }
  if (options.max_batch < 1 || options.max_batch > kMaxBatch) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("batch: expected 1 to {}, got {}", kMaxBatch, options.max_batch));
  }
  if (options.threads < 0 || options.threads > base::kMaxThreads) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("threads: expected 1 to {}, got {}", base::kMaxThreads, options.threads));
  }
  if (options.threads == 0) {
    options.threads = options.cpus.empty() ? machine.default_threads : static_cast<int>(options.cpus.size());
  }
  if (options.device.kind == Device::Kind::kCuda) {
    options.threads = 1, options.isa = Isa::kGeneric, options.cpus.clear();
    return options;
  }
  options.isa = settle_isa(options.isa, machine);
  options.cpus = settle_cpus(options, options.threads, machine);
  return options;
}

plan::PlanOptions api::plan_options(const BuildOptions& options, const MachineInfo& machine, int sm) {
  plan::PlanOptions plan_options;
  plan_options.max_batch = options.max_batch;
  plan_options.threads = options.threads;
  plan_options.winograd = options.winograd;
  plan_options.precision = options.precision;
  plan_options.calibration = options.calibration.get();
  plan_options.pixel_input = options.pixel_input;
  plan_options.cache_bytes =
      static_cast<std::int64_t>(machine.l2_bytes > 0 ? machine.l2_bytes : kDefaultCacheBytes);
  for (const IsaStatus& status : machine.isas) {
    if (status.usable && status.isa <= *options.isa) plan_options.isas.push_back(status.isa);
  }
  if (sm > 0) {
    plan_options.entries = cuda::all_kernels();
    plan_options.sm = sm;
    plan_options.whole_batch = true;
  }
  return plan_options;
}

MemoryInfo api::memory_of(const plan::Plan& plan, const BuildOptions& options) {
  MemoryInfo memory;
  memory.weight_bytes = static_cast<std::uint64_t>(plan.weight_bytes);
  if (options.device.kind == Device::Kind::kCuda) {
    memory.arena_bytes = cuda::Executor::pinned_bytes(plan);
    memory.device_bytes = memory.weight_bytes + cuda::Executor::device_bytes(plan);
  } else {
    memory.arena_bytes = static_cast<std::uint64_t>(plan.context_bytes());
  }
  return memory;
}

namespace {

/// What packing makes of a layer's weights on the way: integers, and those in another order (floating point
/// is packed as it is). As many layers are packed at a time as there are threads.
std::uint64_t packing_bytes(const plan::Plan& plan) {
  constexpr std::uint64_t kBytesPerWeight = 2;
  std::vector<std::uint64_t> layers;
  for (const plan::Step& step : plan.steps) {
    std::uint64_t weights = 0;
    if (!step.integer) continue;
    for (const graph::Weights& w : step.weights) weights += static_cast<std::uint64_t>(w.shape().elements());
    layers.push_back(kBytesPerWeight * weights);
  }
  const std::size_t threads = std::min(layers.size(), static_cast<std::size_t>(plan.threads));
  const auto end = layers.begin() + static_cast<std::ptrdiff_t>(threads);
  std::partial_sort(layers.begin(), end, layers.end(), std::greater<>());
  return std::accumulate(layers.begin(), end, std::uint64_t{0});
}

/// Of an engine that is about to be packed.
MemoryInfo memory_to_build(const plan::Plan& plan, const BuildOptions& options,
                           const api::WeightWatch& watch) {
  MemoryInfo memory = api::memory_of(plan, options);
  const api::WeightWatch::Bytes fp32 = watch.count(plan);
  memory.network_bytes = fp32.kept;
  memory.build_bytes = fp32.present + memory.weight_bytes + packing_bytes(plan);
  return memory;
}

}  // namespace

void api::check_memory(const MemoryInfo& need, const BuildOptions& options, const MachineInfo& machine,
                       const std::string& name) {
  const std::uint64_t limit = options.memory_limit > 0 ? options.memory_limit : machine.memory_bytes;
  if (limit == 0 || need.peak() <= limit) return;
  const bool while_built = need.build_bytes == need.peak();
  throw Error(ErrorCode::kMemoryLimit,
              fmt::format("{} at batch {} does not fit: needs {} ({} bytes{}: weights {}, activations {}, "
                          "network {}), limit {} "
                          "({} bytes)",
                          name, options.max_batch, format_bytes(need.peak()), need.peak(),
                          while_built ? " while it is built" : "", need.weight_bytes, need.arena_bytes,
                          while_built ? need.build_bytes - need.weight_bytes : need.network_bytes,
                          format_bytes(limit), limit));
}

namespace {

/// All threads read all weights, so these are spread over the memory nodes. With one node there is nothing to
/// spread, and they need no memory before they are packed.
void touch_weights(Engine::Impl& engine, const MachineInfo& machine) {
  const std::vector<CpuPlace>& places = machine.placement;
  const auto on_one_node = [&](const CpuPlace& place) { return place.numa_node == places.front().numa_node; };
  if (std::all_of(places.begin(), places.end(), on_one_node)) return;
  base::ThreadPool(engine.options.threads, engine.options.cpus).run([&](int thread) {
    base::touch_part(engine.packed.data(), engine.packed.size(), thread, engine.options.threads);
  });
}

/// Gives the system what packing has freed, which the C library would keep.
void return_freed_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

/// The stages up to the plan, which needs no memory of the engine's size. `need`: to build it.
std::shared_ptr<Engine::Impl> plan_engine(Network network, const BuildOptions& asked,
                                          const MachineInfo& machine, MemoryInfo& need) {
  auto impl = std::make_shared<Engine::Impl>();
  impl->network_name = network.name();
  BuildOptions with_scales = asked;
  if (with_scales.calibration == nullptr) with_scales.calibration = network.calibration();
  impl->options = api::settle(with_scales, machine);
  impl->graph = network.graph();
  const api::WeightWatch watch(impl->graph);
  network = Network(nullptr);  // a caller that kept no hold on it has the weights freed as they are replaced
  impl->passes = optimize::optimize(impl->graph, impl->options.disabled_passes);
  impl->cuda = api::open_device(impl->options);
  const plan::PlanOptions options = api::plan_options(impl->options, machine, api::compute_capability(*impl));
  impl->scheme = quantize::make_scheme(impl->graph, options.precision, options.calibration);
  impl->plan = plan::build_plan(impl->graph, impl->scheme, options);
  // The plan has its own hold on the values, which ends layer by layer as they are packed.
  for (graph::Node& node : impl->graph.nodes) {
    for (graph::Weights& weights : node.weights) weights = graph::Weights::placeholder(weights.shape());
  }
  need = memory_to_build(impl->plan, impl->options, watch);
  return impl;
}

}  // namespace

Pinning parse_pinning(std::string_view text) {
  if (text == "auto") return Pinning::kAuto;
  if (text == "cores") return Pinning::kCores;
  if (text == "none") return Pinning::kNone;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("--pin: expected auto, cores or none, got '{}'", text));
}

Engine Engine::build(Network network, const BuildOptions& asked) {
  const cpu::ScopedFloatEnvironment float_environment(cpu::Denormals::kKept);
  const MachineInfo machine = describe_machine();
  MemoryInfo need;
  const std::shared_ptr<Impl> impl = plan_engine(std::move(network), asked, machine, need);
  api::check_memory(need, impl->options, machine, impl->network_name);
  api::check_device_memory(need, impl->options, impl->cuda.get(), impl->network_name);
  impl->packed = base::AlignedBuffer(static_cast<std::size_t>(impl->plan.weight_bytes));
  touch_weights(*impl, machine);
  plan::pack_weights(impl->plan, impl->packed.data(),
                     impl->cuda == nullptr ? impl->options.threads : machine.default_threads);
  api::upload_weights(*impl);
  return_freed_memory();
  return Engine(impl);
}

MemoryInfo Engine::estimate_memory(const Network& network, const BuildOptions& asked) {
  const cpu::ScopedFloatEnvironment float_environment(cpu::Denormals::kKept);
  MemoryInfo need;
  plan_engine(network, asked, describe_machine(), need);
  return need;
}

const std::string& Engine::network_name() const { return impl_->network_name; }
Precision Engine::precision() const { return impl_->options.precision; }
Device Engine::device() const { return impl_->options.device; }
std::string Engine::target() const {
  return impl_->cuda == nullptr ? to_string(isa()) : fmt::format("sm_{}", impl_->cuda->compute_capability());
}
Isa Engine::isa() const { return *impl_->options.isa; }
bool Engine::pixel_input() const { return impl_->options.pixel_input; }
int Engine::max_batch() const { return impl_->plan.max_batch; }
int Engine::threads() const { return impl_->plan.threads; }
std::vector<TensorInfo> Engine::inputs() const { return impl_->plan.inputs; }
std::vector<TensorInfo> Engine::outputs() const { return impl_->plan.outputs; }
std::vector<PassReport> Engine::passes() const { return impl_->passes; }
MemoryInfo Engine::memory() const { return api::memory_of(impl_->plan, impl_->options); }
const EngineNotes& Engine::notes() const { return impl_->notes; }

std::vector<StepInfo> Engine::steps() const { return api::describe_steps(impl_->plan); }

std::vector<StepInfo> api::describe_steps(const plan::Plan& plan) {
  std::vector<StepInfo> infos;
  for (const plan::Phase& phase : plan.phases) {
    for (const plan::Segment& segment : phase.segments) {
      for (int s = segment.first_step; s <= segment.last_step; ++s) {
        const plan::Step& step = plan.steps[static_cast<std::size_t>(s)];
        StepInfo info;
        info.layer = step.layer;
        info.op = step.op;
        info.kernel = step.entry->name();
        info.output_layout = kernels::to_string(step.output_map.layout);
        info.output_type = to_string(step.output_map.type);
        if (step.output_map.type == DataType::kUInt8 || step.output_map.type == DataType::kInt16) {
          info.output_scale = step.output_map.quantization.scale;
          info.output_zero_point = step.output_map.quantization.zero_point;
        }
        info.output_shape = {1, step.output_map.channels, step.output_map.height, step.output_map.width};
        info.macs = step.macs;
        info.kernel_macs = step.kernel->worker_macs(1, 0, 1);
        info.input_bytes = plan::input_bytes(plan, step);
        info.output_bytes = step.output_map.bytes();
        info.weight_bytes = static_cast<std::int64_t>(step.kernel->packed_bytes());
        info.images_per_group = segment.group;
        info.shared_by_threads = phase.shared;
        info.reads_caller = std::any_of(
            step.inputs.begin(), step.inputs.end(),
            [](const plan::OperandRef& input) { return input.kind == plan::OperandRef::Kind::kInput; });
        info.writes_caller = step.output.kind == plan::OperandRef::Kind::kOutput;
        infos.push_back(std::move(info));
      }
    }
  }
  return infos;
}

std::string Engine::hash() const {
  base::Hasher hasher;
  for (const StepInfo& step : steps()) {
    hasher.add(std::string_view(step.layer));
    hasher.add(std::string_view(step.kernel));
    for (std::int64_t dim : step.output_shape.dims()) hasher.add(dim);
  }
  hasher.add_bytes(impl_->weights().data(), impl_->weights().size());
  return hasher.hex();
}

// ---- Context
// --------------------------------------------------------------------------------------------------------

namespace {

/// What a context runs its plan with: the CPU's threads or a CUDA device.
class Runner {
 public:
  virtual ~Runner() = default;
  /// `times`, if there are any, are added to; `step_times` is empty or has an entry for each step.
  virtual void run(int batch, const execute::Bindings& bindings, RunTimes* times,
                   std::span<StepTime> step_times) = 0;
};

class CpuRunner final : public Runner {
 public:
  explicit CpuRunner(const Engine::Impl& engine)
      : steps_(engine.plan.steps.size()),
        threads_(static_cast<std::size_t>(engine.plan.threads)),
        executor_(engine.plan, engine.weights().data(), engine.options.cpus) {}

  void run(int batch, const execute::Bindings& bindings, RunTimes* times,
           std::span<StepTime> step_times) override {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point start = times != nullptr ? Clock::now() : Clock::time_point();
    std::vector<execute::StepSeconds> seconds(step_times.size() * threads_);
    executor_.run(batch, bindings, seconds);
    if (times != nullptr)
      times->compute_ms += std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    for (std::size_t i = 0; i < seconds.size(); ++i) {
      step_times[i % steps_].busy_ms += seconds[i].busy * 1e3;
      step_times[i % steps_].wait_ms += seconds[i].wait * 1e3;
    }
  }

 private:
  std::size_t steps_, threads_;
  execute::Executor executor_;
};

class CudaRunner final : public Runner {
 public:
  explicit CudaRunner(const Engine::Impl& engine)
      : executor_(engine.cuda, engine.plan, engine.cuda_weights, {.largest_graph = kLargestGraph}),
        step_seconds_(engine.plan.steps.size()) {}

  void run(int batch, const execute::Bindings& bindings, RunTimes* times,
           std::span<StepTime> step_times) override {
    cuda::RunSeconds seconds;
    std::fill(step_seconds_.begin(), step_seconds_.end(), 0.0);
    executor_.run(batch, {bindings.inputs, bindings.outputs}, times != nullptr ? &seconds : nullptr,
                  step_times.empty() ? std::span<double>() : std::span(step_seconds_));
    if (times != nullptr) {
      times->to_device_ms += seconds.to_device * 1e3;
      times->compute_ms += seconds.compute * 1e3;
      times->to_host_ms += seconds.to_host * 1e3;
    }
    for (std::size_t s = 0; s < step_times.size(); ++s) step_times[s].busy_ms += step_seconds_[s] * 1e3;
  }

 private:
  // Up to here launching a step takes longer than most steps do.
  static constexpr int kLargestGraph = 32;

  cuda::Executor executor_;
  std::vector<double> step_seconds_;
};

std::unique_ptr<Runner> make_runner(const Engine::Impl& engine) {
  if (engine.cuda != nullptr) return std::make_unique<CudaRunner>(engine);
  return std::make_unique<CpuRunner>(engine);
}

}  // namespace

struct Context::Impl {
  explicit Impl(std::shared_ptr<const Engine::Impl> e)
      : engine(std::move(e)),
        runner(make_runner(*engine)),
        input_pointers(engine->plan.inputs.size()),
        output_pointers(engine->plan.outputs.size()) {}

  /// T: float, or std::uint8_t with pixel_input.
  template <typename T>
  void bind(int batch, std::span<const std::span<const T>> inputs, std::span<const std::span<float>> outputs);

  void run(int batch, RunTimes* times = nullptr, std::span<StepTime> step_times = {}) {
    runner->run(batch, {input_pointers, output_pointers}, times, step_times);
  }

  std::shared_ptr<const Engine::Impl> engine;
  std::unique_ptr<Runner> runner;
  std::vector<const void*> input_pointers;
  std::vector<float*> output_pointers;
};

namespace {

void check_size(const char* what, const char* unit, const TensorInfo& tensor, int batch, std::size_t got) {
  const std::size_t expected =
      static_cast<std::size_t>(tensor.shape.elements_per_image()) * static_cast<std::size_t>(batch);
  if (got == expected) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{} '{}': expected {} {} for {} images of {}, got {}", what, tensor.name, expected,
                          unit, batch, tensor.shape.to_string(), got));
}

void check_count(const char* what, std::size_t expected, std::size_t got) {
  if (got == expected) return;
  throw Error(ErrorCode::kInvalidArgument, fmt::format("the network has {} {}, got {}", expected, what, got));
}

}  // namespace

template <typename T>
void Context::Impl::bind(int batch, std::span<const std::span<const T>> inputs,
                         std::span<const std::span<float>> outputs) {
  constexpr bool bytes = std::is_same_v<T, std::uint8_t>;
  if (bytes != engine->options.pixel_input) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("input: this engine takes {}, got {}",
                            engine->options.pixel_input ? "pictures' bytes (pixel_input)" : "FP32",
                            bytes ? "bytes" : "FP32"));
  }
  const plan::Plan& plan = engine->plan;
  if (batch < 1 || batch > plan.max_batch) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("batch: expected 1 to {}, got {}", plan.max_batch, batch));
  }
  check_count("inputs", plan.inputs.size(), inputs.size());
  check_count("outputs", plan.outputs.size(), outputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check_size("input", bytes ? "bytes" : "floats", plan.inputs[i], batch, inputs[i].size());
    input_pointers[i] = inputs[i].data();
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    check_size("output", "floats", plan.outputs[i], batch, outputs[i].size());
    output_pointers[i] = outputs[i].data();
  }
}

Context Engine::create_context() const { return Context(std::make_unique<Context::Impl>(impl_)); }

Context::Context(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Context::Context(Context&&) noexcept = default;
Context& Context::operator=(Context&&) noexcept = default;
Context::~Context() = default;

void Context::run(int batch, std::span<const std::span<const float>> inputs,
                  std::span<const std::span<float>> outputs) {
  impl_->bind<float>(batch, inputs, outputs);
  impl_->run(batch);
}

void Context::run(int batch, std::span<const float> input, std::span<float> output) {
  run(batch, std::span(&input, 1), std::span(&output, 1));
}

void Context::run(int batch, std::span<const std::uint8_t> pixels, std::span<float> output) {
  impl_->bind<std::uint8_t>(batch, std::span(&pixels, 1), std::span(&output, 1));
  impl_->run(batch);
}

void Context::run(int batch, std::span<const std::span<const float>> inputs,
                  std::span<const std::span<float>> outputs, RunTimes& times) {
  impl_->bind<float>(batch, inputs, outputs);
  impl_->run(batch, &times);
}

void Context::run_timed(int batch, std::span<const std::span<const float>> inputs,
                        std::span<const std::span<float>> outputs, std::vector<StepTime>& times) {
  impl_->bind<float>(batch, inputs, outputs);
  times.assign(impl_->engine->plan.steps.size(), {});
  impl_->run(batch, nullptr, times);
}

}  // namespace octet
