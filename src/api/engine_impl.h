// What an engine holds, and the stages that building and loading it share.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
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

  std::span<const std::byte> weights() const {
    return file ? file->weights() : std::span(packed.data(), packed.size());
  }
};

namespace api {

/// Throws Error(kInvalidArgument or kUnsupported) for what the machine lacks or makes no sense.
BuildOptions settle(const BuildOptions& asked, const MachineInfo& machine);

/// Of settled options.
plan::PlanOptions plan_options(const BuildOptions& options, const MachineInfo& machine);

/// Of an engine that is there.
MemoryInfo memory_of(const plan::Plan& plan);

/// Throws Error(kMemoryLimit). Known before anything is allocated: an engine that does not fit is an error,
/// not a dead process.
void check_memory(const MemoryInfo& need, const BuildOptions& options, const MachineInfo& machine,
                  const std::string& name);

}  // namespace api
}  // namespace octet
