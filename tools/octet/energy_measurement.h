// Energy beside a throughput: the meters that work here, recorded while something runs, and the machine's
// power at rest.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "lab/bench/system_under_test.h"
#include "lab/evidence/verdict.h"
#include "lab/power/recorder.h"
#include "tools/support/json_output.h"

namespace CLI {
class App;
}

namespace octet::tools {

struct EnergyOptions {
  lab::MeterOptions meters;
  double idle_s = 2;
};
/// The meters' options, and --idle.
void add_energy_options(CLI::App& command, EnergyOptions& options);

class EnergyMeasurement {
 public:
  /// Finds the meters. Throws Error for options that make no sense.
  explicit EnergyMeasurement(const EnergyOptions& options);
  /// Records from now on, if a meter works, and first sleeps for --idle.
  void start();

  /// A row's `energy` (lab::energy_row) of what `system` computed; null where no meter works. Adds to the
  /// row's verdict what is to be said of GPUs that were slowed down (lab::judge_boards).
  Json row(const lab::SystemInfo& system, double images, std::span<const lab::Window> windows,
           lab::Judgement& judgement) const;
  std::vector<lab::PowerTrace> traces(std::span<const lab::Window> windows) const;

 private:
  double idle_s_;
  lab::FoundMeters found_;
  std::optional<lab::Recorder> recorder_;
  lab::IdleBaseline idle_;
};

}  // namespace octet::tools
