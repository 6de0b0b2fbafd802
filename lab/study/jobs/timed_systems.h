// Systems measured in turns with all that a record keeps of it: calls, what else happened on the machine in
// each round, meters.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "lab/bench/measure.h"
#include "lab/bench/system_under_test.h"
#include "lab/study/jobs/jobs.h"

namespace octet::lab {

/// Stops between two calls once the study is to stop.
class StoppableSystem final : public SystemUnderTest {
 public:
  StoppableSystem(SystemUnderTest& system, const Workshop& shop) : system_(system), shop_(shop) {}
  const SystemInfo& info() const override { return system_.info(); }
  void run(int batch) override {
    shop_.check_stop();
    system_.run(batch);
  }
  void run_timed(int batch, int count, Clock& clock, std::vector<Call>& calls) override {
    shop_.check_stop();
    system_.run_timed(batch, count, clock, calls);
  }
  std::string output_hash() override { return system_.output_hash(); }

 private:
  SystemUnderTest& system_;
  const Workshop& shop_;
};

/// `systems[]` of a record, in the order given. Throws Error(kInterrupted), and the first system's error if
/// none could be measured.
Json measure_systems(Workshop& shop, std::span<SystemUnderTest* const> systems, const LoadSettings& settings);

/// An entry for a system that could not be measured.
Json failed_system(const SystemInfo& info, const std::string& error);

}  // namespace octet::lab
