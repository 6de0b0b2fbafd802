// A calibration for want of a better one: where the user gives none, a few images that the program makes
// itself, so that speed can be measured. Its scales say little about real pictures, and its source says so.
#pragma once

#include <cstdint>
#include <functional>

#include "lab/data/protocol.h"
#include "octet/calibration.h"
#include "octet/network.h"

namespace octet::lab {

struct ImproviseOptions {
  /// Where pictures will be read: drawn pictures (lab/data/drawn_images.h), brought to the network's size by
  /// this. Null: synthetic images of `seed`. For octet-20 always its own drawn pictures.
  const Preprocessing* preprocessing = nullptr;
  std::uint64_t seed = 1;
  int threads = 0;
  std::uint64_t memory_limit = 0;              ///< as CalibrationOptions has it
  std::function<void(double share)> progress;  ///< 0..1; may be empty
};

/// `source.data` of the result says what it was made from. Throws what calibrate() throws.
Calibration improvise_calibration(const Network& network, const ImproviseOptions& options);

}  // namespace octet::lab
