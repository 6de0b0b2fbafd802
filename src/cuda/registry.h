// The list of all device kernels, for kernels::select.
#pragma once

#include <span>

#include "kernels/registry.h"

namespace octet::cuda {

/// Their `create` makes DeviceKernels. The cheapest one that a device of some compute capability can run is
/// the plan's.
std::span<const kernels::Entry> all_kernels();

}  // namespace octet::cuda
