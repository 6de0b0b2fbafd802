// The engine that `octet bench` and `octet worker` run: built as the options say, on synthetic images.
#pragma once

#include <memory>
#include <string>

#include "lab/bench/octet_system.h"
#include "tools/octet/common_options.h"

namespace CLI {
class App;
}

namespace octet::tools {

struct BenchSystem {
  std::unique_ptr<lab::OctetSystem> system;
  UsedCalibration calibration;
  bool synthetic_weights = false;
  double open_ms = 0;       ///< reading the network, or making it and its weights
  double calibrate_ms = 0;  ///< reading the calibration, or making it
  double build_ms = 0;      ///< Engine::build
};

/// Declares --input-type.
void add_input_type_option(CLI::App& command, std::string& input_type);
/// Whether pictures' bytes are run instead of FP32 planes. Throws Error(kInvalidArgument) for another word
/// than fp32 and u8, and for u8 with a precision whose first layer does not work on bytes.
bool pixel_input(const std::string& input_type, const std::string& precision);

/// Throws what opening the network, its calibration and Engine::build throw.
BenchSystem build_bench_system(const NetworkOptions& network, const EngineOptions& engine, bool pixels);

}  // namespace octet::tools
