// A saved engine (octet build) where a command takes a network: NET that ends in .octet.
#pragma once

#include <string>

#include "lab/data/protocol.h"
#include "octet/engine.h"
#include "tools/octet/common_options.h"

namespace octet::tools {

/// True of "net.octet".
bool is_saved_engine(const std::string& net);

/// The engine in the file `network.net`, for the batch, threads and CPUs asked for; without --batch, for the
/// batch it was built for. Other options of networks and engines were settled when it was built: giving one
/// is Error(kInvalidArgument). Throws what Engine::load throws.
Engine load_engine(const NetworkOptions& network, const EngineOptions& options);

// What octet build writes into an engine's notes.
inline constexpr const char* kNetworkHashNote = "network_hash";
inline constexpr const char* kCalibrationNote = "calibration";  ///< where it came from
inline constexpr const char* kCalibrationHashNote = "calibration_hash";
inline constexpr const char* kPreprocessingHashNote = "preprocessing_hash";  ///< of what calibrated it
inline constexpr const char* kSyntheticWeightsNote = "synthetic_weights";    ///< their seed

/// A note, or nothing.
std::string note_of(const Engine& engine, const char* name);

/// Throws Error(kMismatch) if the engine was calibrated on pictures prepared in another way; with `force`
/// that is a warning.
void check_preprocessing(const Engine& engine, const lab::Preprocessing& preprocessing, bool force);

}  // namespace octet::tools
