// FP32 fully connected layers, y = activation(W x + bias): what the driver in fully_connected.cc asks of an
// instruction set. This header is all that an instruction-set file sees, so it holds plain data only.
//
// One image is bound by reading W: each weight is used once, so it streams past two accumulators a panel.
// More images share that reading: the driver transposes up to a few hundred of them, a chunk of the depth at
// a time, and every weight is read from memory once for all. Where they take many blocks, each block fetches
// its part of the next panel, so that memory works all the time and not for the first block only.
//
// Depth is counted in the input's storage order (kNchw16c: block, y, x, lane; padding lanes have zero
// weights), so the activations are never reordered. Packed weights: panels of `columns` output features (the
// last one may be half as wide), each [depth][column]; then the bias, padded to 16 with zeros. Output:
// kNchw16c of H = W = 1, a dense vector padded to 16 with zeros.
//
// Each output is one chain of multiply-adds in order of depth, starting from the bias; unfinished sums wait
// in scratch. So the bits do not depend on the number of images in the call or of workers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/simd/activation.h"

namespace octet::kernels::fully_connected_f32 {

/// A number of images times one panel of output features over a chunk of the depth. Strides in floats; all
/// but `inputs` aligned to 64 bytes.
struct Block {
  const float* inputs;   ///< [depth][images]
  const float* weights;  ///< [depth][columns]
  std::int64_t depth;
  const float*
      ahead;  ///< weights that will be used soon: prefetched, `ahead_step` floats with each of `depth`
  std::ptrdiff_t ahead_step;
  const float* start;  ///< [images][columns]: the bias (stride 0), or what the chunks before left
  std::ptrdiff_t start_stride;
  float* output;  ///< [images][columns]: of the layer, or unfinished sums
  std::ptrdiff_t output_stride;
  Activation activation;  ///< none for all but the last chunk
};

inline constexpr int kMaxImages = 14;       // of a block, on any instruction set
inline constexpr int kMaxColumnBlocks = 2;  // of a panel, in units of 16

/// What one instruction set offers.
struct MicroKernels {
  int max_images;     ///< <= kMaxImages
  int column_blocks;  ///< of a whole panel, <= kMaxColumnBlocks
  void (*multiply[kMaxColumnBlocks][kMaxImages])(const Block& block);  ///< [column blocks - 1][images - 1]
};

extern const MicroKernels kAvx2;
extern const MicroKernels kAvx512;

}  // namespace octet::kernels::fully_connected_f32
