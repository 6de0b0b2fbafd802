// One measured figure as `octet bench` and `octet sweep` print it: what was measured, throughput and latency,
// what the machine did meanwhile, and the verdict.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "lab/bench/observed.h"
#include "tools/support/json_output.h"

namespace octet::tools {

struct BenchRow {
  lab::SystemInfo info;
  int batch = 1;  ///< of the server scenario: the largest
  std::string scenario;
  std::string output_hash;                  ///< of the first synthetic image's outputs
  std::optional<double> build_ms, load_ms;  ///< of the engine: one of them
  lab::Warmup warmup;
  std::size_t calls = 0;
  lab::Summary rate;  ///< images/s
  double total_rate = 0;
  lab::Latency latency;  ///< of a call; of the server scenario: of a request
  lab::Observation observation;
  lab::Judgement judgement;
  Json energy;  ///< null where no meter worked
};

/// Rate, latency, evidence and verdict of a measurement.
BenchRow row_of(const lab::ObservedMeasurement& measured);

Json to_json(const BenchRow& row);

/// Lines of a person's report, below a title of the command's own.
void print_text(const BenchRow& row);

}  // namespace octet::tools
