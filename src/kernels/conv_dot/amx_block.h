// The order in which a block's tiles are loaded, multiplied and stored: written once, for the instructions
// (x86_amx_tiles.cc) and for the portable model of them that tests use (test_amx_tile_model.h). `Tiles`
// offers, as static functions, the operations and
//
//   finish_rows(panel, begin, end)     outputs of panel.rows[begin, end) from their sums
//
// Tiles 0 to 3 are sums (2 x row tile + column tile), 4 and 5 input rows, 6 and 7 weights. Four products
// share four loads. A product takes 16 cycles of the tile unit, and storing sums must wait for the last of
// them, so the stores of the first row tile stand between the last products, and those of the second between
// the first products of the panel that follows. Vector code runs between all of them.
//
// Internal linkage, as in kernels/simd: this is compiled for several instruction sets.
#pragma once

#include "kernels/conv_dot/amx_tiles.h"

namespace octet::kernels::conv_dot {
namespace {

template <class Tiles>
struct AmxAlgorithm {
  static void multiply(const AmxBlock& block, AmxPipeline& pipeline) {
    for (std::int64_t b = 0; b < block.channel_blocks; b += kPanelTiles) {
      const std::int64_t left = block.channel_blocks - b;
      const AmxPanel panel = {block.layer,
                              block.row_tiles,
                              left < kPanelTiles ? 1 : kPanelTiles,
                              block.first_channel_block + b,
                              block.rows,
                              block.row_count,
                              pipeline.sums + pipeline.half * kBlockSumsBytes};
      multiply_panel(block.input, panel, pipeline.unfinished);
      pipeline.unfinished = panel;
      pipeline.half ^= 1;
    }
  }

  static void finish(AmxPipeline& pipeline) {
    const AmxPanel& last = pipeline.unfinished;
    if (last.row_count == 0) return;
    store_second_row<2>(last);
    store_second_row<3>(last);
    Tiles::finish_rows(last, 0, last.row_count);
    pipeline.unfinished.row_count = 0;
  }

 private:
  template <int kTile>
  static void store(const AmxPanel& panel) {
    Tiles::template store_sums<kTile>(panel.sums + kTile * kTileBytes);
  }
  /// Tile 2 or 3, if the panel has it.
  template <int kTile>
  static void store_second_row(const AmxPanel& panel) {
    if (panel.row_tiles == 2 && kTile - 2 < panel.channel_blocks) store<kTile>(panel);
  }

  static void multiply_panel(const std::byte* input, const AmxPanel& panel, const AmxPanel& last) {
    const AmxLayer& layer = *panel.layer;
    const std::int64_t steps = layer.step_count, row_step = layer.row_step;
    const bool two_rows = panel.row_tiles == 2, two_columns = panel.channel_blocks == 2;
    const std::byte* weights = layer.weights + panel.first_channel_block * steps * kTileBytes;
    const int rows_a_step = static_cast<int>((last.row_count + steps - 1) / steps);
    int finished = 0;

    for (std::int64_t k = 0; k < steps; ++k) {
      const bool first_step = k == 0, last_step = k == steps - 1;
      const std::byte* const rows = input + layer.steps[k];

      if (first_step) Tiles::template zero<0>();
      Tiles::template load_weights<6>(weights);
      Tiles::template load_rows<4>(rows, row_step);
      Tiles::template dot<0, 4, 6>();
      weights += kTileBytes;
      if (first_step && last.row_count > 0) store_second_row<2>(last);
      if (two_columns) {
        if (first_step) Tiles::template zero<1>();
        Tiles::template load_weights<7>(weights);
        Tiles::template dot<1, 4, 7>();
        weights += kTileBytes;
      }
      if (first_step && last.row_count > 0) store_second_row<3>(last);
      if (two_rows) {
        if (first_step) Tiles::template zero<2>();
        Tiles::template load_rows<5>(rows + kTileRows * row_step, row_step);
        Tiles::template dot<2, 5, 6>();
      }
      if (last_step) store<0>(panel);
      if (two_rows && two_columns) {
        if (first_step) Tiles::template zero<3>();
        Tiles::template dot<3, 5, 7>();
      }
      if (last_step && two_columns) store<1>(panel);

      if (finished < last.row_count) {
        const int end = finished + rows_a_step < last.row_count ? finished + rows_a_step : last.row_count;
        Tiles::finish_rows(last, finished, end);
        finished = end;
      }
    }
  }
};

}  // namespace
}  // namespace octet::kernels::conv_dot
