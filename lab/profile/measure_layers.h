// Times an engine layer by layer.
#pragma once

#include <cstdint>
#include <functional>

#include "lab/profile/layer_record.h"
#include "octet/engine.h"

namespace octet::lab {

struct LayerMeasurement {
  int iterations = 20;      ///< timed runs at most
  double most_seconds = 0;  ///< no new run after this time once three are done; 0: no limit
  std::uint64_t seed = 1;   ///< of the synthetic images
  /// Bytes for engine, context, inputs, outputs and what measuring the machine's peaks takes; peaks that take
  /// more are not measured. 0: no limit.
  std::uint64_t memory_limit = 0;
  std::function<void(double done)> on_progress;  ///< 0..1, after a run; may be empty
};
inline constexpr int kLeastTimedRuns = 3;

/// Warms up, then takes turns between a run with clock reads at every step and one without. The batch is the
/// engine's largest. Throws Error(kInvalidArgument) for iterations < 1 or a negative limit.
LayerRecord measure_layers(const Engine& engine, const LayerMeasurement& measurement = {});

}  // namespace octet::lab
