// t^-beta for positive normal t, operation by operation as kernels/simd/negative_power.h and
// kernels/lrn_i8/power.h have it; their comments say why it looks like that.
#pragma once

#include "cuda/device/base.h"

namespace octet::cuda::device {

OCTET_DEVICE float negative_power(float t, float beta) {
  const u32 bits = static_cast<u32>(as_bits(t));
  const s32 binary_exponent = static_cast<s32>(bits - 0x3f400000u) >> 23;
  const float exponent = static_cast<float>(binary_exponent);
  const float mantissa = as_float(static_cast<s32>(bits - (static_cast<u32>(binary_exponent) << 23)));

  constexpr double kTwoOverLn2 = 2.8853900817779268, kLn2 = 0.69314718055994531;
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

  const float x = fraction * static_cast<float>(kLn2);
  float exp2 = 1.0f / 5040;
  exp2 = fused(exp2, x, 1.0f / 720);
  exp2 = fused(exp2, x, 1.0f / 120);
  exp2 = fused(exp2, x, 1.0f / 24);
  exp2 = fused(exp2, x, 1.0f / 6);
  exp2 = fused(exp2, x, 0.5f);
  exp2 = fused(exp2, x, 1.0f);
  exp2 = fused(exp2, x, 1.0f);
  return exp2 * as_float((static_cast<s32>(whole) + 127) << 23);
}

}  // namespace octet::cuda::device
