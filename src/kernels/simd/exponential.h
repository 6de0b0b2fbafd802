// Powers of 2 and e over F32x16, by polynomials: the same operations on every instruction set. Include the
// instruction set's F32x16 first. Internal linkage throughout.
#pragma once

namespace octet::kernels {
namespace {

/// 2^f for |f| <= 0.5: the series of e^(f ln 2), whose first term left out is below 6e-9.
inline F32x16 exp2_of_fraction(F32x16 f) {
  constexpr double kLn2 = 0.69314718055994531;
  const F32x16 x = f * broadcast(static_cast<float>(kLn2));
  F32x16 sum = broadcast(1.0f / 5040);
  constexpr float kInverseFactorials[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1, 1};
  for (const float term : kInverseFactorials) sum = fused_multiply_add(sum, x, broadcast(term));
  return sum;
}

/// e^x for x in [-87, 88], where it is normal; a NaN stays. Relative error below 3e-7: x / ln 2 is split into
/// a whole number and a fraction, with 1 / ln 2 in two parts so that the fraction's error does not grow with
/// x.
inline F32x16 exponential(F32x16 x) {
  constexpr double kInverseLn2 = 1.4426950408889634;
  constexpr auto kHigh = static_cast<float>(kInverseLn2);
  constexpr auto kLow = static_cast<float>(kInverseLn2 - static_cast<double>(kHigh));
  const F32x16 whole = round(x * broadcast(kHigh));
  F32x16 fraction = fused_multiply_add(x, broadcast(kHigh), broadcast(0) - whole);
  fraction = fused_multiply_add(x, broadcast(kLow), fraction);
  return exp2_of_fraction(fraction) * power_of_two(whole);
}

}  // namespace
}  // namespace octet::kernels
