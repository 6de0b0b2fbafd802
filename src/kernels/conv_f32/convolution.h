// What the ways of computing an FP32 convolution share: the check of a description, its operands and its
// cost.
#pragma once

#include <algorithm>
#include <cstdint>
#include <variant>

#include "kernels/op_desc.h"
#include "kernels/simd/relu_activation.h"

namespace octet::kernels::conv_f32 {

/// The description if it is an FP32 convolution that this family computes, else null.
inline const ConvDesc* as_convolution(const OpDesc& desc) {
  const ConvDesc* conv = std::get_if<ConvDesc>(&desc);
  const bool ours = conv != nullptr && conv->output.layout == Layout::kNchw16c &&
                    conv->input.type == DataType::kFloat32 && conv->output.type == DataType::kFloat32;
  return ours ? conv : nullptr;
}

/// Multiply-accumulates of one image.
inline double macs(const ConvDesc& desc) {
  const std::int64_t channels_of_group = desc.input.channels / desc.groups;
  return static_cast<double>(desc.output.pixels()) * static_cast<double>(desc.output.channels) *
         static_cast<double>(channels_of_group) *
         static_cast<double>(desc.window.kernel_h * desc.window.kernel_w);
}

// Costs are microseconds of an image on one core of about 3.5 GHz: rates in multiply-adds (2 operations) per
// second, as a good kernel of the instruction set reaches them.
inline constexpr double kGenericGflops = 1, kAvx2Gflops = 100, kAvx512Gflops = 112;
inline double microseconds(double macs, double gflops) { return 2 * macs / (gflops * 1e3); }

}  // namespace octet::kernels::conv_f32
