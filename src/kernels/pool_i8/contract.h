// Pooling over kNhwc maps of kUInt8, kInt16 or kBFloat16: each output pixel is the maximum or the average of
// the input pixels under its window, the window clipped to the input, all padded channels of a pixel alike
// (padding lanes stay at the zero point by themselves).
//
//   maximum  the largest integer; BF16: the largest in the order of sign and magnitude (-0 below
//            +0), or one of the NaN if there are any
//   average  t = fma(float(sum of q - z_in), factor, float(z_out)), factor = (s_in / s_out) / float(divisor);
//            FP32 output of kUInt8: float(sum) * factor, factor = s_in / float(divisor);
//            BF16: FP32 sum from 0 on, row by row, times factor = 1 / divisor, rounded to nearest even
//
// The unit of work is one output row of one image. The Kernel class (pool_i8.cc) clips the window's rows and
// says which output pixels have their whole window inside the row ("interior"); an instruction set's
// functions do the arithmetic and clip columns at both ends. A window that misses the input gives the zero
// point. The driver makes sure that the sum of no window leaves s32.
#pragma once

#include <cstddef>
#include <cstdint>

namespace octet::kernels {

struct PoolI8Row {
  const std::byte* input;   // pixel 0 of the first input row under the window
  std::byte* output;        // pixel 0 of the output row
  std::int64_t rows;        // input rows under the window, clipped: >= 1
  std::int64_t row_pitch;   // elements from one input row to the next
  std::int64_t pixel_step;  // elements from one input pixel to the next
  std::int64_t width;       // pixels of an input row
  std::int64_t out_width;   // pixels of the output row
  std::int64_t out_step;    // elements from one output pixel to the next (FP32 output: 16)
  std::int64_t out_plane;   // FP32 output: floats from one channel block to the next
  std::int64_t channels;    // padded: a multiple of 16
  std::int64_t kernel_w, stride_w, pad_left;
  std::int64_t interior_begin, interior_end;  // output pixels with unclipped columns
  std::int32_t zero_in;
  float zero_out, low, high;  // zero point and bounds of the output's integers
  const float* factors;       // of averages, one an output pixel
};
using PoolI8Function = void (*)(const PoolI8Row& row);

struct PoolI8Functions {
  PoolI8Function max_u8, max_s16, max_bf16;
  PoolI8Function average_u8, average_s16, average_bf16;
  PoolI8Function average_u8_to_f32;
};

extern const PoolI8Functions kPoolI8Generic;
extern const PoolI8Functions kPoolI8Avx2;
extern const PoolI8Functions kPoolI8Avx512;

}  // namespace octet::kernels
