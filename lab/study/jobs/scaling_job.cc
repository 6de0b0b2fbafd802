// Throughput of several ranks at the same time, one a core group; `octet scale` as a child does the work.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "lab/mpi/core_groups.h"
#include "lab/mpi/launcher.h"
#include "lab/study/jobs/jobs.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

/// Cores of one rank, the same for all counts of the series that this machine has cores for.
int cores_of_a_rank(const std::vector<int>& counts, int cores) {
  int most = 1;
  for (const int count : counts)
    if (count <= cores) most = std::max(most, count);
  return cores / most;
}

std::vector<std::string> scale_arguments(const Unit& unit, Workshop& shop, int group_cores) {
  const StudyConfig& config = shop.config();
  std::vector<std::string> arguments;
  if (const NetworkFiles* files = config.find_files(unit.network)) {
    arguments.push_back(files->prototxt);
    if (!files->weights.empty()) arguments.insert(arguments.end(), {"--weights", files->weights});
  } else {
    arguments.push_back(unit.network);
  }
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) arguments.insert(arguments.end(), {name, value});
  };
  add("--seed", std::to_string(config.seed));
  add("--precision", unit.precision);
  add("--batch", std::to_string(unit.batch));
  add("--duration", fmt::format("{}", config.scaling.seconds));
  add("--warmup", fmt::format("{}", config.throughput.warmup_s));
  add("--group-cores", std::to_string(group_cores));
  if (unit.precision.starts_with("int")) add("--calibration", shop.calibration_file(unit.network).string());
  add("--power-model", config.power.model);
  add("--wall-meter", config.power.wall_meter);
  add("--rapl-root", config.power.rapl_root);
  add("--nvml-library", config.power.nvml_library);
  add("--nvml-devices", config.power.nvml_devices);
  add("--ipmitool", config.power.ipmitool);
  return arguments;
}

}  // namespace

Json scaling_job(const Unit& unit, Workshop& shop, const JobProgress&) {
  const int cores = static_cast<int>(within(machine_cores(), affinity_cpus()).size());
  if (unit.ranks > cores)
    return not_run(
        fmt::format("{} ranks need {} cores, this machine gives {}", unit.ranks, unit.ranks, cores));
  LaunchOptions launch;
  launch.timeout_s = 300 + 10 * shop.config().scaling.seconds;
  const std::vector<std::string> arguments =
      scale_arguments(unit, shop, cores_of_a_rank(shop.config().scaling.ranks, cores));
  try {
    return run_scaling(launch, unit.ranks, arguments).document;
  } catch (const Error& error) {
    // The launcher is not installed, or Octet was built without MPI.
    const bool missing = error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kUnsupported;
    if (missing && unit.ranks > 1) return not_run(error.what());
    throw;
  }
}

}  // namespace octet::lab
