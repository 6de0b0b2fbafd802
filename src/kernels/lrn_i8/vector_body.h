// The family's vector code, written once: each instruction set's file includes its units_*.h first, then
// this. Internal linkage throughout.
#pragma once

#include "kernels/lrn_i8/contract.h"
#include "kernels/simd/negative_power.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kLanes = 16;

/// The result before it is rounded, of q - z_in and of k + a S.
struct ThreeQuarters {
  static F32x16 value(F32x16 centred, F32x16 t, const LrnI8Arithmetic& a) {
    const F32x16 y = guess_three_quarters(t), ty = t * y;
    const F32x16 w = (ty * ty) * (ty * y);
    const F32x16 high = fused_multiply_add(broadcast(a.root[0]), w, broadcast(a.root[1]));
    const F32x16 low = fused_multiply_add(broadcast(a.root[2]), w, broadcast(a.root[3]));
    return fused_multiply_add(centred * y, fused_multiply_add(w * w, high, low), broadcast(a.zero_out));
  }
};
struct AnyExponent {
  static F32x16 value(F32x16 centred, F32x16 t, const LrnI8Arithmetic& a) {
    return fused_multiply_add(centred * negative_power(t, a.beta), broadcast(a.ratio), broadcast(a.zero_out));
  }
};

/// What is left of a result is rounding and saturation to a byte.
template <class Exponent>
inline F32x16 normalise(F32x16 centred, F32x16 sum, const LrnI8Arithmetic& a) {
  const F32x16 q = Exponent::value(centred, fused_multiply_add(sum, broadcast(a.a), broadcast(a.k)), a);
  return a.bounded ? q : min(max(q, broadcast(0)), broadcast(255));
}

/// Sums of squares around each channel of a unit, from pairs that begin at even distances: the windows of an
/// even channel and of the odd one behind it share all pairs but the outermost.
inline Unit window_sums(const std::int16_t* unit, std::int64_t half) {
  if (half % 2 == 0) {
    const Words before = load_words(unit - half), behind = load_words(unit + half);
    if (half == 0) return unit_of(even_squares(before), odd_squares(before));
    Pairs shared = squares(load_words(unit - half + 2));
    for (std::int64_t i = 4 - half; i < half; i += 2) shared = shared + squares(load_words(unit + i));
    return unit_of(shared + squares(before) + even_squares(behind),
                   shared + squares(behind) + odd_squares(before));
  }
  Pairs shared = squares(load_words(unit - half + 1));
  for (std::int64_t i = 3 - half; i < half; i += 2) shared = shared + squares(load_words(unit + i));
  return unit_of(shared + odd_squares(load_words(unit - half - 1)),
                 shared + even_squares(load_words(unit + half + 1)));
}

/// kHalf -1: as the run says.
template <class Exponent, int kHalf>
void normalise_pixels(const LrnI8Pixels& run) {
  const LrnI8Arithmetic arithmetic = run.arithmetic;
  for (std::int64_t p = 0; p < run.pixels; ++p) {
    const std::int16_t* centred = run.centred + p * run.pitch + run.margin;
    std::uint8_t* output = run.output + p * run.output_step;
    for (std::int64_t c = 0; c < run.channels; c += kUnit) {
      const Unit sums = window_sums(centred + c, kHalf >= 0 ? kHalf : run.half);
      Unit values = values_of(load_words(centred + c));
      for (int i = 0; i < kParts; ++i)
        values.part[i] = normalise<Exponent>(values.part[i], sums.part[i], arithmetic);
      store_unit(output + c, values, run.channels - c < kUnit ? run.channels - c : kUnit);
    }
  }
}

void across_channels(const LrnI8Pixels& run) {
  for (std::int64_t p = 0; p < run.pixels; ++p) {
    std::int16_t* centred = run.centred + p * run.pitch + run.margin;
    for (std::int64_t c = 0; c < run.channels; c += kUnit)
      store_centred(centred + c, run.input + p * run.input_step + c, run.arithmetic.zero_in,
                    run.channels - c < kUnit ? run.channels - c : kUnit);
  }
  if (run.arithmetic.beta != 0.75f) {
    normalise_pixels<AnyExponent, -1>(run);
  } else if (run.half == 2) {
    normalise_pixels<ThreeQuarters, 2>(run);
  } else {
    normalise_pixels<ThreeQuarters, -1>(run);
  }
}

inline S32x16 centred_at(const std::uint8_t* q, S32x16 zero) {
  return sums_of_u8(reinterpret_cast<const std::byte*>(q)) - zero;
}

template <class Exponent>
void normalise_row(const LrnI8Row& row) {
  const LrnI8Arithmetic arithmetic = row.arithmetic;
  const S32x16 zero = all_sums(arithmetic.zero_in);
  for (std::int64_t c = 0; c < row.channels; c += kLanes) {
    for (std::int64_t x = 0; x < row.width; ++x) {
      S32x16 sum = all_sums(0);
      for (std::int64_t y = 0; y < row.rows; ++y)
        sum = sum + square(centred_at(row.window_rows + y * row.row_pitch + x * row.input_step + c, zero));
      store_sums(row.column_sums + (row.half + x) * kLanes, sum);
    }
    for (std::int64_t x = 0; x < row.width; ++x) {
      const std::int32_t* window = row.column_sums + x * kLanes;
      S32x16 sum = load_sums(window);
      for (std::int64_t i = 1; i <= 2 * row.half; ++i) sum = sum + load_sums(window + i * kLanes);
      const F32x16 value = to_float(centred_at(row.center + x * row.input_step + c, zero));
      const F32x16 q = normalise<Exponent>(value, to_float(sum), arithmetic);
      store_u8(reinterpret_cast<std::byte*>(row.output + x * row.output_step + c),
               min(max(q, broadcast(0)), broadcast(255)));
    }
  }
}

void within_channel(const LrnI8Row& row) {
  if (row.arithmetic.beta == 0.75f) {
    normalise_row<ThreeQuarters>(row);
  } else {
    normalise_row<AnyExponent>(row);
  }
}

}  // namespace
}  // namespace octet::kernels
