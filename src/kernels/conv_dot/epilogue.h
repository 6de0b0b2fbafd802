// How 16 sums become 16 outputs: the arithmetic of kernels/integer/arithmetic.h over F32x16. Included by
// instruction-set files only, after simd/narrow_avx2.h or its twin, so that everything has internal linkage.
#pragma once

#include "kernels/conv_dot/contract.h"

namespace octet::kernels::conv_dot {
namespace {

/// Rounded and written as u8 or s16 by the caller. `addend`: the epilogue's, or what a residual makes of it.
inline F32x16 requantize(F32x16 sums, F32x16 multipliers, F32x16 addend, const Epilogue& e) {
  F32x16 t = fused_multiply_add(sums, multipliers, addend);
  if (e.leaky) {
    const F32x16 zero = broadcast(e.zero);
    t = where_less(t, zero, fused_multiply_add(t - zero, broadcast(e.slope), zero), t);
  }
  return min(max(t, broadcast(e.low)), broadcast(e.high));
}

inline F32x16 residual_addend(F32x16 residual, const Epilogue& e) {
  return fused_multiply_add(residual, broadcast(e.residual_scale), broadcast(e.residual_offset));
}

/// The ReLU of FP32 and BF16 outputs; a NaN stays.
inline F32x16 rectify(F32x16 t, const Epilogue& e) {
  if (!e.rectified) return t;
  const F32x16 zero = broadcast(0.0f), positive = max(zero, t);
  return e.slope == 0.0f ? positive : positive + broadcast(e.slope) * min(zero, t);
}

}  // namespace
}  // namespace octet::kernels::conv_dot
