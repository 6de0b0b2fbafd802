// A library with NVML's entry points that answers as a test tells it through fake_nvml().
#include "lab/power/test_fake_nvml.h"

#include <cstdio>

namespace {
octet::lab::FakeNvml state;
// Devices are pointers into it.
char handles[64];
int index_of(const void* device) { return static_cast<int>(static_cast<const char*>(device) - handles); }
}  // namespace

extern "C" {

octet::lab::FakeNvml* fake_nvml() { return &state; }

// NOLINTBEGIN(readability-identifier-naming): NVML's own names
int nvmlInit_v2() {
  ++state.users;
  return state.init_result;
}
int nvmlShutdown() {
  --state.users;
  return 0;
}
const char* nvmlErrorString(int result) {
  switch (result) {
    case 3:
      return "Not Supported";
    case 9:
      return "Driver Not Loaded";
    case 15:
      return "GPU is lost";
    default:
      return nullptr;
  }
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = state.devices;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  if (index >= state.devices || index >= sizeof handles) return 2;
  *device = handles + index;
  return 0;
}
int nvmlDeviceGetName(void*, char* name, unsigned length) {
  std::snprintf(name, length, "%s", state.name);
  return 0;
}
int nvmlDeviceGetTotalEnergyConsumption(void* device, unsigned long long* millijoules) {
  *millijoules = state.energy_mj;
  return index_of(device) == state.lost_device ? 15 : state.energy_result;
}
int nvmlDeviceGetPowerUsage(void* device, unsigned* milliwatts) {
  *milliwatts = state.power_mw;
  return index_of(device) == state.lost_device ? 15 : state.power_result;
}
int nvmlDeviceGetCudaComputeCapability(void*, int* major, int* minor) {
  *major = state.major;
  *minor = state.minor;
  return state.board_result;
}
int nvmlSystemGetDriverVersion(char* version, unsigned length) {
  std::snprintf(version, length, "535.104.05");
  return 0;
}
int nvmlDeviceGetUUID(void* device, char* uuid, unsigned length) {
  std::snprintf(uuid, length, "GPU-%d", index_of(device));
  return state.board_result;
}
int nvmlDeviceGetEnforcedPowerLimit(void*, unsigned* milliwatts) {
  *milliwatts = 250'000;
  return state.board_result;
}
int nvmlDeviceGetPerformanceState(void*, int* performance_state) {
  *performance_state = state.performance_state;
  return state.board_result;
}
int nvmlDeviceGetClockInfo(void*, int type, unsigned* mhz) {
  *mhz = type == 1 ? state.sm_mhz : 1;
  return state.board_result;
}
int nvmlDeviceGetTemperature(void*, int sensor, unsigned* celsius) {
  *celsius = state.celsius;
  return sensor == 0 ? state.board_result : 2;
}
int nvmlDeviceGetUtilizationRates(void*, unsigned* gpu_and_memory) {
  gpu_and_memory[0] = state.busy_percent;
  gpu_and_memory[1] = 7;
  return state.board_result;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void*, unsigned long long* reasons) {
  *reasons = state.reasons;
  return state.board_result;
}
// NOLINTEND(readability-identifier-naming)

}  // extern "C"
