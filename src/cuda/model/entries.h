// All device kernels (cuda/registry.h) as kernels that run on the model, for plans that the CPU's executor
// runs.
#pragma once

#include <span>

#include "kernels/registry.h"

namespace octet::cuda::model {

std::span<const kernels::Entry> all_kernels_on_model();

}  // namespace octet::cuda::model
