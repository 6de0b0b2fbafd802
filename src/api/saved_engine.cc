// Engine::save and Engine::load: a record of what was decided when the engine was built, and the stages that
// make the same engine of it again.
#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "api/engine_impl.h"
#include "cpu/float_environment.h"
#include "graph/describe.h"
#include "octet/build_info.h"
#include "octet/error.h"
#include "save/engine_file.h"

namespace octet {
namespace {

std::vector<save::Int16Scale> int16_scales(const quantize::Scheme& scheme) {
  std::vector<save::Int16Scale> scales;
  if (std::count(scheme.nodes.begin(), scheme.nodes.end(), DataType::kInt16) == 0) return scales;
  for (const quantize::TensorScheme& tensor : scheme.tensors)
    scales.push_back({tensor.s16.scale, tensor.s16.limit});
  return scales;
}

save::EngineRecord record_of(const Engine::Impl& impl, const EngineNotes& notes) {
  save::EngineRecord record;
  record.precision = impl.options.precision;
  record.isa = *impl.options.isa;
  record.sm = impl.cuda == nullptr ? 0 : impl.cuda->compute_capability();
  record.max_batch = impl.plan.max_batch;
  record.threads = impl.plan.threads;
  record.pixel_input = impl.options.pixel_input;
  record.graph = impl.graph;
  if (impl.options.calibration != nullptr) record.calibration = *impl.options.calibration;
  record.int16_scales = int16_scales(impl.scheme);
  for (const plan::Step& step : impl.plan.steps)
    record.steps.push_back({step.entry->name(), step.kernel->packed_bytes()});
  record.passes = impl.passes;
  record.notes = notes;
  return record;
}

Isa needed_isa(const plan::Plan& plan) {
  Isa needed = Isa::kGeneric;
  for (const plan::Step& step : plan.steps) needed = std::max(needed, step.entry->isa);
  return needed;
}

// ---- loading

[[noreturn]] void mismatch(const std::string& what) { throw Error(ErrorCode::kMismatch, what); }

Device device_of(const save::EngineRecord& record, const LoadOptions& asked) {
  const Device::Kind kind = record.sm > 0 ? Device::Kind::kCuda : Device::Kind::kCpu;
  if (!asked.device) return {kind, 0};
  if (asked.device->kind != kind)
    throw Error(ErrorCode::kMismatch,
                fmt::format("device {}: expected {}, for which the engine was built",
                            to_string(*asked.device), kind == Device::Kind::kCuda ? "cuda:N" : "cpu"));
  return *asked.device;
}

/// The options that lead to the saved engine, with what the caller may choose.
BuildOptions build_options(const save::EngineRecord& record, const LoadOptions& asked,
                           const MachineInfo& machine) {
  BuildOptions options;
  options.precision = record.precision;
  options.max_batch = asked.max_batch != 0 ? asked.max_batch : record.max_batch;
  options.threads = asked.threads;
  options.cpus = asked.cpus;
  options.pinning = asked.pinning;
  options.memory_limit = asked.memory_limit;
  options.pixel_input = record.pixel_input;
  options.device = device_of(record, asked);
  // Kernels of a lower instruction set may be all that an engine of a higher one has.
  options.isa = std::min(record.isa, machine.best_isa);
  if (record.calibration) options.calibration = std::make_shared<const Calibration>(*record.calibration);
  return options;
}

/// Kernels keep a byte or more of every weight, so a graph of more weights than the file has bytes is refused
/// before a kernel is made for it.
void check_weight_count(const graph::Graph& graph, std::size_t bytes) {
  std::uint64_t count = 0;
  for (const graph::Node& node : graph.nodes) {
    for (const graph::Weights& weights : node.weights)
      count += static_cast<std::uint64_t>(weights.shape().elements());
    if (count > bytes)
      mismatch(fmt::format("{}: expected packed weights of {} bytes or more up to here, got {}",
                           graph::where(node), count, bytes));
  }
}

std::vector<const kernels::Entry*> find_kernels(const std::vector<save::StepRecord>& steps,
                                                std::span<const kernels::Entry> entries) {
  std::map<std::string, const kernels::Entry*> by_name;
  for (const kernels::Entry& entry : entries) by_name[entry.name()] = &entry;
  std::vector<const kernels::Entry*> found;
  for (const save::StepRecord& step : steps) {
    const auto entry = by_name.find(step.kernel);
    if (entry == by_name.end()) mismatch(fmt::format("there is no kernel '{}'", step.kernel));
    found.push_back(entry->second);
  }
  return found;
}

quantize::Scheme make_scheme(const save::EngineRecord& record, const plan::PlanOptions& options) {
  quantize::Scheme scheme = quantize::make_scheme(record.graph, options.precision, options.calibration);
  if (int16_scales(scheme).size() != record.int16_scales.size())
    mismatch(fmt::format("{} 16-bit scales, expected {}", record.int16_scales.size(),
                         int16_scales(scheme).size()));
  for (std::size_t t = 0; t < record.int16_scales.size(); ++t)
    scheme.tensors[t].s16 = {record.int16_scales[t].scale, 0, record.int16_scales[t].limit};
  return scheme;
}

/// Every kernel finds the bytes that it packed where it looks for them.
void check_weights(const plan::Plan& plan, const save::EngineRecord& record, std::size_t bytes) {
  if (record.steps.size() != plan.steps.size())
    mismatch(fmt::format("{} steps, expected {}", record.steps.size(), plan.steps.size()));
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    const plan::Step& step = plan.steps[s];
    const std::uint64_t expected = step.kernel->packed_bytes();
    if (record.steps[s].packed_bytes != expected)
      mismatch(fmt::format("layer '{}': {} has {} bytes of packed weights, expected {}", step.layer,
                           record.steps[s].kernel, record.steps[s].packed_bytes, expected));
  }
  if (static_cast<std::uint64_t>(plan.weight_bytes) != bytes)
    mismatch(fmt::format("{} bytes of packed weights, expected {}", bytes, plan.weight_bytes));
}

/// The stages of Engine::build from the record on.
void restore(Engine::Impl& impl, save::EngineRecord record, const LoadOptions& asked,
             const MachineInfo& machine) {
  const std::size_t weight_bytes = impl.file->weights().size();
  check_weight_count(record.graph, weight_bytes);
  impl.network_name = record.graph.name;
  impl.options = api::settle(build_options(record, asked, machine), machine);
  impl.cuda = api::open_device(impl.options);
  plan::PlanOptions options = api::plan_options(impl.options, machine, api::compute_capability(impl));
  options.kernels = find_kernels(record.steps, options.entries);
  impl.scheme = make_scheme(record, options);
  impl.plan = plan::build_plan(record.graph, impl.scheme, options);
  check_weights(impl.plan, record, weight_bytes);
  for (plan::Step& step : impl.plan.steps) step.weights.clear(), step.integer.reset();  // packed long ago
  const MemoryInfo need = api::memory_of(impl.plan, impl.options);
  api::check_memory(need, impl.options, machine, impl.network_name);
  api::check_device_memory(need, impl.options, impl.cuda.get(), impl.network_name);
  api::upload_weights(impl);
  impl.graph = std::move(record.graph);
  impl.passes = std::move(record.passes);
  impl.notes = std::move(record.notes);
}

}  // namespace

void Engine::save(const std::filesystem::path& file, const EngineNotes& notes) const {
  save::write_engine_file(file, build_info(), needed_isa(impl_->plan), record_of(*impl_, notes),
                          impl_->weights());
}

Engine Engine::load(const std::filesystem::path& file, const LoadOptions& options) {
  const cpu::ScopedFloatEnvironment float_environment(cpu::Denormals::kKept);
  const MachineInfo machine = describe_machine();
  auto impl = std::make_shared<Impl>();
  impl->file.emplace(file, build_info(), machine.isas);
  save::EngineRecord record = impl->file->record();
  try {
    restore(*impl, std::move(record), options, machine);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", file.string(), error.what()));
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kMemoryLimit,
                fmt::format("{}: planning it takes more memory than there is", file.string()));
  }
  return Engine(std::move(impl));
}

}  // namespace octet
