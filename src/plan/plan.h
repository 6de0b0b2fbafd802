// The plan: everything that happens when a network runs, decided beforehand. It is data; execute/ walks it.
//
//   phases    in order; a barrier between them
//   segments  of a phase, in order; each runs its steps for a *group* of images at a time, depth-first, so
//   that the group's
//             activations stay in cache
//   steps     kernel calls
//
// A phase handles its batch in *chunks*. Where there are enough images, each thread takes whole chunks and
// runs them alone, without any barrier; what is left of a batch goes to teams of threads that share each step
// (batch_split.h); a `shared` phase (fully connected layers, whose weights should be read once for all
// images) has all threads work on each step together. walk.h is a thread's way through all that.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "kernels/registry.h"
#include "octet/engine.h"
#include "quantize/integer_layer.h"
#include "quantize/scheme.h"

namespace octet::plan {

/// How many images a buffer holds, and so where image i of a call lies in it.
enum class Scope { kGroup, kChunk, kBatch };

struct Buffer {
  std::string tensor;       // for people: the tensor that it was made for
  kernels::FeatureMap map;  // of a concatenation: the whole result
  Scope scope = Scope::kGroup;
  int images = 1;           // that it holds
  bool shared = false;      // lies in the shared arena; else in each chunk arena
  std::int64_t offset = 0;  // bytes into that arena
  int first_step = 0;       // lifetime, widened to whole segments (kChunk) or phases (kBatch)
  int last_step = 0;
  std::int64_t bytes() const { return map.bytes() * images; }
};

/// Where a step finds an operand.
struct OperandRef {
  enum class Kind { kBuffer, kInput, kOutput };
  Kind kind = Kind::kBuffer;
  int index = 0;                    // of the buffer, or of the network's input or output
  std::int64_t element_offset = 0;  // of image 0: a block range of a concatenation
  std::int64_t image_stride = 0;    // elements
  int element_bytes = 4;
};

struct Step {
  std::string layer;
  std::string op;
  Origin origin;
  kernels::OpDesc desc;
  std::vector<OperandRef> inputs;
  OperandRef output;
  kernels::FeatureMap output_map;
  std::int64_t macs = 0;
  std::vector<graph::Weights> weights;  // until packed
  /// Of layers of integers: what the integers follow from, all but the weights themselves. Until packed.
  std::optional<quantize::IntegerLayerSpec> integer;

  // Set when kernels are selected.
  const kernels::Entry* entry = nullptr;
  std::unique_ptr<kernels::Kernel> kernel;
  std::int64_t weight_offset = 0;  // bytes into the packed weights
  /// Threads that share each step meet before this one (dependencies.h).
  bool waits = true;
};

struct Segment {
  int first_step = 0, last_step = 0;  // both included
  int group = 1;                      // images
};

struct Phase {
  std::vector<Segment> segments;
  int chunk = 1;        // images; a multiple of each segment's group
  bool shared = false;  // all threads work on each step, whatever the batch
};

/// Behind the last buffer: kernels may read so far beyond an operand (kernels/kernel.h).
inline constexpr std::int64_t kReadableBytes = 64;

struct Plan {
  std::vector<Step> steps;
  std::vector<Buffer> buffers;
  std::vector<Phase> phases;
  std::vector<TensorInfo> inputs, outputs;  // N = 1
  int max_batch = 1;
  int threads = 1;
  int chunk_arenas = 1;                // as many as threads ever work on chunks of their own
  std::int64_t chunk_arena_bytes = 0;  // of one
  std::int64_t shared_arena_bytes = 0;
  std::int64_t scratch_bytes = 0;  // of one thread
  std::int64_t weight_bytes = 0;

  std::int64_t context_bytes() const {
    return chunk_arena_bytes * chunk_arenas + shared_arena_bytes + scratch_bytes * threads + kReadableBytes;
  }
};

struct PlanOptions {
  int max_batch = 1;
  int threads = 1;
  /// Kernels to choose from: the CPU's, or a device's (cuda/registry.h) of compute capability `sm`.
  std::span<const kernels::Entry> entries = kernels::all_kernels();
  std::vector<Isa> isas;  // that the CPU's kernels may use
  int sm = 0;
  bool winograd = true;
  Precision precision = Precision::kFloat32;
  const Calibration* calibration = nullptr;  // must live until the weights are packed
  bool pixel_input = false;
  /// Each step runs once, for the whole batch: what keeps a device busy whose caches hold no network anyway.
  bool whole_batch = false;
  std::int64_t cache_bytes = 0;  // that one thread's activations should stay in; decides the groups
  /// The kernel of each step, where that was decided before (a saved engine); empty: the cheapest are
  /// selected.
  std::vector<const kernels::Entry*> kernels;
};

/// graph (optimised, weights may be absent if only memory is asked for) -> plan. Stages: lower, schedule,
/// select, place. Throws Error(kUnsupported or kInvalidNetwork) naming the layer, kMismatch if
/// `options.kernels` are those of another plan.
Plan build_plan(const graph::Graph& graph, const quantize::Scheme& scheme, const PlanOptions& options);
/// With the scheme that follows from precision and calibration.
Plan build_plan(const graph::Graph& graph, const PlanOptions& options);

/// What the integers of a step's layer follow from, weights and bias included. Of steps with `integer`, until
/// they are packed.
quantize::IntegerLayerSpec integer_spec(const Step& step);

/// Packs all steps' weights into `packed` (plan.weight_bytes), `threads` steps at a time, and drops the
/// originals.
void pack_weights(Plan& plan, std::byte* packed, int threads);

/// Bytes of activations that a step reads for one image.
std::int64_t input_bytes(const Plan& plan, const Step& step);

}  // namespace octet::plan
