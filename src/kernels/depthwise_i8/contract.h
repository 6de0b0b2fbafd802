// Depthwise convolution of bytes (one input and one output channel a group) over kNhwc maps, vectors running
// over channels. Arithmetic: kernels/integer/arithmetic.h, convolution.
//
// Two taps are one multiply-add of 16-bit pairs: the bytes of two input pixels, widened and interleaved. The
// interleaving takes the channels of a *unit* (16 or 32, one vector of 16-bit integers) in the order in which
// packing two halves puts them back: accumulator lanes 0 ... unit / 2 - 1 are channels 0-3, 8-11, ..., the
// others channels 4-7, 12-15, .... Weights, bias and multipliers are packed in that order (`lane_of`):
//
//   weights      [unit][pair of taps][lane][2]   the second of an odd last pair zero
//   bias         [pixel, where there is a map][unit][lane]
//   multipliers  [unit][lane]
//
// The last unit of an instruction set of 32 may be one of 16. Padding channels have zeros everywhere, and
// come out as the zero point.
//
// The unit of work is a run of neighbouring output pixels of one row that see the same taps. A tap in the
// halo points to a pixel of halo values and has a step of 0.
#pragma once

#include <cstddef>
#include <cstdint>

namespace octet::kernels {

struct DepthwiseI8Tap {
  const std::uint8_t* data;  // channel 0 under the first output pixel
  std::int64_t step;         // bytes to the same tap of the next output pixel
};

struct DepthwiseI8Run {
  const DepthwiseI8Tap* taps;  // an even number
  std::int64_t pairs;
  std::int64_t pixels;
  std::int64_t channels;  // padded: a multiple of 16
  const std::int16_t* weights;
  const std::int32_t* bias;
  std::int64_t bias_step;  // from one output pixel to the next; 0 without a map
  const float* multipliers;
  // Output: bytes, one pixel output_step behind the other, or FP32 blocks of 16 channels, output_plane floats
  // apart, pixels 16 floats apart. The residual, if any, is of the same kind.
  std::byte* output;
  std::int64_t output_step, output_plane;
  const std::byte* residual;
  std::int64_t residual_step, residual_plane;
  bool real_output;
  float addend;                           // without a residual: the output's zero point
  float residual_scale, residual_offset;  // of bytes
  bool leaky;                             // bytes: t < zero ? fma(t - zero, slope, zero) : t
  bool rectified;                         // FP32: min(max(t, 0) + slope * min(t, 0), high)
  float slope, zero;
  float low, high;  // bounds of bytes; high also of rectified FP32
};

struct DepthwiseI8Functions {
  std::int64_t unit;
  void (*run)(const DepthwiseI8Run& run);
};

/// Place of a unit's channel among its lanes.
constexpr std::int64_t lane_of(std::int64_t channel, std::int64_t unit) {
  return channel % 8 / 4 * (unit / 2) + channel / 8 * 4 + channel % 4;
}

extern const DepthwiseI8Functions kDepthwiseI8Generic;
extern const DepthwiseI8Functions kDepthwiseI8Avx2;
extern const DepthwiseI8Functions kDepthwiseI8Avx512;

}  // namespace octet::kernels
