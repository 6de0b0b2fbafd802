// The family's vector code over F32x16, written once: each instruction set's file includes its F32x16 first,
// then this. Internal linkage throughout.
#pragma once

#include "kernels/lrn_f32/contract.h"
#include "kernels/simd/negative_power.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kLanes = 16;

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
    const F32x16 base = base_of(sum, power);
    // The power takes the bits of a NaN or an infinity for a number's; base - base is NaN then, else nothing.
    return x * (negative_power(base, power.beta) + (base - base));
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
