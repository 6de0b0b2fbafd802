// t^-beta for positive normal t, as a fixed sequence of IEEE operations: what the instruction sets' files do
// with vectors, said with scalars. For portable code. relative error: below 1.5e-6 for beta = 0.75, below
// 2e-6 for |beta| <= 4 as long as the result is a normal number.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "kernels/lrn_i8/three_quarters.h"

namespace octet::kernels {

inline float power_of_minus_three_quarters(float t) {
  const auto bits = std::bit_cast<std::int32_t>(t);
  const float y = std::bit_cast<float>(kGuess - bits + (bits >> 2));
  const float ty = t * y;
  const float w = (ty * ty) * (ty * y);
  float root = kInverseFourthRoot[0];
  for (int i = 1; i < 5; ++i) root = std::fmaf(root, w, kInverseFourthRoot[i]);
  return y * root;
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

inline float lrn_power(float t, float beta) {
  return beta == 0.75f ? power_of_minus_three_quarters(t) : negative_power(t, beta);
}

}  // namespace octet::kernels
