// What a network would do on a device that is not here: an analytic model, after the roofline (Williams,
// Waterman, Patterson 2009) with occupancy. Everything it gives is projected, not measured, and says so.
// docs/projection.md has the formulas, where the parameters come from, and how far off they are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lab/project/device_model.h"
#include "lab/support/json_fwd.h"
#include "octet/network.h"

namespace octet::lab {

/// One layer of the network, as far as the model looks at it. Of one image, but for the weights.
struct LayerWork {
  std::string name;
  std::int64_t macs = 0;
  std::int64_t outputs = 0;  ///< elements
  std::int64_t inputs = 0;   ///< elements
  std::int64_t params = 0;
};
/// The layers that a GPU's engine runs as kernels of their own: activations, scale, batch normalisation,
/// dropout and concatenation are part of their neighbours.
std::vector<LayerWork> layer_work(const Network& network);

struct ProjectedRow {
  int batch = 1;  ///< of each device
  int devices = 1;
  bool fits = true;
  std::uint64_t needed_bytes = 0;  ///< of one device
  double images_per_second = 0;    ///< of all devices; 0 where it does not fit
  double latency_ms = 0;           ///< of a batch
};

/// Throws Error(kUnsupported) for a precision that the device lacks, Error(kInvalidArgument) for a batch or a
/// number of devices out of range.
ProjectedRow project_row(const std::vector<LayerWork>& work, const DeviceModel& device, int batch,
                         int devices, Precision precision);

/// {"network", "precision", "target", "projected": true, "device", "rows" [{batch, devices, fits,
/// needed_bytes, images_per_second, latency_ms, ...}]}: a record of kind "projected" (docs/study-bundle.md)
/// takes it as it is. A row for each batch and number of devices. Throws as project_row.
Json project(const Network& network, const DeviceModel& device, const std::vector<int>& batches,
             const std::vector<int>& devices, Precision precision);

}  // namespace octet::lab
