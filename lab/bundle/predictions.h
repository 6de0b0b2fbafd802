// The predictions that an accuracy record holds, as lab/accuracy computes with them.
#pragma once

#include <string>
#include <vector>

#include "lab/accuracy/accuracy.h"
#include "lab/bundle/json_reader.h"

namespace octet::lab {

struct PrecisionPredictions {
  std::string precision;
  AccuracyResult result;  ///< of every prediction the first class only
};

/// At least one. Throws Error(kParse) for lists that are not as long as the labels.
std::vector<PrecisionPredictions> predictions_of(const JsonReader& record);

}  // namespace octet::lab
