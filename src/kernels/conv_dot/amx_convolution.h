// Convolution by tiles: what entries are made of. The kernels are a parameter, so
// that tests run the same driver over the portable model of the instructions.
#pragma once

#include <memory>

#include "kernels/conv_dot/amx_tiles.h"
#include "kernels/kernel.h"
#include "kernels/op_desc.h"

namespace octet::kernels::conv_dot {

/// Microseconds of an image on one core, in calls of `images`; below 0 if tiles cannot compute `desc`.
double amx_cost(const ConvDesc& desc, int images);
/// A fully connected layer is the convolution whose window is the whole map.
std::unique_ptr<Kernel> make_amx(const ConvDesc& desc, const AmxKernels& kernels);

}  // namespace octet::kernels::conv_dot
