// Depthwise convolution of bytes (one input and one output channel a group) over kNhwc maps. Arithmetic:
// kernels/integer/arithmetic.h, convolution.
//
// A dot-product instruction sums neighbouring bytes, and here no two channels may meet in a sum: what lies
// side by side must be taps of one channel. So input rows are interleaved first, `kRows` of them (4 bytes, or
// 2 integers of 16 bits) in the 4 bytes of a lane, a *quad*, and multiplied from there:
//
//   interleave   16, 32 or 64 channels of some input rows -> columns [column][group][vector][lane]
//   multiply     columns x packed weights -> output pixels of one row, or two that read the same columns
//
// One interleaved column serves all kernel columns, and of two output rows both: with 3 x 3 kernels the rows
// y - 1 ... y + 2 make one quad, of which row y takes the first three bytes and row y + 1 the last three; the
// fourth weight is zero. Kernels of more rows take several groups of `kRows` rows, whose products add up.
// Columns and rows outside the map are interleaved from a pixel of halo values, so that multiply() knows no
// edges.
//
// A *unit* of channels is as wide as four registers of sums. A layer's last channels may be only a half or a
// quarter of one; then its *parts* are the same channels further down the map: part p holds the rows that
// follow those of part p - 1, and the unit's weights are there once for each part.
//
// Bytes are interleaved within 16 channels (which is what unpacking instructions do, and packing ones undo),
// so that vector v (of 4) of a unit holds channels 16 * i + 4 * v + {0, 1, 2, 3}, i = 0, 1, ...: `lane_of`.
// Weights, bias and multipliers are packed in that order:
//
//   weights      [unit][vector][kernel column][group][output row][lane] 4 bytes: kRows weights
//   bias         [pixel, where there is a map][unit][vector][lane]
//   multipliers  [unit][vector][lane]
//
// Padding channels have zeros everywhere, and come out as the zero point.
#pragma once

#include <cstddef>
#include <cstdint>

namespace octet::kernels {

/// A unit's columns of one group take so many bytes a channel.
inline constexpr std::int64_t kDepthwiseLaneBytes = 4;

/// One input row, or halo values in its place.
struct DepthwiseI8Row {
  const std::uint8_t* data;  // the first channel in column 0
  std::int64_t step;         // bytes from one column to the next; 0 of halo values
};

struct DepthwiseI8Columns {
  const DepthwiseI8Row* rows;  // [groups * kRows]
  std::int64_t groups;
  std::int64_t first, count;  // columns
  std::int64_t channels;      // of the unit, or of one of its parts
  std::byte* to;              // [column][group][vector][lane] 4 bytes; of a part: its first lane
};

/// Output pixels of one unit: `rows` neighbouring rows, `pixels` neighbouring columns.
struct DepthwiseI8Tile {
  const std::byte* columns;   // the first pixel's first column
  std::int64_t pixel_step;    // bytes from one output pixel's columns to the next's
  std::int64_t tap_step;      // from one kernel column's to the next's
  std::int64_t taps, groups;  // kernel columns; groups of each
  std::int64_t packed_rows;   // output rows that the weights are packed for, 1 or 2: of each part
  std::int64_t rows, pixels;  // rows: of all parts together
  std::int64_t channels;      // to write: of the unit, or of each of its parts
  const std::byte* weights;   // the unit's
  const std::int32_t* bias;
  std::int64_t bias_step, bias_row_step;  // from one output pixel (row) to the next; 0 without a map
  const float* multipliers;
  // Output: bytes, one pixel output_step behind the other, or FP32 blocks of 16 channels, output_plane floats
  // apart, pixels 16 floats apart. Steps count elements. The residual, if any, is of the same kind. Layers
  // with FP32 outputs, a residual or a map of biases have units of one part.
  std::byte* output;
  std::int64_t output_step, output_row_step, output_plane;
  const std::byte* residual;
  std::int64_t residual_step, residual_row_step, residual_plane;
  bool real_output;
  float addend;                           // without a residual: the output's zero point
  float residual_scale, residual_offset;  // of bytes
  bool leaky;                             // bytes: t < zero ? fma(t - zero, slope, zero) : t
  bool rectified;                         // FP32: min(max(t, 0) + slope * min(t, 0), high)
  float slope, zero;
  float low, high;  // bounds of bytes, integers; high also of rectified FP32
  bool bounded;     // bytes: no t is beyond +-2^31, so that rounding may come before the bounds
};

struct DepthwiseI8Functions {
  std::int64_t unit;  // channels
  std::int64_t rows;  // kRows
  void (*interleave)(const DepthwiseI8Columns& columns);
  void (*multiply)(const DepthwiseI8Tile& tile);
};

/// Place of a unit's channel among its lanes.
constexpr std::int64_t lane_of(std::int64_t channel, std::int64_t unit) {
  return channel % 16 / 4 * (unit / 4) + channel / 16 * 4 + channel % 4;
}

extern const DepthwiseI8Functions kDepthwiseI8Generic;
extern const DepthwiseI8Functions kDepthwiseI8Avx2;
extern const DepthwiseI8Functions kDepthwiseI8Avx512;
extern const DepthwiseI8Functions kDepthwiseI8Avx512Vnni;

}  // namespace octet::kernels
