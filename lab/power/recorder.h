// Records meters while something runs, and gives the energy of any window of that time with what is needed to
// believe it: sampling rate, share of the window that is covered, uncertainty.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lab/power/meter.h"
#include "lab/support/clock.h"

namespace octet::lab {

struct PowerSample {
  Nanoseconds time = 0;
  double value = 0;  ///< J or W, as the meter reads
};

struct PowerTrace {
  MeterInfo meter;
  std::vector<PowerSample> samples;
  std::vector<std::string> failures;  ///< "12.3 s: energy_uj: no such file"; at most 20, then a count
};
Json to_json(const PowerTrace& trace);
PowerTrace power_trace_from(const Json& json);

struct Energy {
  double joules = 0;
  double uncertainty_joules = 0;  ///< one standard deviation: ends of the windows, sampling, instrument
  double seconds = 0;             ///< of the windows
  double coverage = 0;            ///< share of it between samples that are near enough to each other, 0..1
  double sampling_hz = 0;
  double watts() const { return seconds > 0 ? joules / seconds : 0; }
};
/// Windows (a measurement's rounds) are in order and do not overlap. Counters are interpolated at their ends,
/// powers integrated by trapezoids; gaps of more than three polling intervals are not covered (what they hold
/// is filled by the mean of the rest and adds to the uncertainty). Nothing if less than two samples lie in or
/// around the windows.
std::optional<Energy> energy_of(const PowerTrace& trace, std::span<const Window> windows);

class Recorder {
 public:
  /// Starts the threads. The meters must live as long.
  explicit Recorder(std::span<const std::unique_ptr<Meter>> meters, Clock& clock = system_clock());
  ~Recorder();
  /// Traces so far, one a meter.
  std::vector<PowerTrace> traces() const;
  /// The same, cut to what energy_of needs for these windows.
  std::vector<PowerTrace> traces(std::span<const Window> windows) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Figures of merit over the same windows as the throughput. Idle power is that of the idle baseline's
/// window.
struct Efficiency {
  double watts = 0;
  double watts_uncertainty = 0;
  double idle_watts = 0;        ///< 0 where there is no baseline
  double images_per_joule = 0;  ///< gross
  double images_per_joule_uncertainty = 0;
  std::optional<double>
      images_per_joule_above_idle;  ///< images/s per watt above idle, the study's metric; nothing
                                    ///< where the power above idle is not above its uncertainty
  double above_idle_uncertainty = 0;
};
Efficiency efficiency(double images, const Energy& busy, const std::optional<Energy>& idle);

}  // namespace octet::lab
