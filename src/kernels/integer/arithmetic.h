// The integer arithmetic of every operation, to the bit. All instruction sets give these results, and the
// reference kernels are written with these functions. (Instruction-set files cannot include it: inline
// functions there must have internal linkage. They state the same operations in intrinsics.)
//
// Convolution and fully connected layers:
//
//   acc = bias[k] + sum over taps of weight * input     s32, exact; quantize/integer_layer.h proves that it
//   fits t   = fma(float(acc), multiplier[k], addend)        one rounding; float(acc) rounds to nearest even
//   q   = round_half_even(min(max(t, low), high))       the clamp is in float, before the conversion
//
// The input's integers are taken as they lie: -zero_point * sum(weights) is part of the bias, and the halo
// holds the zero point. addend is the output's zero point, or with a residual
//
//   addend = fma(float(r), residual_scale, residual_offset)    r: the residual's integer
//   residual_scale  = s_residual / s_output
//   residual_offset = fma(-residual_scale, float(z_residual), float(z_output))
//
// so a shortcut costs one conversion and one fused multiply-add in registers, and is exact but for the
// rounding of `addend` (2^-24 of its size) -- an integer multiplier in the accumulator's units, the other way
// of doing it, would be off by up to 0.5 / multiplier: a whole level where the multiplier is below 128.
//
// A ReLU is the clamp: low = zero_point. A leaky one multiplies: t < z ? fma(t - z, slope, z) : t, before the
// clamp. A ReLU's limit is the clamp's other end: high is the integer that the limit is quantised to. FP32
// output: t with zero points 0 and no clamp, then min(max(t, 0) + slope * min(t, 0), limit) where there is a
// ReLU; an FP32 residual is added as it is: t = fma(float(acc), multiplier[k], r).
//
// Everything else is float operations in the order written, each rounded to nearest even; built with
// -ffp-contract=off, run in the default rounding mode (execute/ sees to it).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "kernels/layout.h"
#include "kernels/op_desc.h"
#include "octet/types.h"

namespace octet::kernels::integer {

/// Bounds of the integers of a tensor.
struct Range {
  float low, high;
};

/// Of a map of kUInt8 or kInt16.
inline Range range_of(const FeatureMap& map) {
  if (map.type == DataType::kUInt8) return {0, 255};
  const auto limit = static_cast<float>(map.quantization.limit);
  return {-limit, limit};
}

/// round_half_even(min(max(t, low), high)). Scales and integers are finite, so `t` is NaN only where a
/// caller's FP32 input is, and becomes `low` (the order of max's arguments says so).
inline std::int32_t to_integer(float t, Range range) {
  return static_cast<std::int32_t>(std::nearbyintf(std::min(std::max(range.low, t), range.high)));
}

/// One factor and one summand that bring an integer q of scale s_from to the scale of another tensor:
/// fma(float(q), scale, offset), offset = fma(-scale, z_from, z_to).
struct Rescale {
  float scale, offset;
};
inline Rescale rescale(const Quantization& from, const Quantization& to) {
  const float scale = from.scale / to.scale;
  return {scale, std::fmaf(-scale, static_cast<float>(from.zero_point), static_cast<float>(to.zero_point))};
}

inline float leaky(float t, float zero, float slope) {
  return t < zero ? std::fmaf(t - zero, slope, zero) : t;
}

/// FP32 -> integer: clamp(round_half_even(x / scale) + z), the quotient rounded to float first, as ONNX's
/// QuantizeLinear has it: a picture's bytes in a scale of (most - least) / 255 lie on ties.
inline std::int32_t quantize(float x, const Quantization& to, Range range) {
  return to_integer(std::nearbyintf(x / to.scale) + static_cast<float>(to.zero_point), range);
}
/// The bounds of a map's integers behind a ReLU.
inline Range range_of(const FeatureMap& map, const std::optional<ReluDesc>& relu) {
  Range range = range_of(map);
  if (!relu) return range;
  range.high = static_cast<float>(quantize(relu->limit, map.quantization, range));
  if (relu->slope == 0) range.low = static_cast<float>(map.quantization.zero_point);
  return range;
}

/// integer -> FP32: scale * (q - z).
inline float dequantize(std::int32_t q, const Quantization& from) {
  return from.scale * static_cast<float>(q - from.zero_point);
}

// Requantisation (kUInt8 or kInt16 to the same type of another quantisation):
//   to_integer(fma(float(q), scale, offset), range)                       with rescale(from, to)
// Max pooling: the largest integer of the window inside the input.
// Average pooling: sum = exact s32 sum of (q - z_in) over the window inside the input, divisor as in
// PoolDesc,
//   t = fma(float(sum), (s_in / s_out) / float(divisor), float(z_out)); FP32 output:
//   float(sum) * (s_in / float(divisor))
// Sum (eltwise), inputs i = 0, 1, ...: coefficient c_i (1 if none),
//   m_i = c_i * (s_i / s_out);  t = z_out as float, first t = fma(-m_i, float(z_i), t) for every i in order,
//   (these constants once), then t = fma(float(q_i), m_i, t) for every i in order; ReLU as above.
// Product (eltwise): p = float(q_0 - z_0); p = p * float(q_i - z_i) for every other input in order (of two
// kUInt8
//   exact); t = fma(p, scale, float(z_out)) with scale = s_0 / s_out, times s_i for every other input; ReLU
//   as above.
// Maximum, minimum (eltwise): each input requantised to the output's integers, then the largest or smallest;
// ReLU
//   after it.
// Channel affine: a = scale[c] * s_in / s_out (in that order), b = fma(-a, float(z_in), shift[c] / s_out +
// float(z_out)),
//   t = fma(float(q), a, b); ReLU as above.
// Local response normalisation: kernels/lrn_i8/contract.h. Other functions of one value: a table of 256
// bytes,
//   kernels/activation_i8/contract.h.

}  // namespace octet::kernels::integer
