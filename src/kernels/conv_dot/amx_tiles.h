// Convolution by tile instructions (AMX): what the driver (amx_convolution.cc) gives to the code that
// multiplies tiles. A tile is 16 rows of 64 bytes, and one instruction adds the product of 16 rows of input
// (16 x 64 bytes) and 64 bytes of 16 output channels to 16 x 16 sums. Rows of input must lie a constant
// distance apart.
//
//   step    64 bytes of every row's sum, at a constant offset from the row's start. All sums of a layer take
//           the same steps; a step that ends beyond its input meets weights of zero there.
//   panel   32 output channels (the last one of a layer may have 16). Weights: [panel][step][16 channels]
//           [16 quads of bytes][channel][4 bytes]
//   block   up to 32 rows times any number of panels
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

/// What is the same for all blocks of a call.
struct AmxLayer {
  const std::int64_t* steps;  ///< [step_count] bytes from a row's start
  std::int64_t step_count;
  std::int64_t row_step;     ///< bytes from one row of input to the next
  const std::byte* weights;  ///< of all panels
  const float* multipliers;  ///< [channel]; not read for BF16
  const Epilogue* epilogue;
  std::int64_t output_block_step;  ///< bytes from 16 output channels to the next 16
  std::int64_t residual_block_step;
};

/// One output pixel of a block; addresses are those of the layer's first output channel.
struct AmxOutput {
  int row;  ///< of the block's input, 0 to 31
  std::byte* output;
  const std::byte* residual;  ///< or null
  const std::byte* bias;      ///< s32 (BF16: float), one a channel
};

/// One block's sums for one panel, and where they go.
struct AmxPanel {
  const AmxLayer* layer;
  int row_tiles;       ///< 1 or 2
  int channel_blocks;  ///< of 16: 1 or 2
  std::int64_t first_channel_block;
  const AmxOutput* rows;  ///< rows that are no output pixels do not occur
  int row_count;
  std::byte* sums;  ///< [row tile][2][16 rows][16 channels] x 4 bytes
};

/// Computing is one panel ahead of finishing: while the tiles of a panel are multiplied, the vector units
/// turn the sums of the panel before it into outputs. `sums` holds two panels' and is 64-byte aligned.
struct AmxPipeline {
  std::byte* sums;
  int half = 0;
  AmxPanel unfinished = {};  ///< row_count 0: none. Its second row tile's sums are still in the tiles.
};

/// Rows of a call of up to 32: all blocks of 16 and 32 rows need {16, 16}.
struct AmxTileRows {
  int first, second;  ///< 1 to 16
};

struct AmxBlock {
  const AmxLayer* layer;
  const std::byte* input;  ///< first row
  int row_tiles;
  std::int64_t first_channel_block, channel_blocks;  ///< the first one is even
  const AmxOutput* rows;                             ///< must live until the next block is done
  int row_count;
};

/// configure, then multiply for each block, then finish and release, all on one thread.
struct AmxKernels {
  void (*configure)(AmxTileRows rows);
  void (*multiply)(const AmxBlock& block, AmxPipeline& pipeline);
  void (*finish)(AmxPipeline& pipeline);
  void (*release)();
};

extern const AmxKernels kAmxU8, kAmxBf16;

}  // namespace octet::kernels::conv_dot
