// Where a program gets the calibration of an integer engine from: a file, or, without one, calibrating at
// once on images that the program makes itself, which it says.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lab/data/protocol.h"
#include "octet/calibration.h"
#include "octet/network.h"
#include "tools/support/json_output.h"

namespace octet::tools {

struct UsedCalibration {
  std::shared_ptr<const Calibration> calibration;  ///< null where the precision needs none
  std::string origin;                              ///< "cal.json", or "synthetic, seed 1, 8 images"
};

/// True of int8, int16 and mixed.
bool needs_calibration(Precision precision);

/// Loads the file and checks it against the network and, where pictures are read, their preprocessing. What
/// `force` accepts is warned of. Throws Error naming the file; the message of a mismatch says which hash
/// differs.
UsedCalibration load_calibration(const std::string& file, const Network& network,
                                 std::string_view preprocessing_hash, bool force);

/// lab::improvise_calibration with progress, and a warning that it was done.
UsedCalibration improvise_calibration(const Network& network, const lab::Preprocessing* preprocessing,
                                      std::uint64_t seed, int threads, std::uint64_t memory_limit = 0);

/// The network's own scales (Network::calibration), if it has any.
UsedCalibration own_calibration(const Network& network);

/// Null where there is none.
Json to_json(const UsedCalibration& used);

}  // namespace octet::tools
