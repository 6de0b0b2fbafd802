// Devices that engines run on: the CPU, and GPUs -- which there are, what they can do, and why one cannot be
// used.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "octet/api.h"

namespace octet {

/// Where an engine runs.
struct Device {
  enum class Kind { kCpu, kCuda };
  Kind kind = Kind::kCpu;
  int index = 0;  ///< of kCuda, as CudaDevice::index; of the CPU 0
  bool operator==(const Device&) const = default;
};
OCTET_API std::string to_string(const Device& device);  // "cpu", "cuda:0"
/// "cpu", "cuda" (the first one) or "cuda:N". Throws Error(kInvalidArgument).
OCTET_API Device parse_device(std::string_view text);

struct CudaDevice {
  int index = 0;  ///< among those that the driver shows to this process
  std::string name;
  std::string uuid;            ///< "GPU-..." as the driver's own tools write it
  std::string pci_address;     ///< "0000:3b:00.0"
  int compute_capability = 0;  ///< 61 is 6.1
  int multiprocessors = 0;
  double clock_mhz = 0;  ///< highest
  double memory_clock_mhz = 0;
  int memory_bus_bits = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t free_memory_bytes = 0;
  std::uint64_t l2_bytes = 0;
  /// Peaks that follow from the facts above; 0 where the architecture lacks the instructions or is not known.
  double dp4a_int8_tops = 0;    ///< 1e12 operations/s, 2 a multiply-add, by the dot product instruction
  double tensor_int8_tops = 0;  ///< the same by tensor cores, dense matrices
  double memory_gbps = 0;       ///< 1e9 bytes/s
  std::string reason;           ///< why it cannot be used, empty if it can
  bool usable() const { return reason.empty(); }
};

/// A CUDA device that need not be here, for Engine::plan_steps.
struct PlannedDevice {
  int compute_capability = 0;  ///< 61 is 6.1
  int multiprocessors = 0;
};

/// What a kernel does on a CUDA device for one batch, padding and all.
struct DeviceWork {
  /// What multiplies. One instruction of a lane is one product; of dot products four of bytes (dp4a) or two
  /// of 16-bit integers (dp2a).
  enum class Unit { kNone, kLanes, kDotProducts, kTensorCores };
  Unit unit = Unit::kNone;
  /// Multiply-accumulates of whole tiles and slices: rows, columns and products beyond the layer's included.
  std::int64_t macs = 0;
  // Bytes to and from memory, each map and all weights counted once, padding channels included.
  std::int64_t activation_bytes = 0;
  std::int64_t weight_bytes = 0;  ///< packed, with biases and multipliers
  /// Of sums that several blocks share: cleared, added to by each of them, read by the last.
  std::int64_t sum_bytes = 0;
  int launches = 0;  ///< of functions
  int clears = 0;    ///< of memory, before them
  std::int64_t blocks = 0;
  /// Multiprocessors take blocks in rounds, one each: the share of them that the last round keeps busy, 0..1.
  double last_round = 1;
  /// And of all rounds: blocks to places.
  double rounds_filled = 1;
};

struct CudaDevices {
  std::vector<CudaDevice> devices;
  int driver_version = 0;        ///< CUDA version that the driver supports, 12040 is 12.4; 0: no driver
  int least_driver_version = 0;  ///< that Octet needs
  std::string reason;            ///< why none can be used, in a sentence; empty if one can
};
/// Asks the CUDA driver, if there is one. What cannot be found out is a reason, not an Error.
OCTET_API CudaDevices describe_cuda_devices();
/// One of them; no other is opened, which another process may want for itself. What cannot be found out, an
/// index without a device among it, is its `reason`.
OCTET_API CudaDevice describe_cuda_device(int index);
/// How many the driver shows to this process, whether they can be used or not; 0 without a driver.
OCTET_API int count_cuda_devices();

}  // namespace octet
