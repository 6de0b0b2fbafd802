// Which other engines this machine has: Python packages, asked for by starting the worker (worker.py) once.
// Nothing here is an error: a machine without Python has no peers, and `how_to_get` says what to do about it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace octet::lab {

struct PeerEngine {
  std::string engine;   ///< "onnxruntime"
  std::string version;  ///< "1.31.0"; empty if it cannot be used
  std::string missing;  ///< why not: "No module named 'onnxruntime'"; empty if it can
  bool usable() const { return missing.empty(); }
};

struct PeerEnvironment {
  std::filesystem::path python;  ///< empty if there is none
  std::string python_version;
  std::vector<PeerEngine> engines;  ///< all that the worker knows, usable or not
  std::string quantizer_missing;    ///< why no INT8 model can be made; empty if it can

  /// The engine if it can be used. Throws Error(kNotFound) saying what is missing and how to get it, for a
  /// name that is no peer's Error(kInvalidArgument).
  const PeerEngine& require(std::string_view engine) const;
};

/// The engines beside "octet" that `--engines` takes.
const std::vector<std::string>& peer_names();  // "onnxruntime", "openvino"

/// How a user gets the peers, in two sentences for the end of a message.
std::string how_to_get_peers();

/// Asks `python` (a program; Error(kNotFound) if there is none of this name), or where it is empty the first
/// of these that has a peer: .venv-peers/bin/python in the current folder and in the folders above this
/// program, then python3 in PATH. Throws nothing else: a Python that answers nonsense has no peers.
PeerEnvironment find_peers(const std::string& python = "");

}  // namespace octet::lab
