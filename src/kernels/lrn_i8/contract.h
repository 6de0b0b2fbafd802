// Local response normalisation from bytes to bytes over kNhwc maps, without leaving the registers between:
//
//   S = sum of (q - z_in)^2 over the window, exact in s32; what lies outside the map counts as zero
//   t = fma(float(S), a, k)
//         across channels  a = alpha / float(size) * (s_in * s_in)
//         within channel   a = alpha / (float(size) * float(size)) * (s_in * s_in), k = 1
//   q = to_integer(fma(float(q - z_in) * p, s_in / s_out, float(z_out)))    p = t^-beta
//         beta 0.75        p is a product of two factors, and the ratio goes into the second:
//                          fma(float(q - z_in) * guess, root * (s_in / s_out), float(z_out))
//
// The power is a fixed sequence of operations (power.h), the same on every instruction set. Its relative
// error is below 2e-6 (beta 0.75: below 1.2e-5), so a result differs from the exact one only where that lies
// within 255 times as much of a tie.
//
// Across channels, the unit of work is a run of neighbouring pixels of one image. Their q - z_in are first
// laid down as 16-bit integers, [pixel][margin + channels + margin] with zeros in the margins, so that a
// neighbouring channel is just a shifted load, and two neighbours' squares are one multiply-add of pairs.
// Within a channel it is one row; the squares of the window's rows are summed by columns first, into a row of
// 16 channels with zero margins.
#pragma once

#include <cstdint>

#include "kernels/lrn_i8/three_quarters.h"

namespace octet::kernels {

struct LrnI8Arithmetic {
  std::int32_t zero_in;
  float a, k, beta;
  float ratio;             // s_in / s_out
  float root[kRootTerms];  // kInverseFourthRoot times the ratio
  float zero_out;
  /// No result lies beyond 16 bits, so that the clamp may follow the rounding.
  bool bounded;
};

struct LrnI8Pixels {
  const std::uint8_t* input;  // first pixel of the run; may be the same memory as the output
  std::uint8_t* output;
  std::int64_t input_step, output_step;  // from one pixel to the next
  std::int64_t channels;                 // padded: a multiple of 16
  std::int64_t pixels;
  std::int64_t half;      // (size - 1) / 2
  std::int16_t* centred;  // pixels x pitch, margins zero, 64-byte aligned
  std::int64_t pitch;
  std::int64_t margin;  // a multiple of 32, >= half + kLrnI8Slack
  LrnI8Arithmetic arithmetic;
};
/// Vectors of 32 channels read this far beyond a window.
inline constexpr std::int64_t kLrnI8Slack = 17;

struct LrnI8Row {
  const std::uint8_t* window_rows;  // pixel 0 of the first input row under the window
  std::int64_t rows;                // input rows under the window, >= 1
  std::int64_t row_pitch;           // from one input row to the next
  const std::uint8_t* center;       // the row that is normalised
  std::uint8_t* output;
  std::int64_t input_step, output_step;
  std::int64_t channels;  // padded
  std::int64_t width;
  std::int64_t half;
  std::int32_t* column_sums;  // (half + width + half) pixels of 16 integers, the outer ones zero
  LrnI8Arithmetic arithmetic;
};

struct LrnI8Functions {
  void (*across_channels)(const LrnI8Pixels& run);
  void (*within_channel)(const LrnI8Row& row);
};

extern const LrnI8Functions kLrnI8Generic;
extern const LrnI8Functions kLrnI8Avx2;
extern const LrnI8Functions kLrnI8Avx512;

}  // namespace octet::kernels
