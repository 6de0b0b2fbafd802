// Which CUDA devices there are, and why one cannot be used.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "cuda/driver/library.h"
#include "octet/devices.h"

namespace octet::cuda::driver {

/// The dot products of bytes (dp4a) that the least demanding kernels are made of came with 6.1.
inline constexpr int kLeastComputeCapability = 61;

/// `visible`: what CUDA_VISIBLE_DEVICES says, null if it is not set. Never throws an Error: what cannot be
/// found out is a reason.
CudaDevices describe_devices(const Library& library, std::span<const std::byte> image, const char* visible);

/// One of them, with a reason if `index` is outside of the devices.
CudaDevice describe_device(const Library& library, int index, std::span<const std::byte> image,
                           const char* visible);
int count_devices(const Library& library);

/// What using a device needs.
struct Facts {
  DeviceId id = 0;
  std::string label;  ///< "CUDA device 0 (NVIDIA H200)"
  int sm = 0;
  int multiprocessors = 0;
  int most_shared_bytes = 0;  ///< of a block
};
/// Throws Error: kNotFound without driver or for an index outside of the devices, kUnsupported for a device
/// that cannot be used, kIo.
Facts usable_device(const Library& library, int index, std::span<const std::byte> image);

}  // namespace octet::cuda::driver
