// Integer arithmetic is the same everywhere: whatever the instruction set or the device, the number of
// threads and the batch, and whether a picture comes as bytes or as FP32, the outputs have the same bytes.
// This runs them all.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "octet/network.h"
#include "tools/octet/common_options.h"

namespace octet::tools {

/// Whether the promise holds for this precision: always for int8 and int16; for mixed unless a layer computes
/// with weights computes in floating point.
bool promises_same_bytes(const Network& network, Precision precision, const UsedCalibration& calibration);

struct IntegerRun {
  Device device;
  std::string target;  ///< Engine::target: the instruction set, or a device's compute capability
  int threads = 1;
  int batch = 1;
  bool pixels = false;      ///< pictures as bytes
  int images = 1;           ///< run; the generic kernels get fewer of a large network's
  std::string output_hash;  ///< of the first image's outputs
  bool same = true;         ///< all its outputs have the bytes that the first run's have
};

struct IntegerCheck {
  std::vector<IntegerRun> runs;
  bool identical = true;
  int images = 0;
  std::string input;       ///< what the images are
  double max_error = 0;    ///< largest difference from FP32 over the output's range
  double sqnr_db = 0;      ///< signal to quantisation noise over all outputs
  double agreement = 100;  ///< images, in percent, with the same largest value of the first output
};

/// Every usable instruction set (or the one that is asked for), 1 and 2 threads (or as many as asked), and
/// the CUDA device if one is asked for; batches 1, 3 and 8. `images` at least; 8 are needed for the largest
/// batch.
IntegerCheck check_integers(const Network& network, const EngineOptions& options,
                            const UsedCalibration& calibration, int images, std::uint64_t seed);

}  // namespace octet::tools
