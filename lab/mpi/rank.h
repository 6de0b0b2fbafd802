// What each rank of a scaling run does, from the warm-up to the record.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "lab/mpi/scaling.h"
#include "lab/power/meter.h"

namespace octet::lab {

struct RankSettings {
  int batch = 1;
  double duration_s = 5;
  WarmupLimits warmup;
  int ranks = 1;  ///< how many of the world take part: the lowest; the others wait
};

/// Collective over the whole world. `system` is this rank's (not used by ranks that only wait); `meters` are
/// recorded by the first rank of each machine that takes part. Returns the run at rank 0, nothing elsewhere.
/// Throws what the system throws.
std::optional<ScalingRun> measure_ranks(Communicator& world, SystemUnderTest& system,
                                        const std::vector<int>& cpus,
                                        std::span<const std::unique_ptr<Meter>> meters,
                                        const RankSettings& settings, Clock& clock = system_clock());

}  // namespace octet::lab
