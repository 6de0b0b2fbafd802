// What `octet accuracy` found, as text and as JSON.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lab/accuracy/accuracy.h"
#include "lab/data/dataset.h"
#include "lab/data/protocol.h"
#include "tools/support/json_output.h"
#include "tools/support/quantization.h"

namespace octet::tools {

struct AccuracyReport {
  std::string network;
  std::string network_hash;
  std::vector<std::string> precisions;  ///< one a result
  lab::Preprocessing preprocessing;
  lab::Dataset dataset;         ///< measured
  std::size_t excluded = 0;     ///< calibrated on, and so not measured
  UsedCalibration calibration;  ///< of those precisions that need one
  lab::Evaluation evaluation;
  double seconds = 0;
};

Json to_json(const AccuracyReport& report);
void print_text(const AccuracyReport& report);

}  // namespace octet::tools
