// Fully connected layers as their definition says it: the reference of convolution with a window as large as
// the map.
#pragma once

#include <memory>

#include "kernels/kernel.h"
#include "kernels/op_desc.h"

namespace octet::kernels::fully_connected_dot {

/// `desc` must be one that as_fully_connected() takes.
std::unique_ptr<Kernel> make_reference(const FullyConnectedDesc& desc);

}  // namespace octet::kernels::fully_connected_dot
