// Finds out, on labelled pictures and on this machine, which layers of a network may be computed in INT8 and
// which deserve more: measures what each layer alone does to the network's output and how long it takes in
// each precision, and searches (search.h). Engines are built by the caller, so that its options hold. A
// layer's damage is that of its weights and of the tensors it reads: what it writes is FP32 while it is
// alone.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lab/accuracy/paired.h"
#include "lab/data/dataset.h"
#include "lab/data/pipeline.h"
#include "lab/data/protocol.h"
#include "octet/calibration.h"
#include "octet/engine.h"

namespace octet::lab {

/// An engine of this precision; the calibration is null for those that need none.
using EngineBuilder = std::function<Engine(Precision, std::shared_ptr<const Calibration>)>;

/// The pictures are kept prepared in memory, since every assignment runs over them: at most so many bytes.
inline constexpr std::uint64_t kMaxTuningBytes = std::uint64_t{1} << 30;

struct TuneOptions {
  /// The first is where layers start; one of them should be kFloat32, which meets any budget.
  std::vector<Precision> candidates = {Precision::kInt8, Precision::kInt16, Precision::kBFloat16,
                                       Precision::kFloat32};
  double max_drop = 0.1;         ///< points of top-1 lost against FP32
  int sensitivity_images = 100;  ///< of the pictures, the first so many tell layers apart
  int max_measurements = 200;    ///< assignments measured on all pictures
  int timed_runs = 5;            ///< of them the shortest counts: other programs only add time
  PipelineOptions pipeline;      ///< how pictures are decoded
  std::function<void(const char* stage, double share)> progress;
};

struct TunedLayer {
  std::string name;
  Precision precision = Precision::kInt8;
  double sensitivity = 0;      ///< points of top-1 that this layer alone loses at the first candidate
  std::vector<double> ms;      ///< of one batch, at each candidate
  std::vector<double> damage;  ///< mean divergence of the output (nats), this layer alone at each candidate
};

struct TuneResult {
  std::vector<TunedLayer> layers;
  PairedComparison top1;    ///< the assignment against FP32
  bool within = false;      ///< lost no more than the budget
  int measurements = 0;     ///< assignments measured
  double fp32_ms = 0;       ///< of one batch
  double tuned_ms = 0;      ///< of one batch
  Calibration calibration;  ///< the base's with the precisions, sensitivities and reasons
  std::size_t images = 0;   ///< measured
  std::vector<BrokenImage> broken;
};

/// Layers that `base` does not have in INT8 stay as they are. Throws Error: kInvalidArgument (options, no
/// layer to tune), kMemoryLimit (more pictures than kMaxTuningBytes holds), kMismatch (labels), what the
/// pipeline and `build` throw.
TuneResult tune(const Calibration& base, const Dataset& pictures, const Preprocessing& preprocessing,
                const EngineBuilder& build, const TuneOptions& options);

}  // namespace octet::lab
