// The small network that calibration files and saved engines belong to, and engines of it.
#pragma once

#include "octet/calibration.h"
#include "octet/engine.h"
#include "octet/network.h"

namespace octet::fuzz {

const Calibration& small_calibration();
Engine small_engine(Precision precision);
/// Builds the network with this calibration, whatever it says, and runs it. Throws octet::Error where they do
/// not belong together.
void build_small_network(const Calibration& calibration);
/// Runs a whole batch, if that takes no more than a moment.
void run_small(const Engine& engine);

}  // namespace octet::fuzz
