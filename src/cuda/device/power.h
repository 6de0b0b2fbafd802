// Powers: 2^f, and t^-beta for positive normal t, operation by operation as kernels/simd/negative_power.h and
// kernels/lrn_i8/power.h have it; their comments say why it looks like that.
#pragma once

#include "cuda/device/base.h"

namespace octet::cuda::device {

/// 2^f for |f| <= 0.5.
OCTET_DEVICE float exp2_of_fraction(float f) {
  const float x = f * static_cast<float>(0.69314718055994531);
  float sum = 1.0f / 5040;
  sum = fused(sum, x, 1.0f / 720);
  sum = fused(sum, x, 1.0f / 120);
  sum = fused(sum, x, 1.0f / 24);
  sum = fused(sum, x, 1.0f / 6);
  sum = fused(sum, x, 0.5f);
  sum = fused(sum, x, 1);
  return fused(sum, x, 1);
}

/// t^-beta.
OCTET_DEVICE float negative_power(float t, float beta) {
  const u32 bits = static_cast<u32>(as_bits(t));
  const s32 binary_exponent = static_cast<s32>(bits - 0x3f400000u) >> 23;
  const float exponent = static_cast<float>(binary_exponent);
  const float mantissa = as_float(static_cast<s32>(bits - (static_cast<u32>(binary_exponent) << 23)));

  constexpr double kTwoOverLn2 = 2.8853900817779268;
  const float s = divide(mantissa - 1, mantissa + 1), s2 = s * s;
  float log2 = static_cast<float>(kTwoOverLn2 / 9);
  log2 = fused(log2, s2, static_cast<float>(kTwoOverLn2 / 7));
  log2 = fused(log2, s2, static_cast<float>(kTwoOverLn2 / 5));
  log2 = fused(log2, s2, static_cast<float>(kTwoOverLn2 / 3));
  log2 = fused(log2, s2, static_cast<float>(kTwoOverLn2 / 1));
  log2 = log2 * s;

  float whole = round_even(-beta * exponent);
  float fraction = fused(-beta, exponent, 0.0f - whole);
  fraction = fused(-beta, log2, fraction);
  const float carry = round_even(fraction);
  fraction = fraction - carry;
  whole = larger(smaller(whole + carry, 127.0f), -126.0f);

  return exp2_of_fraction(fraction) * as_float((static_cast<s32>(whole) + 127) << 23);
}

}  // namespace octet::cuda::device
