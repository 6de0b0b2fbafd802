#include "lab/power/nvml_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <utility>

#include "octet/error.h"

namespace octet::lab {
namespace {

// nvmlReturn_t.
constexpr int kSuccess = 0;
constexpr int kNoPermission = 4;
constexpr int kDriverNotLoaded = 9;
constexpr int kClockSm = 1;          // nvmlClockType_t
constexpr int kTemperatureGpu = 0;   // nvmlTemperatureSensors_t
constexpr int kSlowestState = 15;    // nvmlPstates_t; beyond it is 'unknown'
constexpr unsigned kTextBytes = 96;  // the longest that NVML asks for (names, UUIDs; versions have 80)
constexpr double kMilli = 1e-3;

template <typename Function>
void find(void* library, Function*& function, const char* name) {
  function = reinterpret_cast<Function*>(::dlsym(library, name));
}

/// The value that `function(arguments..., &value)` gives, if there is the function and it succeeds.
template <typename Value, typename Function, typename... Arguments>
std::optional<Value> ask(Function* function, Arguments... arguments) {
  Value value{};
  if (function == nullptr || function(arguments..., &value) != kSuccess) return std::nullopt;
  return value;
}

template <typename Function, typename... Arguments>
std::string ask_text(Function* function, Arguments... arguments) {
  char text[kTextBytes] = {};
  if (function == nullptr || function(arguments..., text, kTextBytes - 1) != kSuccess) return {};
  return text;
}

}  // namespace

NvmlLibrary::NvmlLibrary(const std::string& file) : library_(::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (library_ == nullptr)
    throw Error(ErrorCode::kNotFound, fmt::format("no NVIDIA driver: {}", ::dlerror()));
  try {
    load(file);
    check(init_(), "nvmlInit_v2");
  } catch (...) {
    ::dlclose(library_);
    throw;
  }
}

NvmlLibrary::~NvmlLibrary() {
  shutdown_();
  ::dlclose(library_);
}

void NvmlLibrary::load(const std::string& file) {
  const auto need = [&](auto*& function, const char* name) {
    find(library_, function, name);
    if (function == nullptr)
      throw Error(
          ErrorCode::kUnsupported,
          fmt::format("{}: has no {}: the driver is too old, or this is another library", file, name));
  };
  need(init_, "nvmlInit_v2");
  need(shutdown_, "nvmlShutdown");
  need(get_count_, "nvmlDeviceGetCount_v2");
  need(get_handle_, "nvmlDeviceGetHandleByIndex_v2");
  need(get_name_, "nvmlDeviceGetName");
  need(get_power_, "nvmlDeviceGetPowerUsage");
  find(library_, error_string_, "nvmlErrorString");
  find(library_, get_driver_, "nvmlSystemGetDriverVersion");
  find(library_, get_uuid_, "nvmlDeviceGetUUID");
  find(library_, get_energy_, "nvmlDeviceGetTotalEnergyConsumption");
  find(library_, get_limit_, "nvmlDeviceGetEnforcedPowerLimit");
  find(library_, get_compute_capability_, "nvmlDeviceGetCudaComputeCapability");
  find(library_, get_performance_state_, "nvmlDeviceGetPerformanceState");
  find(library_, get_clock_, "nvmlDeviceGetClockInfo");
  find(library_, get_temperature_, "nvmlDeviceGetTemperature");
  find(library_, get_utilization_, "nvmlDeviceGetUtilizationRates");
  find(library_, get_reasons_, "nvmlDeviceGetCurrentClocksEventReasons");
  // Its name until driver 535.
  if (get_reasons_ == nullptr) find(library_, get_reasons_, "nvmlDeviceGetCurrentClocksThrottleReasons");
}

void NvmlLibrary::check(int result, std::string_view what) const {
  if (result == kSuccess) return;
  const char* text = error_string_ != nullptr ? error_string_(result) : nullptr;
  const ErrorCode code =
      result == kNoPermission || result == kDriverNotLoaded ? ErrorCode::kUnsupported : ErrorCode::kIo;
  throw Error(code, fmt::format("{}: error {}{}{}", what, result, text != nullptr ? ", " : "",
                                text != nullptr ? text : ""));
}

unsigned NvmlLibrary::device_count() const {
  unsigned count = 0;
  check(get_count_(&count), "nvmlDeviceGetCount_v2");
  return count;
}

NvmlLibrary::Device NvmlLibrary::device(unsigned index) const {
  Device device = nullptr;
  check(get_handle_(index, &device), fmt::format("nvmlDeviceGetHandleByIndex_v2({})", index));
  return device;
}

double NvmlLibrary::power_watts(Device device) const {
  unsigned milliwatts = 0;
  check(get_power_(device, &milliwatts), "nvmlDeviceGetPowerUsage");
  return milliwatts * kMilli;
}

double NvmlLibrary::energy_joules(Device device) const {
  unsigned long long millijoules = 0;
  check(get_energy_(device, &millijoules), "nvmlDeviceGetTotalEnergyConsumption");
  return static_cast<double>(millijoules) * kMilli;
}

bool NvmlLibrary::has_energy_counter(Device device) const {
  return ask<unsigned long long>(get_energy_, device).has_value();
}

std::string NvmlLibrary::name(Device device) const {
  const std::string name = ask_text(get_name_, device);
  return name.empty() ? "unknown" : name;
}

std::string NvmlLibrary::uuid(Device device) const { return ask_text(get_uuid_, device); }

BoardInfo NvmlLibrary::board_info(Device device) const {
  BoardInfo info{uuid(device), ask_text(get_driver_), std::nullopt};
  if (const auto milliwatts = ask<unsigned>(get_limit_, device)) info.limit_watts = *milliwatts * kMilli;
  return info;
}

BoardState NvmlLibrary::board_state(Device device) const {
  BoardState state;
  if (const auto number = ask<int>(get_performance_state_, device); number && *number <= kSlowestState)
    state.performance_state = *number;
  if (const auto mhz = ask<unsigned>(get_clock_, device, kClockSm)) state.sm_mhz = *mhz;
  if (const auto celsius = ask<unsigned>(get_temperature_, device, kTemperatureGpu)) state.celsius = *celsius;
  if (const auto percent = ask<Utilization>(get_utilization_, device))
    state.busy_share = percent->gpu / 100.0;
  if (const auto bits = ask<unsigned long long>(get_reasons_, device)) state.reasons = *bits;
  return state;
}

bool NvmlLibrary::averages_power(Device device) const {
  int major = 0, minor = 0;
  if (get_compute_capability_ == nullptr || get_compute_capability_(device, &major, &minor) != kSuccess)
    return false;
  constexpr std::pair kGa100 = {8, 0};
  return std::pair(major, minor) > kGa100;
}

}  // namespace octet::lab
