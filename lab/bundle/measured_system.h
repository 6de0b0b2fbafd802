// A system entry of a throughput or ladder record, read back with what the laboratory says of it.
#pragma once

#include <string>
#include <vector>

#include "lab/bench/measure.h"
#include "lab/bench/system_under_test.h"
#include "lab/bundle/json_reader.h"
#include "lab/evidence/verdict.h"
#include "lab/power/trace.h"

namespace octet::lab {

struct MeasuredSystem {
  SystemInfo info;    ///< of one that failed: engine, version, way
  std::string error;  ///< why it could not be measured; then the rest is empty
  std::string output_hash;
  Measurement measurement;
  std::vector<double> rates;  ///< images/s of the windows
  Judgement judgement;
  std::vector<PowerTrace> power;

  bool failed() const { return !error.empty(); }
  /// May stand in a ratio.
  bool usable() const { return !failed() && judgement.verdict != Verdict::kInvalid; }
};

/// All systems of a measured record, in its order. Throws Error(kParse) naming the record and the place.
std::vector<MeasuredSystem> measured_systems(const JsonReader& record);

}  // namespace octet::lab
