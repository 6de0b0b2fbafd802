// What the laboratory measures, seen through as little as possible (the idea is MLPerf LoadGen's
// SystemUnderTest): something that holds its input images and runs a batch of them. Octet's engine is one
// (octet_system.h), another engine in a worker process another (lab/peers/).
//
// Latency is defined here and nowhere else: from the input's bytes in memory, in the form in which a caller
// has them, to the output's bytes in memory. Whatever conversion an engine needs inside is in it; filling the
// input beforehand is not. Throughput is images over the time from the first call's start to the last call's
// stop, gaps between calls included.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lab/support/clock.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

struct SystemInfo {
  std::string engine;   ///< "octet", "onnxruntime", "openvino"
  std::string version;  ///< "1.31.0"
  std::string way;      ///< of an engine that can be run in several ways: "latency", "streams"; else empty
  std::string network;
  std::string precision;  ///< "int8"
  int max_batch = 1;
  int threads = 1;
  std::string isa;                 ///< or compute capability ("sm_90"); empty if unknown
  std::string device;              ///< a GPU, "cuda:0, NVIDIA H200, 0000:3b:00.0"; empty: the CPU
  std::uint64_t memory_bytes = 0;  ///< weights and activations; 0 if unknown
  std::string hash;                ///< of what is run (Engine::hash); empty if there is none
  std::string calibration;         ///< how its scales were obtained; empty where there are none
};
Json to_json(const SystemInfo& info);
/// Throws Error(kParse) for a missing or ill-typed key.
SystemInfo system_info_from(const Json& json);

/// One call, as timed.
struct Call {
  Nanoseconds start = 0;
  Nanoseconds stop = 0;
  int images = 0;
};

class SystemUnderTest {
 public:
  virtual ~SystemUnderTest() = default;
  virtual const SystemInfo& info() const = 0;

  /// Runs the first `batch` of its images, 1..max_batch, and returns when their outputs are in memory. Throws
  /// Error if the system has died.
  virtual void run(int batch) = 0;

  /// `count` calls one after the other, each appended to `calls` with its times. A system in another process
  /// times them there, so that the way to it is not in the figure. Calls of a system that computes several
  /// batches at once (streams) have more images than `batch`.
  virtual void run_timed(int batch, int count, Clock& clock, std::vector<Call>& calls);

  /// XXH3-64 over the outputs of the first image; runs it. Empty if the system cannot tell.
  virtual std::string output_hash() = 0;
};

}  // namespace octet::lab
