// What a study measures: a small TOML file (examples/study-quick.toml explains every key). Keys that a file
// leaves out have the values of the quick study. Whatever influences a result is in here, and is written out
// whole into the bundle, so that the same study can be run again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace octet::lab {

/// A network of the user's own, or trained weights for one of the built-in list.
struct NetworkFiles {
  std::string network;   ///< the name that the sections' lists call it by
  std::string prototxt;  ///< absolute, once read
  std::string weights;   ///< .caffemodel, absolute; empty: synthetic
  bool operator==(const NetworkFiles&) const = default;
};

struct StudyConfig {
  std::string name;
  std::string mode;  ///< "quick", "full", "custom"
  std::uint64_t seed = 1;
  int threads = 0;  ///< 0: one each CPU that the process may use
  std::vector<NetworkFiles> files;

  struct Limits {
    double time_s = 0;               ///< of the whole study; units that would pass it are not run. 0: none
    double unit_s = 0;               ///< a unit that would take longer is not run. 0: none
    std::uint64_t memory_bytes = 0;  ///< 0: the machine's
  } limits;

  /// In every section the networks' list may be empty: then the section is left out.
  struct Throughput {
    std::vector<std::string> networks, precisions, engines;
    std::vector<int> batches;
    int headline_batch = 1;  ///< measured first, of all networks
    double seconds = 1;      ///< of one engine, precision and batch
    int rounds = 5;          ///< into which that time is cut; engines take turns
    double warmup_s = 1;     ///< at most; it ends when the rate is steady
  } throughput;
  struct Ladder {
    std::vector<std::string> networks, precisions;
    std::vector<std::string> isas;  ///< empty: all that the machine has
    int batch = 1;
    double seconds = 1;
  } ladder;
  struct Server {
    std::vector<std::string> networks, precisions;
    int max_batch = 1;
    double p99_ms = 100;  ///< the bound that the highest rate keeps
    double seconds = 1;   ///< of one trial; longer where it would have fewer requests than this:
    int requests = 1000;
    double tolerance = 0.05;  ///< of the rate found
  } server;
  struct Scaling {
    std::vector<std::string> networks, precisions;
    std::vector<int> ranks;
    int batch = 1;
    double seconds = 1;
  } scaling;
  struct Accuracy {
    std::vector<std::string> networks, precisions;
    std::int64_t drawn = 0;  ///< pictures that octet-20 is measured on
    std::string images, labels, devkit_map, synsets;
    std::int64_t limit = 0;  ///< pictures of `images`; 0: all
    int batch = 1;
  } accuracy;
  struct Calibration {
    std::vector<std::string> networks;
    std::int64_t pictures = 0;  ///< of accuracy.images, taken evenly, at most every second
    std::string method, weight_rounding;
  } calibration;
  struct Layers {
    std::vector<std::string> networks, precisions;
    int batch = 1;
    int iterations = 1;
  } layers;
  struct Power {
    double idle_s = 0;  ///< of the idle baseline
    std::string model, wall_meter, rapl_root, nvml_library, nvml_devices, ipmitool;
  } power;
  struct Projection {
    std::vector<std::string> networks, precisions, targets;
    std::vector<int> batches, devices;
  } projection;

  const NetworkFiles* find_files(std::string_view network) const;
};

/// The studies that the program knows: examples/study-quick.toml and examples/study-full.toml.
StudyConfig quick_config();
StudyConfig full_config();
/// Their text, comments included.
std::string_view quick_config_text();
std::string_view full_config_text();

/// Throws Error(kParse) with `name`:line:column for what is not TOML, a key that is not known (with the one
/// that was probably meant), a value of another type or out of range, an unknown network, precision or
/// engine. Relative file names are taken from `folder`.
StudyConfig parse_config(std::string_view text, const std::string& name, const std::filesystem::path& folder);
/// Throws also what read_file throws.
StudyConfig load_config(const std::filesystem::path& file);

/// The configuration in a bundle, which may be somebody else's.
StudyConfig load_bundle_config(const std::filesystem::path& bundle);

/// What the keys could not say of themselves alone, for instance pictures without trained weights. Throws
/// Error(kInvalidArgument, kNotFound). To be called again after a change by options.
void check(const StudyConfig& config);

/// Everything outside that a study of this configuration would open or start because the configuration says
/// so: files, folders, the meters' programs and libraries, one line each; not the defaults, which name what
/// the system has. For configurations of somebody else's.
std::vector<std::string> reach_of(const StudyConfig& config);

/// TOML with every key, which parse_config reads back to the same.
std::string write_config(const StudyConfig& config);

/// Leaves out all networks but these; those that throughput does not have yet are added to it. Throws
/// Error(kInvalidArgument) for an unknown one.
void keep_networks(StudyConfig& config, const std::vector<std::string>& networks);

}  // namespace octet::lab
