// Every kernel of kernels.inc: its cost, below 0 for what it cannot compute, and its making. Costs are those
// of kernels::Entry, in microseconds on a device of the study's kind.
#pragma once

#include <memory>

#include "cuda/launch.h"
#include "kernels/op_desc.h"

namespace octet::cuda {

#define OCTET_CUDA_KERNEL(family, algorithm, sm, function)         \
  double function##_cost(const kernels::OpDesc& desc, int images); \
  std::unique_ptr<kernels::Kernel> function(const kernels::OpDesc& desc);
#include "cuda/kernels.inc"

}  // namespace octet::cuda
