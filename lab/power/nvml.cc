// NVIDIA GPUs by NVML. The library belongs to the driver, so it is loaded at run time and the few functions
// used are declared here, as NVIDIA's NVML API reference documents them: no header, no dependency of the
// build. Boards with an energy counter (Volta and newer) are read by it; older ones by their power.
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "lab/power/kinds.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

// nvmlReturn_t.
constexpr int kSuccess = 0;
constexpr int kNoPermission = 4;
constexpr int kDriverNotLoaded = 9;
// nvmlDeviceArchitecture_t.
constexpr unsigned kAmpere = 7;

constexpr double kMilli = 1e-3;
// "Accurate to within +/- 5 %": one standard deviation of an error that is even over that.
constexpr double kRelativeError = 0.05 / 1.732;
constexpr double kNvmlUpdate = 0.1;  // s; boards differ between 0.02 and 0.1

using Device = void*;

/// The loaded library, initialised; shut down when the last meter is gone.
class Nvml {
 public:
  explicit Nvml(const std::string& file) : library_(::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
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
  ~Nvml() {
    shutdown_();
    ::dlclose(library_);
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  void check(int result, std::string_view what) const {
    if (result == kSuccess) return;
    const char* text = error_string_ != nullptr ? error_string_(result) : nullptr;
    const ErrorCode code =
        result == kNoPermission || result == kDriverNotLoaded ? ErrorCode::kUnsupported : ErrorCode::kIo;
    throw Error(code, fmt::format("{}: error {}{}{}", what, result, text != nullptr ? ", " : "",
                                  text != nullptr ? text : ""));
  }

  unsigned device_count() const {
    unsigned count = 0;
    check(get_count_(&count), "nvmlDeviceGetCount_v2");
    return count;
  }
  Device device(unsigned index) const {
    Device device = nullptr;
    check(get_handle_(index, &device), fmt::format("nvmlDeviceGetHandleByIndex_v2({})", index));
    return device;
  }
  std::string name(Device device) const {
    char text[96] = {};  // NVML_DEVICE_NAME_V2_BUFFER_SIZE
    return get_name_(device, text, sizeof text - 1) == kSuccess ? text : "unknown";
  }
  double power_watts(Device device) const {
    unsigned milliwatts = 0;
    check(get_power_(device, &milliwatts), "nvmlDeviceGetPowerUsage");
    return milliwatts * kMilli;
  }
  double energy_joules(Device device) const {
    unsigned long long millijoules = 0;
    check(get_energy_(device, &millijoules), "nvmlDeviceGetTotalEnergyConsumption");
    return static_cast<double>(millijoules) * kMilli;
  }
  bool has_energy_counter(Device device) const {
    unsigned long long millijoules = 0;
    return get_energy_ != nullptr && get_energy_(device, &millijoules) == kSuccess;
  }
  bool is_ampere_or_newer(Device device) const {
    unsigned architecture = 0;
    constexpr unsigned kUnknown = 0xffffffffu;
    return get_architecture_ != nullptr && get_architecture_(device, &architecture) == kSuccess &&
           architecture != kUnknown && architecture >= kAmpere;
  }

 private:
  template <typename Function>
  void find(Function*& function, const char* name) const {
    function = reinterpret_cast<Function*>(::dlsym(library_, name));
  }
  template <typename Function>
  void need(Function*& function, const char* name, const std::string& file) const {
    find(function, name);
    if (function == nullptr)
      throw Error(
          ErrorCode::kUnsupported,
          fmt::format("{}: has no {}: the driver is too old, or this is another library", file, name));
  }
  void load(const std::string& file) {
    need(init_, "nvmlInit_v2", file);
    need(shutdown_, "nvmlShutdown", file);
    need(get_count_, "nvmlDeviceGetCount_v2", file);
    need(get_handle_, "nvmlDeviceGetHandleByIndex_v2", file);
    need(get_name_, "nvmlDeviceGetName", file);
    need(get_power_, "nvmlDeviceGetPowerUsage", file);
    find(error_string_, "nvmlErrorString");
    find(get_energy_, "nvmlDeviceGetTotalEnergyConsumption");
    find(get_architecture_, "nvmlDeviceGetArchitecture");
  }

  void* library_;
  int (*init_)() = nullptr;
  int (*shutdown_)() = nullptr;
  int (*get_count_)(unsigned*) = nullptr;
  int (*get_handle_)(unsigned, Device*) = nullptr;
  int (*get_name_)(Device, char*, unsigned) = nullptr;
  int (*get_power_)(Device, unsigned*) = nullptr;
  const char* (*error_string_)(int) = nullptr;
  int (*get_energy_)(Device, unsigned long long*) = nullptr;
  int (*get_architecture_)(Device, unsigned*) = nullptr;
};

class NvmlMeter final : public Meter {
 public:
  NvmlMeter(std::shared_ptr<const Nvml> nvml, unsigned index)
      : nvml_(std::move(nvml)), device_(nvml_->device(index)) {
    const std::string name = nvml_->name(device_);
    info_.id = fmt::format("nvml:{}", index);
    info_.kind = "nvml";
    info_.scope = fmt::format("GPU {} ({})", index, name);
    info_.resolution = kMilli;
    info_.relative_error = kRelativeError;
    if (nvml_->has_energy_counter(device_)) {
      info_.reads = Reads::kEnergy;
      info_.interval_s = 0.1;
      info_.averaging_s = kNvmlUpdate;
      nvml_->energy_joules(device_);
      return;
    }
    info_.reads = Reads::kPower;
    info_.interval_s = 0.05;
    // GA100 (A100, A30) still gives the power at an instant.
    const bool ga100 = name.find("A100") != std::string::npos || name.find("A30") != std::string::npos;
    info_.averaging_s = nvml_->is_ampere_or_newer(device_) && !ga100 ? 1 : 0;
    nvml_->power_watts(device_);
  }

  const MeterInfo& info() const override { return info_; }
  double read() override {
    return info_.reads == Reads::kEnergy ? nvml_->energy_joules(device_) : nvml_->power_watts(device_);
  }

 private:
  std::shared_ptr<const Nvml> nvml_;
  Device device_;
  MeterInfo info_;
};

}  // namespace

FoundKind find_nvml(const MeterOptions& options) {
  FoundKind found;
  found.status.kind = "nvml";
  try {
    const auto nvml = std::make_shared<const Nvml>(options.nvml_library);
    const unsigned count = nvml->device_count();
    for (unsigned i = 0; i < count; ++i) {
      try {
        found.meters.push_back(std::make_unique<NvmlMeter>(nvml, i));
        found.status.meters.push_back(found.meters.back()->info());
      } catch (const Error& error) {
        // One board may have no sensor: the others are still worth reading.
        found.status.why_not +=
            fmt::format("{}GPU {}: {}", found.status.why_not.empty() ? "" : "; ", i, error.what());
        found.status.remedy = "a board without a power sensor needs a wall meter (--wall-meter)";
      }
    }
    found.status.works = !found.meters.empty();
    if (count == 0) {
      found.status.why_not = "the NVIDIA driver sees no GPU";
      found.status.remedy = "give the container or virtual machine a GPU";
    }
  } catch (const Error& error) {
    found.status.why_not = error.what();
    found.status.remedy =
        error.code() == ErrorCode::kNotFound
            ? "with an NVIDIA GPU: install its driver; in a container, ask for its utilities "
              "(NVIDIA_DRIVER_CAPABILITIES=utility)"
            : "see whether nvidia-smi works; load the driver, or install a newer one";
  }
  return found;
}

}  // namespace octet::lab
