#include "lab/project/projection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>

#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr int kLargestBatch = 1 << 20;
constexpr double kImageElementBytes = 4;  // images come as FP32

bool is_kernel(std::string_view op) {
  constexpr std::array<std::string_view, 9> kKernels{"Convolution", "InnerProduct",   "Pooling",
                                                     "LRN",         "Eltwise",        "Softmax",
                                                     "LogSoftmax",  "ChannelShuffle", "Pad"};
  return std::find(kKernels.begin(), kKernels.end(), op) != kKernels.end();
}

const PrecisionModel& require(const DeviceModel& device, Precision precision) {
  const PrecisionModel* found = device.find(precision);
  if (found == nullptr)
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: its description has no precision {}", device.name, to_string(precision)));
  return *found;
}

void check_range(const char* what, int value, int most) {
  if (value < 1 || value > most)
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: expected 1 to {}, got {}", what, most, value));
}

}  // namespace

std::vector<LayerWork> layer_work(const Network& network) {
  std::map<std::string, std::int64_t> elements;  // of each tensor
  for (const TensorInfo& input : network.inputs()) elements[input.name] = input.shape.elements();
  std::vector<LayerWork> work;
  for (const LayerInfo& layer : network.layers()) {
    // What has several outputs here (Split, Slice) gives each of them as much as the first.
    for (const std::string& output : layer.outputs) elements[output] = layer.output_shape.elements();
    if (!is_kernel(layer.op)) continue;
    LayerWork kernel{layer.name, layer.macs, 0, layer.output_shape.elements(), layer.params};
    for (const std::string& input : layer.inputs) kernel.inputs += elements[input];
    work.push_back(std::move(kernel));
  }
  return work;
}

double layer_seconds(const LayerWork& layer, const DeviceModel& device, const PrecisionModel& precision,
                     int batch) {
  const double outputs = static_cast<double>(layer.outputs) * batch;
  const double in_flight = static_cast<double>(device.units) * device.outputs_in_flight;
  const double occupancy = outputs / (std::ceil(outputs / in_flight) * in_flight);
  const double compute =
      static_cast<double>(layer.macs) * batch / (device.peak(precision) * precision.efficiency * occupancy);
  const double elements =
      static_cast<double>(layer.inputs + layer.outputs) * batch + static_cast<double>(layer.params);
  const double memory =
      elements * precision.element_bytes / (device.memory_gbps * 1e9 * device.bandwidth_share);
  return std::max(compute, memory) + device.launch_us * 1e-6;
}

std::uint64_t needed_bytes(const std::vector<LayerWork>& work, const DeviceModel& device,
                           const PrecisionModel& precision, int batch) {
  double params = 0;
  double live = 0;
  for (const LayerWork& layer : work) {
    params += static_cast<double>(layer.params);
    live = std::max(live, static_cast<double>(layer.inputs + layer.outputs));
  }
  const double images = work.empty() ? 0 : static_cast<double>(work.front().inputs) * kImageElementBytes;
  return static_cast<std::uint64_t>(params * precision.element_bytes +
                                    batch * (live * device.live_element_bytes + images));
}

ProjectedRow project_row(const std::vector<LayerWork>& work, const DeviceModel& device, int batch,
                         int devices, Precision precision) {
  check_range("batch", batch, kLargestBatch);
  check_range("devices", devices, device.max_devices);
  const PrecisionModel& model = require(device, precision);
  ProjectedRow row;
  row.batch = batch;
  row.devices = devices;
  row.needed_bytes = needed_bytes(work, device, model, batch);
  row.fits = row.needed_bytes <= device.memory_bytes;
  if (!row.fits) return row;
  double total = device.call_us * 1e-6;
  for (const LayerWork& layer : work) total += layer_seconds(layer, device, model, batch);
  const double kept = std::max(0.0, 1 - device.device_cost * (devices - 1));
  row.images_per_second = batch / total * devices * kept;
  row.latency_ms = total * 1e3;
  return row;
}

Json project(const Network& network, const DeviceModel& device, const std::vector<int>& batches,
             const std::vector<int>& devices, Precision precision) {
  const std::vector<LayerWork> work = layer_work(network);
  Json rows = Json::array();
  for (const int count : devices)
    for (const int batch : batches) {
      const ProjectedRow row = project_row(work, device, batch, count, precision);
      Json json{{"batch", row.batch},
                {"devices", row.devices},
                {"fits", row.fits},
                {"needed_bytes", row.needed_bytes},
                {"limit_bytes", device.memory_bytes}};
      if (row.fits) {
        json["images_per_second"] = row.images_per_second;
        json["latency_ms"] = row.latency_ms;
      }
      rows.push_back(std::move(json));
    }
  return {{"projected", true},     {"network", network.name()}, {"precision", to_string(precision)},
          {"target", device.name}, {"device", to_json(device)}, {"rows", std::move(rows)}};
}

}  // namespace octet::lab
