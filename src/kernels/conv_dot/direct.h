// Direct convolution by dot products over the micro-kernels of one instruction set: what entries.cc makes the
// registry's lines of.
#pragma once

#include <memory>

#include "kernels/conv_dot/contract.h"
#include "kernels/kernel.h"
#include "kernels/op_desc.h"

namespace octet::kernels::conv_dot {

/// Microseconds of an image, for kernels that do `gops` 10^9 operations a second on an input of this type;
/// below 0 if the driver cannot compute `desc`.
double direct_cost(const OpDesc& desc, DataType input, double gops);
std::unique_ptr<Kernel> make_direct(const OpDesc& desc, const ElementKernels& kernels);

}  // namespace octet::kernels::conv_dot
