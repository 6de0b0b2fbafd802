// From a description to the constants of the arithmetic, and what the family accepts: for the CPU's kernels
// and for those of other devices, which must agree to the bit. Not for instruction-set files.
#pragma once

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "kernels/integer/padding.h"
#include "kernels/lrn_i8/contract.h"
#include "kernels/op_desc.h"

namespace octet::kernels::lrn_i8 {

/// Squares that one window can hold.
inline std::int64_t window_elements(const LrnDesc& lrn) {
  if (lrn.across_channels) return std::min(lrn.size, lrn.map.padded_channels());
  return std::min(lrn.size, lrn.map.height) * std::min(lrn.size, lrn.map.width);
}
inline float largest_sum(const LrnDesc& lrn) { return static_cast<float>(window_elements(lrn) * 255 * 255); }

inline LrnI8Arithmetic arithmetic_of(const LrnDesc& desc) {
  const Quantization &in = desc.map.quantization, &out = desc.output.quantization;
  const auto size = static_cast<float>(desc.size);
  LrnI8Arithmetic a;
  a.zero_in = in.zero_point;
  a.a = desc.alpha / (desc.across_channels ? size : size * size) * (in.scale * in.scale);
  a.k = desc.across_channels ? desc.k : 1.0f;
  a.beta = desc.beta;
  a.ratio = in.scale / out.scale;
  std::transform(std::begin(kInverseFourthRoot), std::end(kInverseFourthRoot), std::begin(a.root),
                 [&](float term) { return term * a.ratio; });
  a.zero_out = static_cast<float>(out.zero_point);
  const double base = double{a.k} + double{a.a} * double{largest_sum(desc)};
  const double power = std::max(std::pow(double{a.k}, -double{a.beta}), std::pow(base, -double{a.beta}));
  a.bounded = 255 * power * double{a.ratio} < 32000;
  return a;
}

/// True if the contract's arithmetic is defined for all inputs of such maps.
inline bool accepts(const LrnDesc& lrn) {
  if (lrn.map.type != DataType::kUInt8 || lrn.output.type != DataType::kUInt8) return false;
  if (!integer::is_narrow_map(lrn.map) || !integer::is_narrow_map(lrn.output)) return false;
  if (!lrn.map.same_sizes(lrn.output) || lrn.size < 1 || lrn.size % 2 == 0) return false;
  if (!(lrn.alpha >= 0) || !(std::fabs(lrn.beta) <= 4)) return false;
  if (window_elements(lrn) > std::numeric_limits<std::int32_t>::max() / (255 * 255)) return false;
  // The power needs normal numbers, at its smallest and at its largest sum.
  const LrnI8Arithmetic a = arithmetic_of(lrn);
  if (!std::isnormal(a.k) || a.k < 0 || !std::isfinite(a.ratio)) return false;
  return std::isfinite(std::fmaf(largest_sum(lrn), a.a, a.k));
}

}  // namespace octet::kernels::lrn_i8
