// What timing a network layer by layer gives: raw samples of every step, of whole runs, and the machine's
// peaks at that time. It is the body of a study's record of kind `layers` (docs/study-bundle.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lab/support/json_fwd.h"
#include "octet/machine.h"

namespace octet::lab {

/// One step of the engine's plan. Counts are of one image, as octet/engine.h's StepInfo has them.
struct LayerSamples {
  std::string layer;
  std::string op;
  std::string kernel;
  std::string output_layout;
  std::int64_t macs = 0;
  std::int64_t input_bytes = 0;
  std::int64_t output_bytes = 0;
  std::int64_t weight_bytes = 0;
  int images_per_group = 1;
  std::vector<double> busy_ms;  ///< CPU time over all threads, a sample a run
  // What older records do not have:
  /// Over all threads, in waiting for others behind this layer; as many samples.
  std::vector<double> wait_ms = {};
  std::int64_t kernel_macs = 0;  ///< as the kernel executes them
  std::int64_t outputs = 0;      ///< values of one image
  bool shared_by_threads = false;
  bool reads_caller = false;
  bool writes_caller = false;
};

struct LayerRecord {
  std::string network;
  std::string precision;
  int batch = 1;
  int threads = 1;
  std::string isa;
  MachinePeaks peak;
  std::vector<LayerSamples> layers;
  std::vector<double> whole_ms;    ///< wall time of the timed runs
  std::vector<double> untimed_ms;  ///< of runs in turn with them, without the clock reads
  std::uint64_t l2_bytes = 0;      ///< of a core; 0: unknown
  std::uint64_t l3_bytes = 0;      ///< of all threads
};
Json to_json(const LayerRecord& record);
/// As records, results.json and `octet devices` have peaks: what was not measured is left out, but for the
/// four that there always were.
Json to_json(const MachinePeaks& peaks);
/// Ignores what else a study's record holds. Throws Error(kParse): a key that is missing or ill-typed, counts
/// below 1, layers without samples.
LayerRecord layer_record_from(const Json& json);

}  // namespace octet::lab
