// The CUDA driver's C interface, as far as we call it: its types and numbers, and a table of its functions.
// The library is opened at run time (library.h), so that building needs no CUDA and running needs a driver
// only where there is a GPU; tests give a table of their own. Source of all numbers and signatures: NVIDIA,
// CUDA Driver API (cuda.h), whose binary interface is stable.
#pragma once

#include <cstddef>
#include <cstdint>

namespace octet::cuda::driver {

/// Those results that mean something to us; all others are only named.
enum class Status : int {
  kSuccess = 0,
  kInvalidValue = 1,
  kOutOfMemory = 2,
  kDeviceUnavailable = 46,
  kNoDevice = 100,
  kInvalidContext = 201,
  kNoBinaryForDevice = 209,
  kEccUncorrectable = 214,
  kNvlinkUncorrectable = 220,
  kContained = 226,
  kNotFound = 500,
  kIllegalAddress = 700,
  kLaunchTimeout = 702,
  kContextIsDestroyed = 709,
  kAssert = 710,
  kHardwareStackError = 714,
  kIllegalInstruction = 715,
  kMisalignedAddress = 716,
  kInvalidAddressSpace = 717,
  kInvalidPc = 718,
  kLaunchFailed = 719,
  kMpsClientTerminated = 810,
  kExternalDevice = 911,
};

enum class DeviceAttribute : int {
  kClockKilohertz = 13,
  kMultiprocessors = 16,
  kMemoryClockKilohertz = 36,
  kMemoryBusBits = 37,
  kL2Bytes = 38,
  kComputeCapabilityMajor = 75,
  kComputeCapabilityMinor = 76,
  kMostSharedBytesPerBlock = 97,  ///< where a function asks for them
};

enum class FunctionAttribute : int { kMostDynamicSharedBytes = 8 };
enum class CaptureMode : int { kThreadLocal = 1 };
inline constexpr unsigned kStreamNonBlocking = 1;  ///< does not wait for the default stream of others

using DeviceId = int;
using Address = unsigned long long;
using ContextHandle = struct OpaqueContext*;
using ModuleHandle = struct OpaqueModule*;
using FunctionHandle = struct OpaqueFunction*;
using StreamHandle = struct OpaqueStream*;
using EventHandle = struct OpaqueEvent*;
using GraphHandle = struct OpaqueGraph*;
using GraphExecHandle = struct OpaqueGraphExec*;
struct Uuid {
  unsigned char bytes[16];
};

/// The functions by their names in the library.
struct Api {
#define OCTET_DRIVER_CALL(symbol, parameters, names) Status(*symbol) parameters = nullptr;
#include "cuda/driver/calls.inc"
};

/// Version of CUDA from which on a driver has all of them (cuGraphInstantiateWithFlags and
/// cuDeviceGetUuid_v2 are the youngest), as the driver counts: 1000 * major + 10 * minor.
inline constexpr int kLeastDriverVersion = 11040;

}  // namespace octet::cuda::driver
