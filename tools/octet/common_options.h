// The options that commands share, in one place: which network, how it is computed, how a result is printed,
// and how pictures are prepared. `add_*` declares them for a command; the functions below turn them into the
// library's types and say what is wrong with them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lab/data/protocol.h"
#include "octet/engine.h"
#include "octet/network.h"
#include "tools/support/quantization.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace octet::tools {

struct NetworkOptions {
  std::string net;
  std::string weights;
  std::uint64_t seed = 1;
  std::string tensor;  ///< the only output wanted; empty: the network's own outputs
};
/// Returns the positional NET, so that a command can make it optional.
CLI::Option* add_network_options(CLI::App& command, NetworkOptions& options);
/// Throws Error(kInvalidArgument) for a saved engine: commands that take one load it (saved_engine.h).
/// `memory_limit`: bytes for the weights, 0: none.
Network open_network(const NetworkOptions& options, std::uint64_t memory_limit = 0);

struct EngineOptions {
  std::string precision = "fp32";
  int batch = 1;
  int threads = 0;
  std::string cpus;
  std::string pin = "auto";
  std::string device = "cpu";
  std::string isa = "auto";
  bool no_winograd = false;
  std::string memory_limit;
  std::vector<std::string> disabled_passes;
  std::string calibration;            ///< file; empty: calibrated on the spot where the precision needs it
  bool force = false;                 ///< accept a calibration whose hashes differ
  bool pixel_input = false;           ///< set by commands that hand over pictures' bytes
  const CLI::App* command = nullptr;  ///< that they belong to: knows which of them were given
};
void add_engine_options(CLI::App& command, EngineOptions& options);
void add_memory_limit_option(CLI::App& command, std::string& limit);
/// Of --memory-limit; the machine's memory without it. Throws Error(kInvalidArgument).
std::uint64_t parse_memory_limit(const std::string& size);
std::uint64_t memory_limit_of(const EngineOptions& options);
/// Throws Error for what this machine or this build cannot do. More threads than CPUs that the process may
/// use is an error; more than the cgroup's quota pays for is a warning.
BuildOptions build_options(const EngineOptions& options);
/// The calibration that the precision needs, if it needs one: from the file, checked against the network and
/// the preprocessing of its pictures (null: no pictures are read); without one the network's own; where it
/// has none, made on the spot from `seed`. Throws Error(kInvalidArgument) for `mixed` without a file and for
/// a file that the precision has no use for.
UsedCalibration find_calibration(const Network& network, const EngineOptions& options, std::uint64_t seed,
                                 const lab::Preprocessing* preprocessing = nullptr);
/// `build_options` and `Engine::build`; the memory limit also counts the caller's inputs and outputs of a
/// full batch.
Engine build_engine(Network network, const EngineOptions& options, const UsedCalibration& calibration);

struct OutputOptions {
  std::string format = "text";
  bool json() const { return format == "json"; }
  bool markdown() const { return format == "markdown"; }
};
/// `markdown`: the command can print its tables as Markdown too.
void add_output_options(CLI::App& command, OutputOptions& options, bool markdown = false);

struct PictureOptions {
  std::string protocol;  ///< empty: what the network was trained with
  std::string mean;      ///< "B,G,R" or a .binaryproto; empty: the study's means for the network
  int resize = 0;        ///< 0: the protocol's
};
void add_picture_options(CLI::App& command, PictureOptions& options);
/// For a network's one input.
lab::Preprocessing make_preprocessing(const PictureOptions& options, const Network& network);
lab::Preprocessing make_preprocessing(const PictureOptions& options, const Engine& engine);

/// "0,2-3" -> {0, 2, 3}. Throws Error(kInvalidArgument).
std::vector<int> parse_cpu_list(const std::string& text);

/// The only input and output, for commands that need exactly one. Throws Error(kUnsupported) naming what
/// there is.
TensorInfo single_input(const Network& network);
TensorInfo single_input(const Engine& engine);
TensorInfo single_output(const Network& network);
TensorInfo single_output(const Engine& engine);
/// The number of scores of a classifier's only output. Throws Error(kUnsupported) for feature maps.
int count_classes(const Network& network);
int count_classes(const Engine& engine);

}  // namespace octet::tools
