// Convolution by tile instructions (AMX): what the driver (amx_convolution.cc) gives to the code that
// multiplies tiles. A tile is 16 rows of 64 bytes, and one instruction adds the product of 16 rows of input
// (16 x 64 bytes) and 64 bytes of 16 output channels to 16 x 16 sums. Rows of input must lie a constant
// distance apart.
//
//   step    64 bytes of every row's sum, at a constant offset from the row's start. All sums of a layer take
//           the same steps; a step that ends beyond its input meets weights of zero there.
//   panel   32 output channels (the last one of a layer may have 16). Weights: [panel][step][16 channels]
//           [16 quads of bytes][channel][4 bytes]
//   block   up to 32 rows of input
//
// This header is all that an instruction-set file sees, so it holds plain data only. Arithmetic and Epilogue:
// contract.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/conv_dot/contract.h"

namespace octet::kernels::conv_dot {

inline constexpr int kTileRows = 16;
inline constexpr int kTileRowBytes = 64;
inline constexpr int kTileBytes = kTileRows * kTileRowBytes;
inline constexpr int kTileChannels = 16;
inline constexpr int kBlockRows = 2 * kTileRows;
inline constexpr int kPanelTiles = 2;
/// Sums of one block and one panel.
inline constexpr int kBlockSumsBytes = 2 * kPanelTiles * kTileBytes;

/// What packing found to hold of a panel's sums with their bias, whatever the input: bits.
enum AmxProof : std::uint8_t {
  kBoundedOutputs = 1,  ///< u8: all outputs are within +-2^31 before the clamp
  kSmallSums = 2,       ///< all sums are within [-2^22, 2^22)
};

/// What is the same for all blocks of a call.
struct AmxLayer {
  const std::int64_t* steps;  ///< [step_count] bytes from a row's start
  std::int64_t step_count;
  std::int64_t row_step;       ///< bytes from one row of input to the next
  const std::byte* weights;    ///< of all panels
  bool stream_weights;         ///< they are too many to stay in the first-level cache from block to block
  const std::uint8_t* proofs;  ///< [panel] of AmxProof
  const float* multipliers;    ///< [channel]; not read for BF16
  const Epilogue* epilogue;
  bool bias_map;                   ///< each output pixel has a bias of its own
  std::int64_t output_block_step;  ///< bytes from 16 output channels to the next 16
  std::int64_t residual_block_step;
};

/// One output pixel of a block; addresses are those of the layer's first output channel.
struct AmxOutput {
  std::byte* output;
  const std::byte* residual;  ///< or null, as all of a layer
  const std::byte* bias;      ///< s32 (BF16: float), one a channel
  std::int64_t sums;          ///< where the pixel's row lies in AmxPanel::sums, column tile 0
};

/// Up to 32 rows of input, and which of them are output pixels.
struct AmxBlock {
  const std::byte* input;  ///< first row
  int row_tiles;           ///< 1 or 2
  const AmxOutput* rows;   ///< in rising order; must live until the next block's first panel is done
  int row_count;
  int first_tile_rows;  ///< how many of them lie in the first row tile
};

/// One block's sums for one panel, and where they go.
struct AmxPanel {
  const AmxLayer* layer;
  AmxBlock block;
  std::int64_t first_channel_block;
  int channel_blocks;  ///< of 16: 1 or 2
  std::byte* sums;     ///< [row tile][2][16 rows][16 channels] x 4 bytes
};

/// Computing is one panel ahead of finishing: while the tiles of a panel are multiplied, the vector units
/// turn the sums of the panel before it into outputs. `sums` holds two panels' and is 64-byte aligned.
struct AmxPipeline {
  std::byte* sums;
  int half = 0;
  /// No rows: none. Its second row tile's sums are still in the tiles.
  AmxPanel unfinished = {};
};

/// Rows of a call of up to 32: all blocks of 16 and 32 rows need {16, 16}.
struct AmxTileRows {
  int first, second;  ///< 1 to 16
};

/// Some blocks times some panels.
struct AmxWork {
  const AmxLayer* layer;
  const AmxBlock* blocks;
  int block_count;
  std::int64_t first_channel_block, channel_blocks;  ///< the first one is even
};

/// configure, then multiply any number of times, then finish and release, all on one thread: the tiles and
/// their configuration are a thread's own, and none is left behind.
struct AmxKernels {
  void (*configure)(AmxTileRows rows);
  void (*multiply)(const AmxWork& work, AmxPipeline& pipeline);
  void (*finish)(AmxPipeline& pipeline);
  void (*release)();
};

extern const AmxKernels kAmxU8, kAmxBf16;

}  // namespace octet::kernels::conv_dot
