// The family's vector code over F32x16, written once: each instruction set's file includes its F32x16 first,
// then this. Internal linkage throughout.
#pragma once

#include "kernels/lrn_f32/contract.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kLanes = 16;

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

/// 2^f for |f| <= 0.5: the series of e^(f ln 2), whose first term left out is below 6e-9.
inline F32x16 exp2_of_fraction(F32x16 f) {
  constexpr double kLn2 = 0.69314718055994531;
  const F32x16 x = f * broadcast(static_cast<float>(kLn2));
  F32x16 sum = broadcast(1.0f / 5040);
  constexpr float kInverseFactorials[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1, 1};
  for (const float term : kInverseFactorials) sum = fused_multiply_add(sum, x, broadcast(term));
  return sum;
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

inline F32x16 base_of(F32x16 sum, const LrnPower& power) {
  return broadcast(power.k) + broadcast(power.alpha_over_size) * sum;
}
struct ThreeQuarters {
  static F32x16 normalise(F32x16 x, F32x16 sum, const LrnPower& power) {
    const F32x16 root = sqrt(base_of(sum, power));
    return x / (root * sqrt(root));
  }
};
struct AnyExponent {
  static F32x16 normalise(F32x16 x, F32x16 sum, const LrnPower& power) {
    return x * negative_power(base_of(sum, power), power.beta);
  }
};

/// kHalf -1: as the run says.
template <class Exponent, int kHalf>
void normalise_pixels(const LrnPixels& run) {
  const std::int64_t half = kHalf >= 0 ? kHalf : run.half;
  for (std::int64_t block = 0; block < run.blocks; ++block) {
    const float* x = run.input + block * run.block_pitch;
    float* y = run.output + block * run.block_pitch;
    const float* squares = run.squares + run.margin + block * kLanes;
    for (std::int64_t p = 0; p < run.pixels; ++p) {
      const float* window = squares + p * run.squares_pitch - half;
      F32x16 sum = load(window);
      for (std::int64_t i = 1; i <= 2 * half; ++i) sum = sum + load(window + i);
      store(y + p * kLanes, Exponent::normalise(load(x + p * kLanes), sum, run.power));
    }
  }
}

void across_channels(const LrnPixels& run) {
  for (std::int64_t block = 0; block < run.blocks; ++block) {
    const float* x = run.input + block * run.block_pitch;
    float* squares = run.squares + run.margin + block * kLanes;
    for (std::int64_t p = 0; p < run.pixels; ++p) {
      const F32x16 value = load(x + p * kLanes);
      store(squares + p * run.squares_pitch, value * value);
    }
  }
  if (run.power.beta != 0.75f) {
    normalise_pixels<AnyExponent, -1>(run);
  } else if (run.half == 2) {
    normalise_pixels<ThreeQuarters, 2>(run);
  } else {
    normalise_pixels<ThreeQuarters, -1>(run);
  }
}

template <class Exponent>
void normalise_row(const LrnRow& row) {
  for (std::int64_t x = 0; x < row.width; ++x) {
    const float* window = row.column_sums + x * kLanes;
    F32x16 sum = load(window);
    for (std::int64_t i = 1; i <= 2 * row.half; ++i) sum = sum + load(window + i * kLanes);
    store(row.output + x * kLanes, Exponent::normalise(load(row.center + x * kLanes), sum, row.power));
  }
}

void within_channel(const LrnRow& row) {
  for (std::int64_t x = 0; x < row.width; ++x) {
    F32x16 sum = broadcast(0);
    for (std::int64_t y = 0; y < row.rows; ++y) {
      const F32x16 value = load(row.window_rows + y * row.row_pitch + x * kLanes);
      sum = sum + value * value;
    }
    store(row.column_sums + (row.half + x) * kLanes, sum);
  }
  if (row.power.beta == 0.75f) {
    normalise_row<ThreeQuarters>(row);
  } else {
    normalise_row<AnyExponent>(row);
  }
}

}  // namespace
}  // namespace octet::kernels
