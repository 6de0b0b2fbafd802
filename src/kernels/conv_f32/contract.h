// FP32 convolution computed directly (implicit GEMM, no im2col): what the driver in direct.cc asks of an
// instruction set. This header is all that an instruction-set file sees, so it holds plain data only.
//
// The output is kNchw16c. The input is either kNchw16c, a *unit* being 16 channels and a pixel 16 floats, or
// kNchw, a unit being one channel and a pixel one float (first layers of 1 to 4 channels). The driver gives
// the micro-kernel pixels at a constant distance of one pixel: it reads 1x1 convolutions in place, and copies
// everything else into zero-padded scratch whose columns and rows are split by stride phase
// (direct_geometry.h). A *tap* is one kernel position of one unit, stated as an offset in floats from the
// output pixel's own input address.
//
// Packed weights: [block of output channels][chunk of units][unit][ky][kx][channel in unit][lane], float.
// A block has 16 * vectors lanes; lanes beyond the last output channel hold zero, so padding lanes of the
// output come out as zero. A last unit with fewer than 16 channels is cut to a multiple of four.
#pragma once

#include <cstdint>

#include "kernels/simd/activation.h"

namespace octet::kernels::conv_f32 {

/// One call of a micro-kernel: `rows` output pixels times 16 * `vectors` output channels over a chunk of
/// taps. The rows lie in two runs: the first (rows + 1) / 2 from the given addresses on, the others from
/// `gap` floats further on, so that two short rows of a small map fill the registers together.
///
///   sum = bias ? bias (+ residual) : output        first chunk, or partial sums of the chunks before
///   sum += input[tap + row][c] * weights[tap][c]   in this order, for every tap and channel
///   output = activation(sum)                       the driver passes none for all but the last chunk
///
/// Weights, bias, residual and output are aligned to 64 bytes, the input to the float.
struct DirectBlock {
  const float* input;
  std::int64_t input_gap;
  const std::int64_t* taps;
  std::int64_t full_taps;   ///< taps of whole units, which come first
  std::int64_t tail_taps;   ///< taps of the last, cut unit (0 for kNchw)
  std::int64_t tail_quads;  ///< its channels / 4
  const float* weights;
  const float* ahead;        ///< weights that will be used soon: `ahead_lines` cache lines of them are
  std::int64_t ahead_lines;  ///< prefetched with each tap
  const float* bias;         ///< null after the first chunk
  const float* residual;     ///< null if there is none and after the first chunk
  std::int64_t residual_gap;
  float* output;  ///< may be the very memory of `residual`
  std::int64_t output_gap;
  std::int64_t vector_stride;  ///< floats from one 16-channel block of output and residual to the next
  Activation activation;
};

/// Depthwise: `pixels` outputs next to each other of 16 channels, each the sum over a rectangle of kernel
/// positions that all lie inside the input. Steps count floats.
struct DepthwiseRun {
  const float* input;
  std::int64_t pixel_step;  ///< input floats from one output pixel to the next
  std::int64_t kernel_h, kernel_w;
  std::int64_t row_step, column_step;  ///< input floats from one kernel row (column) to the next
  const float* weights;                ///< [ky][kx][16]
  std::int64_t weights_row_step;
  const float* bias;
  const float* residual;  ///< null if there is none
  float* output;          ///< may be the very memory of `residual`
  std::int64_t pixels;
  Activation activation;
};

inline constexpr int kMaxRows = 14;
inline constexpr int kMaxVectors = 2;

/// What one instruction set offers.
struct DirectMicroKernels {
  int max_rows;     ///< rows a block may have, <= kMaxRows
  int max_vectors;  ///< 16-channel blocks a block may have, <= kMaxVectors
  /// block[planar input][vectors - 1][rows - 1]
  void (*block[2][kMaxVectors][kMaxRows])(const DirectBlock&);
  void (*depthwise)(const DepthwiseRun&);
};

extern const DirectMicroKernels kDirectAvx2;
extern const DirectMicroKernels kDirectAvx512;

}  // namespace octet::kernels::conv_f32
