// The pieces that test_bundle.cc makes its records of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lab/bench/measure.h"
#include "lab/bench/system_under_test.h"
#include "lab/bundle/test_bundle.h"
#include "lab/evidence/observation.h"
#include "lab/power/trace.h"
#include "lab/support/json.h"

namespace octet::test {

inline constexpr lab::Nanoseconds kTestStart = 5'000'000'000'000;

/// Numbers in [0, 1) in a fixed order.
class TestNumbers {
 public:
  explicit TestNumbers(std::uint64_t seed) : seed_(seed) {}
  double next();

 private:
  std::uint64_t seed_;
  std::uint64_t index_ = 0;
};

/// Rounds of calls at about this rate, 1 % apart, 50 ms between rounds.
lab::Measurement test_measurement(double images_per_second, int batch, int rounds, int calls_per_round,
                                  lab::Nanoseconds start, TestNumbers& numbers);

/// Of a quiet machine.
lab::Observation test_observation(double seconds);

/// A RAPL package at `watts` and its DRAM at a tenth of that, around these windows.
std::vector<lab::PowerTrace> test_power(double watts, const std::vector<lab::Window>& windows);

lab::SystemInfo test_info(const std::string& engine, const std::string& way, const std::string& network,
                          const std::string& precision, int batch);

/// The members that every record has.
lab::Json test_record(const std::string& key, const std::string& kind, const std::string& outcome,
                      lab::Json content);

lab::Json test_machine_record();
lab::Json test_accuracy_record(const std::string& network, double top1, TestNumbers& numbers);
lab::Json test_layers_record(const std::string& network, const std::string& precision, double speed);
lab::Json test_calibration_record(const std::string& network);
lab::Json test_projected_record(const std::string& network, const std::string& target,
                                const std::vector<int>& batches);
lab::Json test_server_record(const std::string& network, double rate, TestNumbers& numbers);
lab::Json test_scaling_record(const std::string& network, double rate, int ranks, TestNumbers& numbers);

}  // namespace octet::test
