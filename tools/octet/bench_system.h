// The engine that `octet bench` and `octet worker` run on synthetic images: built as the options say, or
// loaded.
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
  double load_ms = 0;       ///< Engine::load, of a saved engine; the others are then 0
};

/// Declares --input-type.
void add_input_type_option(CLI::App& command, std::string& input_type);
/// Whether pictures' bytes are run instead of FP32 planes. Throws Error(kInvalidArgument) for another word
/// than fp32 and u8, and for u8 with a precision whose first layer does not work on bytes.
bool pixel_input(const std::string& input_type, const std::string& precision);

/// The calibration of an engine that is not run on pictures. One that is made on the spot is made on pictures
/// if the engine takes their bytes, which are pictures less a mean.
UsedCalibration find_bench_calibration(const Network& network, const NetworkOptions& options,
                                       const EngineOptions& engine, bool pixels);

/// Throws what opening the network, its calibration and Engine::build throw.
BenchSystem build_bench_system(const NetworkOptions& network, const EngineOptions& engine, bool pixels);
/// Throws what load_engine (saved_engine.h) throws.
BenchSystem load_bench_system(const NetworkOptions& network, const EngineOptions& engine);

}  // namespace octet::tools
