// A calibration as people and programs read it: tables and JSON of its tensors and layers, and where it came
// from. `octet calibrate` and `octet inspect --calibration` print the same.
#pragma once

#include <string>

#include "octet/calibration.h"
#include "tools/support/json_output.h"

namespace octet::tools {

/// Source, hashes, tensors[] and layers[]; `histograms` adds each tensor's 128 bins.
Json report_to_json(const Calibration& calibration, bool histograms);

/// The same as text; `histograms` adds them as bars.
void print_report(const Calibration& calibration, bool histograms);

}  // namespace octet::tools
