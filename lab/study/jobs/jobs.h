// One function a kind of unit: does the work and returns what the unit's record holds of its own
// (docs/study-bundle.md). They throw what they cannot do; a unit that would not fit into memory, or for which
// this machine lacks something, is a record that says so.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "lab/study/plan.h"
#include "lab/study/workshop.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

using JobProgress = std::function<void(double share)>;

Json machine_job(const Unit& unit, Workshop& shop, const JobProgress& progress);
Json throughput_job(const Unit& unit, Workshop& shop, const JobProgress& progress);
Json ladder_job(const Unit& unit, Workshop& shop, const JobProgress& progress);
Json server_job(const Unit& unit, Workshop& shop, const JobProgress& progress);
Json scaling_job(const Unit& unit, Workshop& shop, const JobProgress& progress);
Json accuracy_job(const Unit& unit, Workshop& shop, const JobProgress& progress);
Json layers_job(const Unit& unit, Workshop& shop, const JobProgress& progress);
Json calibration_job(const Unit& unit, Workshop& shop, const JobProgress& progress);
Json projected_job(const Unit& unit, Workshop& shop, const JobProgress& progress);

Json does_not_fit(std::uint64_t needed_bytes, std::uint64_t limit_bytes);
Json not_run(const std::string& reason);

}  // namespace octet::lab
