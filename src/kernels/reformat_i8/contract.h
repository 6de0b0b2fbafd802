// Copies of feature maps between FP32 and the narrow types (kUInt8, kInt16, kBFloat16), and between narrow
// maps of one type: the caller's FP32 to a network's integers and back, requantisation, parts of a
// concatenation, and pictures' bytes.
//
//   quantise    q = to_integer(round(x / s) + z);  BF16: x rounded to nearest even     a NaN becomes the
//   lowest integer dequantise  x = s * float(q - z);       BF16: exact requantise  q =
//   to_integer(fma(float(q), scale, offset)), scale and offset of integer::rescale() pictures    q =
//   to_integer(x + mean)    and back: x = float(q) - mean
//
// The unit of work is a run of neighbouring pixels of one image. The FP32 side is planar (kNchw: a channel's
// pixels lie together) or blocked (kNchw16c); the narrow side is kNhwc. Padding lanes behind the last channel
// of a tensor are the driver's (reformat_i8.cc), but a blocked FP32 side may be written to the end of its
// last block where `whole_blocks` says so: the narrow side's padding holds the zero point, which becomes 0.
#pragma once

#include <cstddef>
#include <cstdint>

namespace octet::kernels {

/// Where a picture's packed mean begins; before it stands a std::int32_t, 0 where there is one value a
/// channel and 1 where there is one a pixel.
inline constexpr std::size_t kPackedMeanAt = 64;

struct ReformatRun {
  const std::byte* input;  // first pixel; first channel of the copy (blocked: its block's lane 0)
  std::byte* output;
  std::int64_t pixels;
  std::int64_t channels;
  std::int64_t input_step, output_step;  // narrow side: elements from one pixel to the next
  std::int64_t plane;  // FP32 side: floats from one channel (planar) or block of 16 (blocked) to the next
  bool planar;         // FP32 side
  std::int64_t first_lane;  // blocked FP32 output: lane of the copy's first channel; 0 but for the reference
  bool whole_blocks;        // blocked FP32 side: all 16 lanes of the last block may be read or written
  // quantise: round(x / scale) + offset; dequantise: (q - offset) * scale; requantise: fma(q, scale, offset).
  float scale, offset;
  float low, high;  // bounds of the integers written
  // Pictures only: value of channel c at pixel p is mean[c * mean_plane + p * mean_step].
  const float* mean;
  std::int64_t mean_plane, mean_step;
  std::uint8_t padding;  // what a picture's lanes behind its channels hold
};
using ReformatFunction = void (*)(const ReformatRun& run);

struct ReformatI8Functions {
  ReformatFunction quantize_u8, quantize_s16, quantize_bf16;
  ReformatFunction dequantize_u8, dequantize_s16, dequantize_bf16;
  ReformatFunction requantize_u8, requantize_s16;
  /// Planar FP32 of 1 to 4 channels to pixels of 4 bytes, all four written: round(x / scale) + offset where
  /// `mean` is null, x + mean otherwise.
  ReformatFunction quantize_pixels;
  /// The same to pixels of 4 BF16.
  ReformatFunction quantize_bf16_pixels;
};

extern const ReformatI8Functions kReformatI8Generic;
extern const ReformatI8Functions kReformatI8Avx2;
extern const ReformatI8Functions kReformatI8Avx512;

}  // namespace octet::kernels
