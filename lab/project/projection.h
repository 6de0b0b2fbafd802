// What a network would do on a device that is not here: an analytic model, a roofline (Williams, Waterman,
// Patterson 2009) for each layer with the occupancy of the units. All that it gives is projected, not
// measured, and says so. docs/projection.md has the formulas, the parameters and how far off they are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lab/project/device_model.h"
#include "lab/support/json_fwd.h"
#include "octet/engine.h"
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

/// Whether `device` is one that Octet's CUDA kernels run on in that precision, so that the work is theirs.
bool has_kernels(const DeviceModel& device, Precision precision);

/// The steps of Octet's CUDA plan on such a device (Engine::plan_steps).
std::vector<StepInfo> kernel_work(const Network& network, const DeviceModel& device, int batch);

/// What a step takes: max(compute, memory) + launch. Nothing of it is fitted.
struct StepSeconds {
  double compute = 0;  ///< its products at the peak of what multiplies them, rounds of blocks in full
  double memory = 0;   ///< its bytes at the data sheet's bandwidth
  double launch = 0;   ///< of its functions and clears, one after the other
  double total() const;
};
StepSeconds step_seconds(const StepInfo& step, const DeviceModel& device, const PrecisionModel& precision);

/// As project_row of layers, from `steps` (kernel_work) of this batch; `layers` say what fits.
ProjectedRow project_row(const std::vector<StepInfo>& steps, const std::vector<LayerWork>& layers,
                         const DeviceModel& device, int batch, int devices, Precision precision);

/// {"projected": true, "network", "precision", "target", "device" (parse_device reads it), "model" ("kernels"
/// if has_kernels(), else "layers"), "rows" [{"batch", "devices", "fits", "needed_bytes", "limit_bytes",
/// "images_per_second", "latency_ms", "layers"}]}; the last three only where it fits. A row for each number
/// of devices and batch. "layers", if asked for: [{"layer", "kernel" (of kernels), "ms"; of kernels also
/// "compute_ms", "memory_ms", "launch_ms", "useful" (share of the products that the layer asks for),
/// "rounds_filled", "blocks", "launches", "clears", "macs", "activation_bytes", "weight_bytes",
/// "sum_bytes"}]. Throws as project_row and Engine::plan_steps.
Json project(const Network& network, const DeviceModel& device, const std::vector<int>& batches,
             const std::vector<int>& devices, Precision precision, bool by_layer = false);

}  // namespace octet::lab
