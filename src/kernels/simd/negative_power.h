// t^-beta over F32x16, for local response normalisation: exp2(-beta * log2(t)) by polynomials, the same
// operations on every instruction set. Relative error below 1e-6 for |beta| <= 4 and any positive normal t
// whose power is normal. Include the instruction set's F32x16 first. Internal linkage throughout.
#pragma once

#include "kernels/simd/exponential.h"

namespace octet::kernels {
namespace {

/// log2 of a mantissa in [0.75, 1.5): the series of the inverse hyperbolic tangent in s = (m - 1) / (m + 1),
/// |s| <= 0.2, whose first term left out is below 6e-9.
inline F32x16 log2_of_mantissa(F32x16 mantissa) {
  constexpr double kTwoOverLn2 = 2.8853900817779268;
  const F32x16 one = broadcast(1);
  const F32x16 s = (mantissa - one) / (mantissa + one);
  const F32x16 s2 = s * s;
  F32x16 sum = broadcast(static_cast<float>(kTwoOverLn2 / 9));
  for (int n = 7; n >= 1; n -= 2)
    sum = fused_multiply_add(sum, s2, broadcast(static_cast<float>(kTwoOverLn2 / n)));
  return sum * s;
}

/// t^-beta for positive normal t. The exponent's part of -beta * log2(t) is split exactly into a whole number
/// and a fraction (a fused multiply-add gives the product's rest), so the error does not grow with t.
inline F32x16 negative_power(F32x16 t, float beta) {
  const F32x16 minus_beta = broadcast(-beta);
  const Split parts = split(t);
  F32x16 whole = round(minus_beta * parts.exponent);
  F32x16 fraction = fused_multiply_add(minus_beta, parts.exponent, broadcast(0) - whole);
  fraction = fused_multiply_add(minus_beta, log2_of_mantissa(parts.mantissa), fraction);
  const F32x16 carry = round(fraction);
  fraction = fraction - carry;
  whole = max(min(whole + carry, broadcast(127)), broadcast(-126));
  return exp2_of_fraction(fraction) * power_of_two(whole);
}

}  // namespace
}  // namespace octet::kernels
