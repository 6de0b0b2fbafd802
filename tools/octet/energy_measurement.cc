#include "tools/octet/energy_measurement.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "lab/power/board_evidence.h"
#include "octet/error.h"
#include "tools/octet/power_options.h"

namespace octet::tools {

void add_energy_options(CLI::App& command, EnergyOptions& options) {
  command
      .add_option("--idle", options.idle_s,
                  "seconds of rest before, as the baseline of power; only where a meter works")
      ->type_name("S");
  add_power_options(command, options.meters);
}

EnergyMeasurement::EnergyMeasurement(const EnergyOptions& options) : idle_s_(options.idle_s) {
  if (!(idle_s_ >= 0 && idle_s_ <= 86400))
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--idle: expected 0 to 86400 seconds, got {}", idle_s_));
  found_ = lab::find_meters(options.meters);
}

void EnergyMeasurement::start() {
  if (found_.meters.empty()) return;
  recorder_.emplace(found_.meters);
  if (idle_s_ > 0) idle_ = lab::measure_idle(*recorder_, idle_s_);
}

Json EnergyMeasurement::row(const lab::SystemInfo& system, double images,
                            std::span<const lab::Window> windows, lab::Judgement& judgement) const {
  const std::vector<lab::PowerTrace> power = traces(windows);
  lab::judge_boards(power, windows, judgement);
  return lab::energy_row(images, power, windows, idle_.power, idle_.windows,
                         lab::working_device(system.device));
}

std::vector<lab::PowerTrace> EnergyMeasurement::traces(std::span<const lab::Window> windows) const {
  return recorder_ ? recorder_->traces(windows) : std::vector<lab::PowerTrace>{};
}

}  // namespace octet::tools
