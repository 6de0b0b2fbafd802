// Convolution (and, over the same micro-kernels, fully connected layers) by dot-product instructions: what
// the driver asks of an instruction set. Three element types share it, because to all three a *group* is four
// bytes of one input pixel against four bytes of each output channel's weights:
//
//   kU8    4 u8  x 4 s8   vpdpbusd, or vpmaddubsw + vpmaddwd where no 16-bit sum can saturate
//   kS16   2 s16 x 2 s16  vpdpwssd, vpmaddwd      (a layer's weights are s8, widened when packed; conv_i8_-
//                                                  winograd multiplies any but -32768, and its sums wrap)
//   kBf16  2 bf16 x 2 bf16 vdpbf16ps, or two FP32 multiply-adds
//
// Input kNhwc. A *tap* is one kernel position: an offset in bytes from an output pixel's own input address,
// from which `groups` groups lie next to each other. A kernel row of a picture (a first layer) is one tap:
// its pixels are copied without padding, so that 7 pixels of 3 channels are 6 groups, the last of which meets
// weights of zero in what lies behind the window. Output pixels are given by address, one pointer a row, so a
// block may cross rows, images and strides; the driver copies inputs that need a halo into padded scratch,
// and reads all others in place.
//
// Packed weights: [panel of output channels][tap][group][lane][4 bytes]. Lanes beyond the last output channel
// hold zero, and so do their bias and multiplier, so that padding lanes come out as the zero point.
//
// Arithmetic: kernels/integer/arithmetic.h, to the bit. BF16: inputs and weights are BF16, sums FP32 in an
// order of the instruction set's own (AVX2 and AVX-512 without AVX512_BF16 give the same bits; no order
// depends on rows, images or workers), so that a sum of n products differs from the exact one by at most
//
//   (n + 2) * 2^-23 * (|bias| + |residual| + sum |weight * input|)       denormals counting as zero
//
// before a ReLU and the rounding to BF16. One rounding a product would make it 2^-24; a dot-product
// instruction may take two. The reference sums in double.
//
// This header is all that an instruction-set file sees, so it holds plain data only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace octet::kernels::conv_dot {

enum class Element { kU8, kS16, kBf16 };
/// kSums: all lanes' accumulators as they are, in a row, for a later call to go on with (`bias`).
enum class Output { kU8, kS16, kBf16, kF32, kSums };

/// How accumulators become outputs; one a layer.
struct Epilogue {
  Output output;
  float low, high;       ///< clamp of integers; high also of what is `rectified`
  float addend;          ///< output's zero point (no residual)
  float residual_scale;  ///< addend = fma(float(r), residual_scale, residual_offset)
  float residual_offset;
  bool leaky;      ///< t < zero ? fma(t - zero, slope, zero) : t
  bool rectified;  ///< FP32 and BF16 output: min(max(t, 0) + slope * min(t, 0), high)
  float slope;
  float zero;  ///< output's zero point
  /// u8 that is not leaky and has no limit below 255, all outputs within +-2^31 before the clamp: it may then
  /// be left to conversions that saturate. Nearly always so; the driver proves it for each panel.
  bool bounded = false;
};

/// One call of a micro-kernel: `rows` output pixels x one panel of output channels, over all taps.
struct Block {
  const std::byte* const* input;  ///< [rows] address of each pixel at offset 0
  const std::int64_t* taps;       ///< [tap_count] bytes
  std::int64_t tap_count;
  std::int64_t groups;       ///< a tap
  const std::byte* weights;  ///< this panel: [tap][group][lane][4]
  /// [rows] start of each row's accumulators: s32 (BF16: float), one a lane. All the same pointer, but for a
  /// layer with a bias map.
  const std::byte* const* bias;
  const float* multipliers;  ///< [lane]; not read for BF16
  const Epilogue* epilogue;
  std::byte* const* output;          ///< [rows] address of the panel's first channel
  const std::byte* const* residual;  ///< [rows], or null
  std::int64_t output_block_step;    ///< bytes from 16 output channels to the next 16
  std::int64_t residual_block_step;
  int blocks;  ///< groups of 16 channels to write: lanes / 16, fewer in the last panel
  /// kS16: bytes from a group's weights to a cache line that will be read soon, fetched to the second-level
  /// cache meanwhile; 0: none.
  std::int64_t ahead;
};

inline constexpr int kMaxRows = 12;

/// What one instruction set offers for one element type. kernels[lanes / 16 - 1][rows - 1]; null where it has
/// none.
struct MicroKernels {
  int lanes;  ///< of a panel, a multiple of 16, at most 64; the last panel of a layer may be narrower (any
              ///< multiple of 16)
  int rows;   ///< most rows of a block, at most kMaxRows
  void (*block[4][kMaxRows])(const Block&);
};

/// AVX2 without an exact u8 x s8 product: `exact` multiplies as s16 (pairs of taps widened), `fast` may be
/// used for panels in which 255 * max(w0+ + w1+, w0- + w1-) <= 32767 holds for every pair of neighbouring
/// weights (sums of the positive and of the negative parts apart). Both read the same packed weights. Where
/// an instruction set has an exact product, both are the same.
struct ElementKernels {
  MicroKernels fast, exact;
};

extern const ElementKernels kAvx2U8, kAvx2S16, kAvx2Bf16;
extern const ElementKernels kAvx512U8, kAvx512S16, kAvx512Bf16;
extern const ElementKernels kAvx512VnniU8, kAvx512VnniS16;
extern const ElementKernels kAvx512Bf16Bf16;

}  // namespace octet::kernels::conv_dot
