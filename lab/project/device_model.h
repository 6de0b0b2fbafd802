// A device described by a few physical numbers, for the analytic model of lab/project/projection.h. What a
// data sheet says (units, clock, memory) and what a fit to published throughput says (efficiency, occupancy,
// launch cost) are kept apart. Users describe their own in a small JSON file (docs/projection.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lab/support/json_fwd.h"
#include "octet/types.h"

namespace octet::lab {

/// Of one precision.
struct PrecisionModel {
  Precision precision = Precision::kFloat32;
  /// Multiply-accumulates of one unit in a clock (128 FP32 or 512 INT8 by DP4A of a Pascal SM).
  double macs_per_unit_clock = 0;
  /// Share of the peak that a layer reaches which offers work without end, 0..1.
  double efficiency = 0;
  double element_bytes = 0;  ///< of an activation and of a weight
};

struct DeviceModel {
  std::string name;   ///< "tesla-p40"
  std::string label;  ///< "Tesla P40"
  // From the data sheet.
  int units = 0;                   ///< streaming multiprocessors, cores, ...
  double clock_mhz = 0;            ///< that the peaks are given at
  double memory_gbps = 0;          ///< 1e9 bytes a second
  std::uint64_t memory_bytes = 0;  ///< usable
  double board_watts = 0;          ///< 0: not known
  int max_devices = 1;             ///< of one server
  std::vector<PrecisionModel> precisions;
  // From the fit.
  double launch_us = 0;  ///< fixed cost of a layer
  double call_us = 0;    ///< fixed cost of a call: what is left when all layers are free
  double image_us = 0;   ///< host's cost of an image, not hidden by the device
  double half_saturation_outputs =
      0;                         ///< a layer's outputs for each unit at which it reaches half its efficiency
  double bandwidth_share = 1;    ///< of memory_gbps that a layer's traffic reaches, 0..1
  double device_cost = 0;        ///< share of its throughput that each device loses for each further one
  double activation_copies = 1;  ///< memory for activations: all layers' outputs of a batch, times this
  std::string source;            ///< of the numbers, for people

  const PrecisionModel* find(Precision precision) const;
  /// Operations (2 a multiply-accumulate) a second.
  double peak(const PrecisionModel& precision) const;
};

/// The devices that the program knows.
const std::vector<DeviceModel>& known_devices();

/// A known device's name, or else a JSON file. Throws Error(kNotFound) naming the known ones, kParse naming
/// file, key, what was expected and what came.
DeviceModel find_device(const std::string& target);

/// `place` is named in messages. Throws Error(kParse).
DeviceModel parse_device(std::string_view text, const std::string& place);
Json to_json(const DeviceModel& device);

}  // namespace octet::lab
