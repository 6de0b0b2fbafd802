// Fully connected layers over the dot-product micro-kernels of one instruction set.
#pragma once

#include <memory>

#include "kernels/conv_dot/contract.h"
#include "kernels/kernel.h"
#include "kernels/op_desc.h"

namespace octet::kernels::fully_connected_dot {

/// `desc` must be one that as_fully_connected() takes, `kernels` those of its input's type.
std::unique_ptr<Kernel> make_fully_connected(const FullyConnectedDesc& desc,
                                             const conv_dot::ElementKernels& kernels);

}  // namespace octet::kernels::fully_connected_dot
