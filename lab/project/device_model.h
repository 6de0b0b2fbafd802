// A device as the analytic model of lab/project/projection.h sees it: a few physical numbers, those of the
// data sheet apart from those that a fit to published throughput gave (lab/project/fit.h). Users describe
// their own device in a small JSON file (docs/projection.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lab/support/json_fwd.h"
#include "octet/types.h"

namespace octet::lab {

/// How a device computes in one precision.
struct PrecisionModel {
  Precision precision = Precision::kFloat32;
  double macs_per_unit_clock =
      0;                     ///< multiply-accumulates of one unit in a clock (Pascal: FP32 128, INT8 512)
  double efficiency = 0;     ///< share of the peak that a layer reaches when all units are full, 0..1
  double element_bytes = 0;  ///< of activations and weights as kernels read and write them
};

struct DeviceModel {
  std::string name;    ///< "tesla-p40"
  std::string label;   ///< "Tesla P40"
  std::string source;  ///< of the numbers, for people

  // Of the data sheet.
  int units = 0;                   ///< streaming multiprocessors, cores
  double clock_mhz = 0;            ///< at which the peaks are given
  int outputs_in_flight = 1;       ///< that a unit works on at a time (Pascal: 2048 threads, an output each)
  double memory_gbps = 0;          ///< 1e9 bytes a second
  std::uint64_t memory_bytes = 0;  ///< that programs can use
  double board_watts = 0;          ///< at most; 0 if not known
  int max_devices = 1;             ///< of one server
  /// Of NVIDIA's: 61 is 6.1. From 61 on, INT8 is projected from the plan of Octet's own kernels; 0: from
  /// layers.
  int compute_capability = 0;
  std::vector<PrecisionModel> precisions;

  // Of the fit, or assumed.
  double bandwidth_share = 1;  ///< of memory_gbps that a layer's traffic reaches, 0..1
  double launch_us = 0;        ///< fixed cost of a layer
  double call_us = 0;          ///< fixed cost of a call, apart from its layers
  double device_cost = 0;  ///< share of all devices' throughput that is lost for each device after the first
  double live_element_bytes = 0;  ///< memory for each element of the largest layer's inputs and outputs

  /// Null if it cannot compute in that precision.
  const PrecisionModel* find(Precision precision) const;
  /// Multiply-accumulates a second of all units.
  double peak(const PrecisionModel& precision) const;
};

/// "tesla-p40", "tesla-p4", "titan-x-pascal".
const std::vector<DeviceModel>& known_devices();

/// A known device's name, or else a file. Throws Error(kNotFound) naming the known ones, and what
/// parse_device throws.
DeviceModel find_device(const std::string& target);

/// A device file: JSON with the members above (docs/projection.md). `place` is its name for messages. Throws
/// Error(kParse) naming place, key, what was expected and what came; for an unknown key, the one that was
/// probably meant.
DeviceModel parse_device(std::string_view text, const std::string& place);

/// What parse_device reads.
Json to_json(const DeviceModel& device);

}  // namespace octet::lab
