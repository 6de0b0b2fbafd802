#include "lab/project/device_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "lab/support/files.h"
#include "lab/support/suggest.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr double kMiB = 1 << 20;

std::uint64_t mebibytes(double count) { return static_cast<std::uint64_t>(count * kMiB); }

/// What the Pascal devices share. The efficiencies, bandwidth_share, call_us and device_cost are what fit()
/// makes of the Tesla P40's published AlexNet throughput (projection_test.cc derives them again).
DeviceModel pascal() {
  DeviceModel device;
  device.outputs_in_flight =
      2048;  // threads that an SM holds, CUDA programming guide, compute capability 6.x
  // 128 FP32 multiply-adds, or 128 DP4A of 4 each, in a clock.
  device.precisions = {{Precision::kFloat32, 128, 0.8399, 4}, {Precision::kInt8, 512, 0.6765, 1}};
  device.compute_capability = 61;
  device.bandwidth_share = 0.4898;
  device.launch_us = 5;  // assumed: what a CUDA launch of that time is known to cost
  device.call_us = 761.2;
  device.device_cost = 0.00227;
  device.live_element_bytes = 8;  // assumed: each as FP32 and again in the form that kernels like
  return device;
}

DeviceModel tesla_p40() {
  DeviceModel device = pascal();
  device.name = "tesla-p40";
  device.label = "Tesla P40";
  device.units = 30;
  device.clock_mhz = 1531;
  device.memory_gbps = 346;
  device.memory_bytes = mebibytes(22919);
  device.board_watts = 250;
  device.max_devices = 4;
  device.source =
      "NVIDIA's data sheet; fitted to the AlexNet throughput published for it (March and July 2017)";
  return device;
}

DeviceModel tesla_p4() {
  DeviceModel device = pascal();
  device.name = "tesla-p4";
  device.label = "Tesla P4";
  device.units = 20;
  device.clock_mhz = 1063;
  device.memory_gbps = 192;
  device.memory_bytes = mebibytes(7611);
  device.board_watts = 75;
  device.max_devices = 4;
  device.source = "NVIDIA's data sheet; all fitted numbers are the Tesla P40's";
  return device;
}

DeviceModel titan_x_pascal() {
  DeviceModel device = pascal();
  device.name = "titan-x-pascal";
  device.label = "Titan X (Pascal)";
  device.units = 28;
  device.clock_mhz = 1531;  // boost
  device.memory_gbps = 480;
  device.memory_bytes = mebibytes(12189);
  device.board_watts = 250;
  device.max_devices = 4;
  device.source = "NVIDIA's data sheet; all fitted numbers are the Tesla P40's";
  return device;
}

}  // namespace

const PrecisionModel* DeviceModel::find(Precision precision) const {
  const auto found = std::find_if(precisions.begin(), precisions.end(),
                                  [&](const PrecisionModel& model) { return model.precision == precision; });
  return found != precisions.end() ? &*found : nullptr;
}

double DeviceModel::peak(const PrecisionModel& precision) const {
  return units * clock_mhz * 1e6 * precision.macs_per_unit_clock;
}

const std::vector<DeviceModel>& known_devices() {
  static const std::vector<DeviceModel> devices{tesla_p40(), tesla_p4(), titan_x_pascal()};
  return devices;
}

DeviceModel find_device(const std::string& target) {
  std::vector<std::string> names;
  for (const DeviceModel& device : known_devices()) {
    if (device.name == target) return device;
    names.push_back(device.name);
  }
  if (!std::filesystem::exists(target))
    throw Error(ErrorCode::kNotFound, fmt::format("{}: no device of this name and no such file{}", target,
                                                  did_you_mean(target, names)));
  constexpr std::uintmax_t kLargestFile = 1 << 20;
  return parse_device(read_file(target, kLargestFile), target);
}

}  // namespace octet::lab
