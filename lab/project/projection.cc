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

namespace {

/// All but the throughput and latency.
ProjectedRow row_of(const std::vector<LayerWork>& work, const DeviceModel& device, int batch, int devices,
                    Precision precision) {
  check_range("batch", batch, kLargestBatch);
  check_range("devices", devices, device.max_devices);
  ProjectedRow row;
  row.batch = batch;
  row.devices = devices;
  row.needed_bytes = needed_bytes(work, device, require(device, precision), batch);
  row.fits = row.needed_bytes <= device.memory_bytes;
  return row;
}

void set_seconds(ProjectedRow& row, const DeviceModel& device, double seconds) {
  const double kept = std::max(0.0, 1 - device.device_cost * (row.devices - 1));
  row.images_per_second = row.batch / seconds * row.devices * kept;
  row.latency_ms = seconds * 1e3;
}

/// Multiply-accumulates a second of all that multiplies as the step does.
double peak_of(DeviceWork::Unit unit, const DeviceModel& device, const PrecisionModel& precision) {
  if (unit != DeviceWork::Unit::kLanes) return device.peak(precision);
  // One product an instruction, which FP32's peak counts; else a quarter of the dot products'.
  const PrecisionModel* fp32 = device.find(Precision::kFloat32);
  return fp32 != nullptr ? device.peak(*fp32) : device.peak(precision) / 4;
}

Json layers_of(const std::vector<StepInfo>& steps, const DeviceModel& device, const PrecisionModel& precision,
               int batch) {
  Json layers = Json::array();
  for (const StepInfo& step : steps) {
    const StepSeconds seconds = step_seconds(step, device, precision);
    const DeviceWork& work = *step.device_work;
    layers.push_back(
        {{"layer", step.layer},
         {"kernel", step.kernel},
         {"ms", seconds.total() * 1e3},
         {"compute_ms", seconds.compute * 1e3},
         {"memory_ms", seconds.memory * 1e3},
         {"launch_ms", seconds.launch * 1e3},
         {"useful",
          work.macs > 0 ? static_cast<double>(step.macs) * batch / static_cast<double>(work.macs) : 1.0},
         {"rounds_filled", work.rounds_filled},
         {"blocks", work.blocks},
         {"launches", work.launches},
         {"clears", work.clears},
         {"macs", work.macs},
         {"activation_bytes", work.activation_bytes},
         {"weight_bytes", work.weight_bytes},
         {"sum_bytes", work.sum_bytes}});
  }
  return layers;
}

Json layers_of(const std::vector<LayerWork>& work, const DeviceModel& device, const PrecisionModel& precision,
               int batch) {
  Json layers = Json::array();
  for (const LayerWork& layer : work)
    layers.push_back({{"layer", layer.name}, {"ms", layer_seconds(layer, device, precision, batch) * 1e3}});
  return layers;
}

}  // namespace

ProjectedRow project_row(const std::vector<LayerWork>& work, const DeviceModel& device, int batch,
                         int devices, Precision precision) {
  ProjectedRow row = row_of(work, device, batch, devices, precision);
  if (!row.fits) return row;
  double total = device.call_us * 1e-6;
  for (const LayerWork& layer : work)
    total += layer_seconds(layer, device, require(device, precision), batch);
  set_seconds(row, device, total);
  return row;
}

bool has_kernels(const DeviceModel& device, Precision precision) {
  constexpr int kLeast = 61;  // the first with dot products of bytes
  return device.compute_capability >= kLeast && precision == Precision::kInt8;
}

std::vector<StepInfo> kernel_work(const Network& network, const DeviceModel& device, int batch) {
  BuildOptions options;
  options.precision = Precision::kInt8;
  return Engine::plan_steps(network, options, {device.compute_capability, device.units}, batch);
}

double StepSeconds::total() const { return std::max(compute, memory) + launch; }

StepSeconds step_seconds(const StepInfo& step, const DeviceModel& device, const PrecisionModel& precision) {
  const DeviceWork& work = *step.device_work;
  StepSeconds seconds;
  seconds.compute =
      static_cast<double>(work.macs) / (peak_of(work.unit, device, precision) * work.rounds_filled);
  seconds.memory = static_cast<double>(work.activation_bytes + work.weight_bytes + work.sum_bytes) /
                   (device.memory_gbps * 1e9);
  seconds.launch = (work.launches + work.clears) * device.launch_us * 1e-6;
  return seconds;
}

ProjectedRow project_row(const std::vector<StepInfo>& steps, const std::vector<LayerWork>& layers,
                         const DeviceModel& device, int batch, int devices, Precision precision) {
  ProjectedRow row = row_of(layers, device, batch, devices, precision);
  if (!row.fits) return row;
  double total = 0;
  for (const StepInfo& step : steps) total += step_seconds(step, device, require(device, precision)).total();
  set_seconds(row, device, total);
  return row;
}

Json project(const Network& network, const DeviceModel& device, const std::vector<int>& batches,
             const std::vector<int>& devices, Precision precision, bool by_layer) {
  const std::vector<LayerWork> work = layer_work(network);
  const PrecisionModel& model = require(device, precision);
  const bool kernels = has_kernels(device, precision);
  std::map<int, std::vector<StepInfo>> steps;  // by batch
  Json rows = Json::array();
  for (const int count : devices)
    for (const int batch : batches) {
      ProjectedRow row = row_of(work, device, batch, count, precision);
      if (kernels && row.fits) {
        const auto [known, is_new] = steps.try_emplace(batch);
        if (is_new) known->second = kernel_work(network, device, batch);
        row = project_row(known->second, work, device, batch, count, precision);
      } else {
        row = project_row(work, device, batch, count, precision);
      }
      Json json{{"batch", row.batch},
                {"devices", row.devices},
                {"fits", row.fits},
                {"needed_bytes", row.needed_bytes},
                {"limit_bytes", device.memory_bytes}};
      if (row.fits) {
        json["images_per_second"] = row.images_per_second;
        json["latency_ms"] = row.latency_ms;
        if (by_layer)
          json["layers"] =
              kernels ? layers_of(steps[batch], device, model, batch) : layers_of(work, device, model, batch);
      }
      rows.push_back(std::move(json));
    }
  return {{"projected", true},      {"network", network.name()}, {"precision", to_string(precision)},
          {"target", device.name},  {"device", to_json(device)}, {"model", kernels ? "kernels" : "layers"},
          {"rows", std::move(rows)}};
}

}  // namespace octet::lab
