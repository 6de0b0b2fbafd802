// What a saved engine is but for its packed weights: the decisions that were made when it was built. The plan
// is not among them. It is made anew from these by the code that made it then, so that no address, offset or
// size of memory is ever taken from a file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "octet/calibration.h"
#include "octet/engine.h"
#include "octet/types.h"

namespace octet::save {

/// How a tensor's 16-bit integers were scaled, which follows from the FP32 weights that are gone.
struct Int16Scale {
  float scale = 1;
  std::int32_t limit = 1;
};

/// Of one step of the plan, in its order.
struct StepRecord {
  std::string kernel;  ///< the registry's name of it
  std::uint64_t packed_bytes = 0;
};

struct EngineRecord {
  Precision precision = Precision::kFloat32;
  Isa isa = Isa::kGeneric;  ///< that kernels were chosen for
  int sm = 0;               ///< compute capability of the CUDA device that they were chosen for; 0: the CPU
  int max_batch = 1;
  int threads = 1;
  bool pixel_input = false;
  graph::Graph graph;                      ///< optimised
  std::optional<Calibration> calibration;  ///< scales and precisions only: what decides the plan
  std::vector<Int16Scale> int16_scales;    ///< by tensor; empty where nothing computes in 16 bits
  std::vector<StepRecord> steps;
  std::vector<PassReport> passes;
  EngineNotes notes;
};

std::string encode(const EngineRecord& record);
/// `name` and `offset`, the place of the bytes in it, are for messages. Throws Error: kParse (bytes that are
/// no record), kInvalidNetwork or kMismatch (a graph that validate() refuses, scales or means that fit no
/// tensor).
EngineRecord decode(const std::string& name, std::span<const std::byte> bytes, std::size_t offset);

}  // namespace octet::save
