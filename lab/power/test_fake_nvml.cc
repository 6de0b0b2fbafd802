// A library with NVML's entry points that answers as a test tells it through fake_nvml().
#include "lab/power/test_fake_nvml.h"

#include <cstdio>

namespace {
octet::lab::FakeNvml state;
}

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
  if (index >= state.devices) return 2;
  *device = &state + 1 + index;
  return 0;
}
int nvmlDeviceGetName(void*, char* name, unsigned length) {
  std::snprintf(name, length, "%s", state.name);
  return 0;
}
int nvmlDeviceGetTotalEnergyConsumption(void*, unsigned long long* millijoules) {
  *millijoules = state.energy_mj;
  return state.lost ? 15 : state.energy_result;
}
int nvmlDeviceGetPowerUsage(void*, unsigned* milliwatts) {
  *milliwatts = state.power_mw;
  return state.lost ? 15 : state.power_result;
}
int nvmlDeviceGetArchitecture(void*, unsigned* architecture) {
  *architecture = state.architecture;
  return 0;
}
// NOLINTEND(readability-identifier-naming)

}  // extern "C"
