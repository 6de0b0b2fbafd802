// NVIDIA's management library (NVML). It belongs to the driver, so it is loaded at run time, and what is used
// of it is declared here as NVIDIA's NVML API reference documents it: no header, no dependency of the build.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lab/power/board.h"

namespace octet::lab {

/// Loaded and initialised; shut down with the object. May be used by several threads, as NVML may.
class NvmlLibrary {
 public:
  using Device = void*;  ///< nvmlDevice_t

  /// `file` is searched for as dlopen() does. Throws Error: kNotFound if there is no such library,
  /// kUnsupported if it lacks a function that is needed, the driver is not loaded or permission is missing,
  /// else kIo.
  explicit NvmlLibrary(const std::string& file);
  ~NvmlLibrary();
  NvmlLibrary(const NvmlLibrary&) = delete;
  NvmlLibrary& operator=(const NvmlLibrary&) = delete;

  // These throw Error(kUnsupported, kIo) with the function's name and NVML's words.
  unsigned device_count() const;
  Device device(unsigned index) const;
  double power_watts(Device device) const;
  /// Since the driver was loaded; boards before Volta have no such counter.
  double energy_joules(Device device) const;

  // These leave out what the board or the driver does not tell.
  bool has_energy_counter(Device device) const;
  std::string name(Device device) const;  ///< "unknown" if it has none
  std::string uuid(Device device) const;
  BoardInfo board_info(Device device) const;
  BoardState board_state(Device device) const;
  /// Whether the power is a mean over the last second instead of the power at an instant: Ampere and newer,
  /// but for GA100.
  bool averages_power(Device device) const;

 private:
  struct Utilization {  ///< nvmlUtilization_t, percent
    unsigned gpu;
    unsigned memory;
  };

  void load(const std::string& file);
  void check(int result, std::string_view what) const;

  void* library_;
  // Needed.
  int (*init_)() = nullptr;
  int (*shutdown_)() = nullptr;
  int (*get_count_)(unsigned*) = nullptr;
  int (*get_handle_)(unsigned, Device*) = nullptr;
  int (*get_name_)(Device, char*, unsigned) = nullptr;
  int (*get_power_)(Device, unsigned*) = nullptr;
  // Null where the driver is too old.
  const char* (*error_string_)(int) = nullptr;
  int (*get_driver_)(char*, unsigned) = nullptr;
  int (*get_uuid_)(Device, char*, unsigned) = nullptr;
  int (*get_energy_)(Device, unsigned long long*) = nullptr;
  int (*get_limit_)(Device, unsigned*) = nullptr;
  int (*get_compute_capability_)(Device, int*, int*) = nullptr;
  int (*get_performance_state_)(Device, int*) = nullptr;
  int (*get_clock_)(Device, int, unsigned*) = nullptr;
  int (*get_temperature_)(Device, int, unsigned*) = nullptr;
  int (*get_utilization_)(Device, Utilization*) = nullptr;
  int (*get_reasons_)(Device, unsigned long long*) = nullptr;
};

}  // namespace octet::lab
