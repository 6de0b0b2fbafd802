// Depthwise convolution (one input and one output channel a group) on kNchw16c maps, 16 channels at a time,
// read in place: at the borders the kernel's rectangle is clipped to the input.
#pragma once

#include <memory>

#include "kernels/conv_f32/contract.h"
#include "kernels/kernel.h"

namespace octet::kernels::conv_f32 {

inline bool is_depthwise(const ConvDesc& desc) {
  return desc.groups > 1 && desc.groups == desc.input.channels && desc.groups == desc.output.channels &&
         desc.input.layout == Layout::kNchw16c;
}

/// Packed weights: [channel block][ky][kx][16], then the bias, padded with zeros.
std::unique_ptr<Kernel> make_depthwise(const ConvDesc& desc, const DirectMicroKernels& micro);

}  // namespace octet::kernels::conv_f32
