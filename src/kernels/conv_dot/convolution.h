// What the ways of computing a convolution of integers or BF16 share: the check of a description, the
// constants that follow from it, and its cost.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <variant>

#include "kernels/conv_dot/contract.h"
#include "kernels/integer/arithmetic.h"
#include "kernels/integer/padding.h"
#include "kernels/op_desc.h"

namespace octet::kernels::conv_dot {

constexpr std::int64_t divide_up(std::int64_t value, std::int64_t divisor) {
  return (value + divisor - 1) / divisor;
}

constexpr Element element_of(DataType type) {
  return type == DataType::kUInt8 ? Element::kU8 : type == DataType::kInt16 ? Element::kS16 : Element::kBf16;
}
constexpr Output output_of(DataType type) {
  return type == DataType::kUInt8      ? Output::kU8
         : type == DataType::kInt16    ? Output::kS16
         : type == DataType::kBFloat16 ? Output::kBf16
                                       : Output::kF32;
}

/// True if the maps beside the input and the output fit to them, and all integers have a meaning.
inline bool is_consistent(const ConvDesc& desc) {
  const FeatureMap &output = desc.output, &residual = desc.residual_map;
  if (!integer::has_valid_quantization(desc.input) || !integer::has_valid_quantization(output)) return false;
  if (!integer::has_valid_relu(desc.relu)) return false;
  if (desc.residual && (!residual.same_sizes(output) || residual.type != output.type ||
                        residual.layout != output.layout || !integer::has_valid_quantization(residual)))
    return false;
  if (desc.input.channels % desc.groups != 0 || output.channels % desc.groups != 0) return false;
  return desc.halo.empty() || static_cast<std::int64_t>(desc.halo.size()) == desc.input.channels;
}

/// The description if it is a convolution of `input` that this family computes, else null.
inline const ConvDesc* as_convolution(const OpDesc& desc, DataType input) {
  const ConvDesc* conv = std::get_if<ConvDesc>(&desc);
  if (conv == nullptr || conv->input.type != input || conv->input.layout != Layout::kNhwc) return nullptr;
  const FeatureMap& output = conv->output;
  const bool same_type = output.type == input && output.layout == Layout::kNhwc;
  const bool real = output.type == DataType::kFloat32 && output.layout == Layout::kNchw16c;
  return (same_type || real) && is_consistent(*conv) ? conv : nullptr;
}

/// The bytes between neighbours in an output or residual.
struct Steps {
  explicit Steps(const FeatureMap& map) : element(static_cast<std::int64_t>(size_of(map.type))) {
    const bool blocked = map.layout == Layout::kNchw16c;
    pixel = (blocked ? kChannelBlock : map.pixel_step()) * element;
    block = (blocked ? map.pixels() * kChannelBlock : kChannelBlock) * element;
  }
  std::int64_t element;
  std::int64_t pixel = 0;  ///< from one pixel to the next
  std::int64_t block = 0;  ///< from 16 channels to the next 16
};

/// Multiply-accumulates of one image.
inline double macs(const ConvDesc& desc) {
  const std::int64_t channels = desc.input.channels / desc.groups;
  return static_cast<double>(desc.output.pixels()) * static_cast<double>(desc.output.channels) *
         static_cast<double>(channels) * static_cast<double>(desc.window.kernel_h * desc.window.kernel_w);
}

// Costs are microseconds of an image on one core of about 3.5 GHz: rates in 10^9 operations (2 a
// multiply-add) per second, as a good kernel of the instruction set reaches them.
inline constexpr double kGenericGops = 2;
inline constexpr double kAvx2Gops = 150, kAvx512ExactGops = 170, kAvx512VnniGops = 430;
inline constexpr double kAvx2S16Gops = 160, kAvx512S16Gops = 190, kAvx512VnniS16Gops = 220;
inline constexpr double kAvx2Bf16Gops = 95, kAvx512Bf16AsF32Gops = 110, kAvx512Bf16Gops = 215;
inline double microseconds(double macs, double gops) { return 2 * macs / (gops * 1e3); }

/// How the accumulators of a layer become its outputs.
inline Epilogue epilogue_of(const ConvDesc& desc) {
  Epilogue e{};
  e.output = output_of(desc.output.type);
  const float slope = desc.relu ? desc.relu->slope : 0.0f;
  e.slope = slope;
  if (e.output == Output::kF32 || e.output == Output::kBf16) {
    e.low = -std::numeric_limits<float>::infinity();
    e.high = desc.relu ? desc.relu->limit : std::numeric_limits<float>::infinity();
    e.rectified = desc.relu.has_value();
    e.residual_scale = 1;
    return e;
  }
  const integer::Range range = integer::range_of(desc.output, desc.relu);
  e.low = range.low;
  e.high = range.high;
  e.zero = static_cast<float>(desc.output.quantization.zero_point);
  e.addend = e.zero;
  e.leaky = desc.relu && slope != 0;
  if (desc.residual) {
    const integer::Rescale r = integer::rescale(desc.residual_map.quantization, desc.output.quantization);
    e.residual_scale = r.scale;
    e.residual_offset = r.offset;
  }
  return e;
}

/// The same for output channels whose multipliers are small: products stay below 2^30.
inline Epilogue bounded(Epilogue e) {
  const float largest_addend = 255 * e.residual_scale + std::abs(e.residual_offset);
  e.bounded =
      e.output == Output::kU8 && !e.leaky && e.high == 255 && largest_addend < static_cast<float>(1 << 29);
  return e;
}
inline bool are_small(std::span<const float> multipliers) {
  return std::all_of(multipliers.begin(), multipliers.end(), [](float m) { return std::abs(m) <= 0.5f; });
}

}  // namespace octet::kernels::conv_dot
