// The energy of a measurement's windows, from what was recorded: pure functions, so that a study's figures
// can be derived again from its traces. The formulas are in docs/energy.md.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lab/power/trace.h"
#include "lab/support/clock.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

struct Energy {
  double joules = 0;
  double uncertainty_joules = 0;  ///< one standard deviation: ends of the windows, sampling, gaps, instrument
  double seconds = 0;             ///< of the windows
  double coverage = 0;            ///< share of it that the samples speak for, 0..1
  double sampling_hz = 0;
  double watts() const { return seconds > 0 ? joules / seconds : 0; }
  double watts_uncertainty() const { return seconds > 0 ? uncertainty_joules / seconds : 0; }
};

/// Windows (a measurement's rounds) are in order and do not overlap; those without length are passed over.
/// Counters are interpolated at the windows' ends, powers integrated by trapezoids. Not covered is what lies
/// before the first or after the last sample; for a power, gaps of more than three polling intervals; for a
/// counter, stretches with a break, and such gaps at a window's end (inside, it counted on while nobody
/// looked). What is not covered is filled by the mean of the rest and adds to the uncertainty. Nothing where
/// no part of the windows is covered.
std::optional<Energy> energy_of(const PowerTrace& trace, std::span<const Window> windows);

/// Of domains that do not contain each other, or of several hosts: joules add up, uncertainties in
/// quadrature; seconds are the first's; coverage and sampling rate the lowest. Zero for none.
Energy sum(std::span<const Energy> parts);

/// The meters of one kind added up: packages and DRAM, all GPUs. Meters of different kinds see the same
/// joules and are never added.
struct KindEnergy {
  std::string kind;                 ///< MeterInfo::kind
  std::vector<std::string> meters;  ///< their ids
  bool modelled = false;
  Energy energy;
};

/// What the images were computed on: a GPU's meter says nothing about a CPU's work, nor RAPL about a GPU's.
enum class WorkingDevice { kCpu, kGpu };
/// `device` as SystemInfo names it: empty is the CPU.
inline WorkingDevice working_device(std::string_view device) {
  return device.empty() ? WorkingDevice::kCpu : WorkingDevice::kGpu;
}

/// A row for each kind all of whose meters have an energy, the kind to quote first. Preference: the meter
/// that sees most of what the user pays for, hence wall, ipmi, rapl (or nvml, if the work was a GPU's),
/// model; a kind with less than 90 % coverage comes after those with more, what does not see the working
/// device last.
std::vector<KindEnergy> energy_by_kind(std::span<const PowerTrace> power, std::span<const Window> windows,
                                       WorkingDevice device = WorkingDevice::kCpu);

/// Figures of merit over the same windows as the throughput. Idle power is that of the idle baseline's
/// window.
struct Efficiency {
  double watts = 0;
  double watts_uncertainty = 0;
  double idle_watts = 0;        ///< 0 where there is no baseline
  double images_per_joule = 0;  ///< gross
  double images_per_joule_uncertainty = 0;
  std::optional<double>
      images_per_joule_above_idle;  ///< images/s per watt above idle, the study's metric; nothing where the
                                    ///< power above idle is not above twice its uncertainty
  double above_idle_uncertainty = 0;
};
/// All zero where the energy is not positive.
Efficiency efficiency(double images, const Energy& busy, const std::optional<Energy>& idle);

/// {meters[], kind, modelled, watts, watts_uncertainty, idle_watts, images_per_joule,
/// images_per_joule_uncertainty, images_per_joule_above_idle, above_idle_uncertainty, coverage, sampling_hz}:
/// a row's `energy` in results.json, coverage in
/// percent. `idle_watts` and the last two efficiencies are left out where there is
/// none.
Json to_json(const Efficiency& efficiency, const KindEnergy& busy);

/// The same from a record's traces: of the kind to quote, with the other kinds' objects as `others[]` (left
/// out where there are none); of GPUs with `boards[]` (board_evidence.h), what they did in the windows. Null
/// where no meter has an energy. `images` were computed in `windows`; the idle baseline is of the same meters
/// in `idle_windows`, and may be empty.
Json energy_row(double images, std::span<const PowerTrace> power, std::span<const Window> windows,
                std::span<const PowerTrace> idle_power, std::span<const Window> idle_windows,
                WorkingDevice device = WorkingDevice::kCpu);

}  // namespace octet::lab
