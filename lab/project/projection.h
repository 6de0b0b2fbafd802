// What a network would do on a device that is not here: an analytic model, a roofline (Williams, Waterman,
// Patterson 2009) for each layer with the occupancy of the units. All that it gives is projected, not
// measured, and says so. docs/projection.md has the formulas, the parameters and how far off they are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lab/project/device_model.h"
#include "lab/support/json_fwd.h"
#include "octet/network.h"

namespace octet::lab {

/// A layer as the model sees it, of one image.
struct LayerWork {
  std::string name;
  std::int64_t macs = 0;
  std::int64_t inputs = 0;   ///< elements read
  std::int64_t outputs = 0;  ///< elements written
  std::int64_t params = 0;
};
/// The layers that an inference engine runs as kernels of their own: convolution, fully connected, pooling,
/// LRN, addition, softmax. The others (ReLU, batch normalisation, concatenation, ...) are done by their
/// neighbours on the way.
std::vector<LayerWork> layer_work(const Network& network);

/// Seconds of one layer, `batch` images.
double layer_seconds(const LayerWork& layer, const DeviceModel& device, const PrecisionModel& precision,
                     int batch);

/// Bytes of one device: all weights, and memory for the largest layer's inputs and outputs and the images.
std::uint64_t needed_bytes(const std::vector<LayerWork>& work, const DeviceModel& device,
                           const PrecisionModel& precision, int batch);

struct ProjectedRow {
  int batch = 1;  ///< of each device
  int devices = 1;
  bool fits = true;
  std::uint64_t needed_bytes = 0;  ///< of one device
  double images_per_second = 0;    ///< of all devices; 0 where it does not fit
  double latency_ms = 0;           ///< of a batch; 0 where it does not fit
};

/// Throws Error(kUnsupported) for a precision that the device lacks, Error(kInvalidArgument) for a batch
/// outside 1..2^20 or devices outside 1..max_devices.
ProjectedRow project_row(const std::vector<LayerWork>& work, const DeviceModel& device, int batch,
                         int devices, Precision precision);

/// {"projected": true, "network", "precision", "target", "device" (parse_device reads it), "memory_bytes",
/// "rows" [{"batch", "devices", "fits", "needed_bytes", "limit_bytes", "images_per_second", "latency_ms"}]};
/// the last two only where it fits. A row for each number of devices and batch. Throws as project_row.
Json project(const Network& network, const DeviceModel& device, const std::vector<int>& batches,
             const std::vector<int>& devices, Precision precision);

}  // namespace octet::lab
