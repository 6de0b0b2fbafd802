// Local response normalisation over kNchw16c maps (Krizhevsky et al. 2012, section 3.3, as Caffe defines it):
//
//   across channels  y = x / (k + alpha / size   * sum of x^2 over `size` neighbouring channels)^beta
//   within channel   y = x / (1 + alpha / size^2 * sum of x^2 over a size x size window)^beta
//
// What lies outside the map counts as zero. The denominator's base must be positive: k > 0, alpha >= 0.
//
// Arithmetic: sums run in rising channel (or row, then column) order, products and sums are rounded one by
// one. For beta 0.75 the power is 1 / (sqrt(t) * sqrt(sqrt(t))), all of it correctly rounded operations.
// Other exponents go through exp2(-beta * log2(t)) with a relative error below 1e-6 for beta up to 4 (and any
// normal t). Either way the result is the same to the bit on every instruction set. A NaN under the sum stays
// one.
//
// Across channels, the unit of work is a run of neighbouring pixels of one image. The run's squares are first
// laid down as [pixel][margin + channels + margin] with zeros in the margins, so that a neighbouring channel
// is just a shifted load. Within a channel it is one row of one channel block; the squares of the window's
// rows are summed by columns first, into a row with zero margins.
#pragma once

#include <cstdint>

namespace octet::kernels {

struct LrnPower {
  float alpha_over_size;  // alpha over the number of window elements
  float k, beta;
};

struct LrnPixels {
  const float* input;  // first pixel of the run in channel block 0; may be the same memory as the output
  float* output;
  std::int64_t block_pitch;  // floats from one channel block to the next, in input and output
  std::int64_t blocks;       // channel blocks
  std::int64_t pixels;       // of the run
  std::int64_t half;         // (size - 1) / 2
  float* squares;            // pixels x squares_pitch floats, margins zero, 64-byte aligned
  std::int64_t squares_pitch;
  std::int64_t margin;  // a multiple of 16, >= half
  LrnPower power;
};

struct LrnRow {
  const float* window_rows;  // pixel 0 of the first input row under the window
  std::int64_t rows;         // input rows under the window, >= 1
  std::int64_t row_pitch;    // floats from one row to the next
  const float* center;       // the row that is normalised
  float* output;
  std::int64_t width;
  std::int64_t half;
  float* column_sums;  // (half + width + half) pixels of 16 floats, the outer ones zero
  LrnPower power;
};

struct LrnF32Functions {
  void (*across_channels)(const LrnPixels& run);
  void (*within_channel)(const LrnRow& row);
};

extern const LrnF32Functions kLrnF32Generic;
extern const LrnF32Functions kLrnF32Avx2;
extern const LrnF32Functions kLrnF32Avx512;

}  // namespace octet::kernels
