// Element-wise operations on kNhwc maps of kUInt8 or kInt16, each operand with a quantisation of its own:
//
//   sum      t = constant; t = fma(float(q_i), m_i, t) for every input in order; q = to_integer(relu(t))
//   product  p = float(q_0) - z_0; p = p * (float(q_i) - z_i) for every other input in order;
//            t = fma(p, scale, z); q = to_integer(relu(t))
//   maximum  t_i = fma(float(q_i), scale_i, offset_i); the largest of the to_integer(t_i), then the ReLU
//   minimum  the smallest of them
//   channel affine  t = fma(float(q), a[c], b[c]); q = to_integer(relu(t))
//
// with the factors that kernels/integer/arithmetic.h defines. A plain ReLU is the clamp's lower bound (of the
// zero point), its limit the upper one; a leaky one is leaky(t, z, slope) before it. Clamping and rounding
// keep order, so the maximum may be taken before them.
//
// The unit of work is a run of neighbouring pixels of one image, all padded channels (a multiple of 16) of
// each. Output and input may be the same memory where their pixel strides agree.
#pragma once

#include <cstddef>
#include <cstdint>

namespace octet::kernels {

/// The last step of all.
struct EltwiseI8Finish {
  float low, high;  // bounds of the output's integers, the ReLU's among them
  float zero;       // the output's zero point
  float slope;      // of a leaky ReLU
  bool leaky;
};

struct EltwiseI8Input {
  const std::byte* data;    // first pixel of the run
  std::int64_t pixel_step;  // elements; 0 where one pixel is repeated
  // Of a maximum or minimum; of a sum m_i, and in the first input the constant; of a product the zero point.
  float scale, offset;
};

struct EltwiseI8Run {
  const EltwiseI8Input* inputs;
  std::int64_t input_count;  // >= 2
  std::byte* output;
  std::int64_t output_step;  // elements from one pixel to the next
  std::int64_t channels;     // padded: a multiple of 16
  std::int64_t pixels;
  float range_low;  // of a maximum or minimum: the lower bound without a ReLU
  float scale;      // of a product
  EltwiseI8Finish finish;
};
using EltwiseI8Function = void (*)(const EltwiseI8Run& run);

struct AffineI8Run {
  const std::byte* input;
  std::byte* output;
  std::int64_t input_step, output_step;
  std::int64_t channels;  // padded
  std::int64_t pixels;
  const float* factors;  // a, one a padded channel
  const float* offsets;  // b
  EltwiseI8Finish finish;
};
using AffineI8Function = void (*)(const AffineI8Run& run);

struct EltwiseI8Functions {
  EltwiseI8Function sum_u8, sum_s16, product_u8, product_s16, max_u8, max_s16, min_u8, min_s16;
  AffineI8Function affine_u8, affine_s16;
};

extern const EltwiseI8Functions kEltwiseI8Generic;
extern const EltwiseI8Functions kEltwiseI8Avx2;
extern const EltwiseI8Functions kEltwiseI8Avx512;

}  // namespace octet::kernels
