// What an engine holds, and the stages that building and loading it share.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "cuda/driver/device.h"
#include "graph/graph.h"
#include "octet/engine.h"
#include "octet/machine.h"
#include "plan/plan.h"
#include "quantize/scheme.h"
#include "save/engine_file.h"

namespace octet {

struct Engine::Impl {
  std::string network_name;
  BuildOptions options;  // with threads, cpus and isa settled
  std::vector<PassReport> passes;
  // What the plan was made from, so that it can be saved: the optimised network without its weights' values.
  graph::Graph graph;
  quantize::Scheme scheme;
  plan::Plan plan;
  EngineNotes notes;
  // Packed weights lie in memory of the engine's own, or in the file that it was loaded from.
  base::AlignedBuffer packed;
  std::optional<save::EngineFile> file;
  // Of a CUDA device: the device with our functions in it, and the packed weights in its memory.
  std::shared_ptr<const cuda::driver::Device> cuda;
  std::shared_ptr<const cuda::driver::DeviceMemory> cuda_weights;

  std::span<const std::byte> weights() const {
    return file ? file->weights() : std::span(packed.data(), packed.size());
  }
};

namespace api {

/// Throws Error(kInvalidArgument or kUnsupported) for what the machine lacks or makes no sense.
BuildOptions settle(const BuildOptions& asked, const MachineInfo& machine);

/// The device of settled options, opened; null for the CPU. Throws Error (BuildOptions::device).
std::shared_ptr<const cuda::driver::Device> open_device(const BuildOptions& options);

/// Of the engine's device; 0 of the CPU.
inline int compute_capability(const Engine::Impl& impl) {
  return impl.cuda == nullptr ? 0 : impl.cuda->compute_capability();
}

/// Of settled options; `sm`: compute capability of the CUDA device, 0 for the CPU.
plan::PlanOptions plan_options(const BuildOptions& options, const MachineInfo& machine, int sm);

/// In the order in which they run.
std::vector<StepInfo> describe_steps(const plan::Plan& plan);

/// Of an engine that is there.
MemoryInfo memory_of(const plan::Plan& plan, const BuildOptions& options);

/// Copies the packed weights to the engine's CUDA device, if it has one.
void upload_weights(Engine::Impl& engine);

/// Throws Error(kMemoryLimit). Known before anything is allocated: an engine that does not fit is an error,
/// not a dead process.
void check_memory(const MemoryInfo& need, const BuildOptions& options, const MachineInfo& machine,
                  const std::string& name);
/// The same for the memory of a CUDA device that is free; null: nothing to check.
void check_device_memory(const MemoryInfo& need, const BuildOptions& options,
                         const cuda::driver::Device* cuda, const std::string& name);

}  // namespace api
}  // namespace octet
