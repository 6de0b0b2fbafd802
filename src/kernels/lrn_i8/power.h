// t^-beta for positive normal t, as a fixed sequence of IEEE operations: what the instruction sets' files do
// with vectors, said with scalars. For portable code. relative error: below 1.2e-5 for beta = 0.75, below
// 2e-6 for other |beta| <= 4 as long as the result is a normal number.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "kernels/lrn_i8/contract.h"
#include "kernels/lrn_i8/three_quarters.h"

namespace octet::kernels {

/// t^(-3/4) in two factors: a guess, and what it is off by (times what `terms` has beyond
/// kInverseFourthRoot).
struct ThreeQuarterFactors {
  float guess, root;
};
inline ThreeQuarterFactors three_quarter_factors(float t, const float (&terms)[kRootTerms]) {
  const auto bits = std::bit_cast<std::int32_t>(t);
  const float y = std::bit_cast<float>(kGuess - bits + (bits >> 2));
  const float ty = t * y;
  const float w = (ty * ty) * (ty * y);
  return {y, std::fmaf(w * w, std::fmaf(terms[0], w, terms[1]), std::fmaf(terms[2], w, terms[3]))};
}

/// The scalar twin of simd/negative_power.h, which explains it.
inline float negative_power(float t, float beta) {
  const auto bits = std::bit_cast<std::int32_t>(t);
  const std::int32_t binary_exponent = (bits - 0x3f400000) >> 23;
  const auto exponent = static_cast<float>(binary_exponent);
  const float mantissa = std::bit_cast<float>(bits - binary_exponent * (1 << 23));

  constexpr double kTwoOverLn2 = 2.8853900817779268, kLn2 = 0.69314718055994531;
  const float s = (mantissa - 1) / (mantissa + 1), s2 = s * s;
  auto log2 = static_cast<float>(kTwoOverLn2 / 9);
  for (int n = 7; n >= 1; n -= 2) log2 = std::fmaf(log2, s2, static_cast<float>(kTwoOverLn2 / n));
  log2 *= s;

  float whole = std::nearbyintf(-beta * exponent);
  float fraction = std::fmaf(-beta, exponent, 0.0f - whole);
  fraction = std::fmaf(-beta, log2, fraction);
  const float carry = std::nearbyintf(fraction);
  fraction -= carry;
  whole = std::fmax(std::fmin(whole + carry, 127.0f), -126.0f);

  const float x = fraction * static_cast<float>(kLn2);
  float exp2 = 1.0f / 5040;
  for (const float term : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f})
    exp2 = std::fmaf(exp2, x, term);
  return exp2 * std::bit_cast<float>((static_cast<std::int32_t>(whole) + 127) << 23);
}

/// The result before it is rounded, of q - z_in and of k + a S.
inline float lrn_value(float centred, float t, const LrnI8Arithmetic& a) {
  if (a.beta != 0.75f) return std::fmaf(centred * negative_power(t, a.beta), a.ratio, a.zero_out);
  const ThreeQuarterFactors power = three_quarter_factors(t, a.root);
  return std::fmaf(centred * power.guess, power.root, a.zero_out);
}

}  // namespace octet::kernels
