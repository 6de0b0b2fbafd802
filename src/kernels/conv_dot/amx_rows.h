// Rows of input on their way to the tiles: which of them are output pixels and where those lie, cut into
// blocks.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/conv_dot/amx_tiles.h"

namespace octet::kernels::conv_dot {

/// Addresses of something that belongs to pixels, `pixel` bytes apart in a line and `line` from line to line.
template <class Byte>
struct AmxLines {
  Byte* first = nullptr;
  std::int64_t pixel = 0, line = 0;

  Byte* at(std::int64_t y, std::int64_t x) const {
    return first == nullptr ? nullptr : first + y * line + x * pixel;
  }
};

/// A run of rows of input, and where their results go: row r is column r % pitch of line r / pitch, an output
/// if there are so many columns. Without a copy, a line is an image.
struct AmxSpan {
  const std::byte* input;
  std::int64_t begin, end;  ///< rows to compute
  std::int64_t readable;    ///< rows that may be read
  std::int64_t pitch, columns;
  AmxLines<std::byte> output;
  AmxLines<const std::byte> residual, bias;

  /// The block that computes rows [row, ...) of the span; `table` takes its outputs.
  AmxBlock block(std::int64_t row, std::int64_t row_step, AmxOutput* table) const {
    const std::int64_t count = std::min<std::int64_t>(end - row, kBlockRows);
    const int row_tiles = count > kTileRows ? 2 : 1;
    // At the end of a tensor the tiles begin earlier, over rows that are done.
    const std::int64_t first = std::max(std::min(row, readable - row_tiles * kTileRows), std::int64_t{0});
    AmxBlock block = {input + first * row_step, row_tiles, table, 0, 0};
    const auto tile_row = static_cast<int>(row - first);
    std::int64_t y = row / pitch, x = row % pitch;
    for (int r = tile_row, last = tile_row + static_cast<int>(count); r < last;) {
      // Runs of outputs, and the columns between them.
      const int run = static_cast<int>(std::clamp<std::int64_t>(columns - x, 0, last - r));
      if (r < kTileRows) block.first_tile_rows += std::min(run, kTileRows - r);
      add_outputs(r, run, y, x, table + block.row_count);
      block.row_count += run;
      r += static_cast<int>(std::max(pitch - x, std::int64_t{run}));
      x = 0, ++y;
    }
    return block;
  }

 private:
  void add_outputs(int r, int count, std::int64_t y, std::int64_t x, AmxOutput* to) const {
    AmxOutput next = {output.at(y, x), residual.at(y, x), bias.at(y, x), 0};
    for (const AmxOutput* const end_of_run = to + count; to < end_of_run; ++to, ++r) {
      next.sums = r / kTileRows * (kPanelTiles * kTileBytes) + r % kTileRows * kTileRowBytes;
      *to = next;
      next.output += output.pixel;
      if (next.residual != nullptr) next.residual += residual.pixel;
      next.bias += bias.pixel;
    }
  }
};

/// Blocks that wait for each other. A layer of one step takes several at a time, since its weights stay in
/// tiles meanwhile; any other takes each at once, while its table is in the first-level cache.
class AmxBlockQueue {
 public:
  static constexpr int kBlocks = 4;

  AmxBlockQueue(const AmxKernels& kernels, const AmxLayer& layer, std::byte* sums)
      : kernels_(kernels),
        layer_(layer),
        pipeline_{.sums = sums},
        wait_for_(layer.step_count == 1 ? kBlocks : 1) {}

  /// What blocks are multiplied by from now on; none may be waiting.
  void set_channels(std::int64_t first_channel_block, std::int64_t channel_blocks) {
    first_channel_block_ = first_channel_block;
    channel_blocks_ = channel_blocks;
  }

  void multiply(const AmxSpan& span) {
    for (std::int64_t row = span.begin; row < span.end; row += kBlockRows) {
      AmxBlock& block = blocks_[static_cast<std::size_t>(count_)];
      block = span.block(row, layer_.row_step, tables_[half_][static_cast<std::size_t>(count_)].data());
      if (block.row_count > 0 && ++count_ == wait_for_) flush();
    }
  }

  void flush() {
    if (count_ == 0) return;
    kernels_.multiply({&layer_, blocks_.data(), count_, first_channel_block_, channel_blocks_}, pipeline_);
    count_ = 0;
    half_ ^= 1;
  }

  void finish() { kernels_.finish(pipeline_); }

 private:
  using Table = std::array<AmxOutput, kBlockRows>;

  const AmxKernels& kernels_;
  const AmxLayer& layer_;
  AmxPipeline pipeline_;
  const int wait_for_;
  std::int64_t first_channel_block_ = 0, channel_blocks_ = 0;
  int count_ = 0;
  std::array<AmxBlock, kBlocks> blocks_;
  // The last block's table is needed while the next one's first panel is multiplied.
  std::size_t half_ = 0;
  std::array<std::array<Table, kBlocks>, 2> tables_;
};

}  // namespace octet::kernels::conv_dot
