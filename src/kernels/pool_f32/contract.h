// Pooling over kNchw16c maps: each output pixel is the maximum or the average of the input pixels under its
// window, the window clipped to the input; 16 channels at a time, so padding lanes stay zero by themselves.
//
// The unit of work is one output row of one channel block of one image. The Kernel class (pool_f32.cc) clips
// the window's rows and says which output pixels have their whole window inside the row ("interior"); an
// instruction set's functions do the arithmetic and clip columns at both ends.
//
// An average is the sum times the reciprocal of the divisor (one table for each row shape), which is within
// 1.2e-7 relative of the division. The order of a sum is fixed by the pixel's place, not by the split over
// workers nor by the instruction set. A NaN in a window makes its maximum one. A window that misses the
// input altogether gives 0 (shape inference makes none).
#pragma once

#include <cstdint>

namespace octet::kernels {

struct PoolRow {
  const float* input;      // pixel 0 of the first input row under the window
  float* output;           // pixel 0 of the output row
  std::int64_t rows;       // input rows under the window, clipped: >= 1
  std::int64_t row_pitch;  // floats from one input row to the next
  std::int64_t width;      // pixels of an input row
  std::int64_t out_width;  // pixels of the output row
  std::int64_t kernel_w, stride_w, pad_left;
  std::int64_t interior_begin, interior_end;  // output pixels with unclipped columns
  const float* reciprocals;                   // of averages: 1 / divisor of each output pixel
};

struct PoolF32Functions {
  void (*max_row)(const PoolRow& row);
  void (*average_row)(const PoolRow& row);
};

extern const PoolF32Functions kPoolF32Generic;
extern const PoolF32Functions kPoolF32Avx2;
extern const PoolF32Functions kPoolF32Avx512;

}  // namespace octet::kernels
