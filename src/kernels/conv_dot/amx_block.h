// The order in which tiles are loaded, multiplied and stored: written once, for the instructions
// (x86_amx_tiles.cc) and for the portable model of them that tests use (test_amx_tile_model.h).
//
// Tiles 0 to 3 are sums (2 x row tile + column tile), 4 and 5 input rows, 6 and 7 weights: four products
// share four loads, so that loading (8 cycles a tile) hides behind multiplying (16 cycles a product, however
// few rows or bytes it has). What would make the tile unit wait is laid out around that:
//
//   outputs   A panel's sums become outputs while the next panel is multiplied, some rows behind each
//             product: the tile unit works from its queue while the vector units have their turn.
//   stores    Storing sums waits for their last product and takes 16 cycles in which no vector code runs.
//             Two of a panel's four stand between its last products and two between the first of the next
//             panel, where products that are not waited for cover them.
//   weights   Where a layer's weights are too many for the first-level cache, they pass it by (the T1 hint),
//             so that the block's input stays there for all panels. Where a panel's weights are one step,
//             its two tiles stay in registers for several blocks.
//
// `Tiles` offers, as static functions, the operations and
//
//   with_finisher(panel, use)   calls use(Type<F>{}), where F(panel).rows(begin, end) makes the outputs of
//                               panel.block.rows[begin, end) from their sums
//
// Internal linkage, as in kernels/simd: this is compiled for several instruction sets.
#pragma once

#include "kernels/conv_dot/amx_tiles.h"

namespace octet::kernels::conv_dot {
namespace {

template <class F>
struct Type {
  using type = F;
};

template <class Tiles>
struct AmxAlgorithm {
  static void multiply(const AmxWork& work, AmxPipeline& pipeline) {
    const std::int64_t end = work.first_channel_block + work.channel_blocks;
    if (work.layer->step_count > 1) {
      for (int i = 0; i < work.block_count; ++i) {
        for (std::int64_t c = work.first_channel_block; c < end; c += kPanelTiles) {
          run_panel<false>(work, i, c, pipeline);
        }
      }
      return;
    }
    for (std::int64_t c = work.first_channel_block; c < end; c += kPanelTiles) {
      const std::byte* const weights = work.layer->weights + c * kTileBytes;
      Tiles::template load_weights<6>(weights);
      if (c + 1 < end) Tiles::template load_weights<7>(weights + kTileBytes);
      for (int i = 0; i < work.block_count; ++i) run_panel<true>(work, i, c, pipeline);
    }
  }

  static void finish(AmxPipeline& pipeline) {
    const AmxPanel last = pipeline.unfinished;
    pipeline.unfinished = {};
    if (last.block.row_count == 0) return;
    store_second_row<2>(last);
    store_second_row<3>(last);
    Tiles::with_finisher(last, [&](auto type) {
      typename decltype(type)::type finisher(last);
      finisher.rows(0, last.block.row_count);
    });
  }

 private:
  static constexpr int kProductsOfStep = 4;

  struct Nothing {
    explicit Nothing(const AmxPanel&) {}
    void rows(int, int) {}
  };

  /// `kResident`: the panel's weights are in tiles 6 and 7 already.
  template <bool kResident>
  static void run_panel(const AmxWork& work, int block, std::int64_t channel_block, AmxPipeline& pipeline) {
    const std::int64_t left = work.first_channel_block + work.channel_blocks - channel_block;
    const AmxPanel panel = {work.layer, work.blocks[block], channel_block,
                            left < kPanelTiles ? 1 : kPanelTiles,
                            pipeline.sums + pipeline.half * kBlockSumsBytes};
    const AmxPanel& last = pipeline.unfinished;
    if (last.block.row_count == 0) {
      multiply_panel<kResident, Nothing>(panel, last);
    } else {
      Tiles::with_finisher(
          last, [&](auto type) { multiply_panel<kResident, typename decltype(type)::type>(panel, last); });
    }
    pipeline.unfinished = panel;
    pipeline.half ^= 1;
  }

  template <int kTile>
  static void store(const AmxPanel& panel) {
    Tiles::template store_sums<kTile>(panel.sums + kTile * kTileBytes);
  }
  /// Tile 2 or 3, if the panel has it.
  template <int kTile>
  static void store_second_row(const AmxPanel& panel) {
    if (panel.block.row_tiles == 2 && kTile - 2 < panel.channel_blocks) store<kTile>(panel);
  }
  template <int kTile>
  static void load_weights(const std::byte* from, bool stream) {
    if (stream) {
      Tiles::template stream_weights<kTile>(from);
    } else {
      Tiles::template load_weights<kTile>(from);
    }
  }

  /// Multiplies `panel`, and finishes `last` meanwhile.
  template <bool kResident, class Finisher>
  [[gnu::noinline]] static void multiply_panel(const AmxPanel& panel, const AmxPanel& last) {
    const AmxLayer& layer = *panel.layer;
    const std::int64_t steps = kResident ? 1 : layer.step_count, row_step = layer.row_step;
    const std::int64_t* const offsets = layer.steps;
    const std::byte* const input = panel.block.input;
    const std::byte* weights = layer.weights + panel.first_channel_block * steps * kTileBytes;
    const bool two_rows = panel.block.row_tiles == 2, two_columns = panel.channel_blocks == 2;
    const bool stream = layer.stream_weights;

    Finisher finisher(last);
    const int count = last.block.row_count;
    const int share = rows_of_product(count, steps);
    int due = 0, done = 0;
    const auto finish_some = [&](int stored) __attribute__((always_inline)) {
      due += share;
      const int end = due < stored ? due : stored;
      if (end <= done) return;
      finisher.rows(done, end);
      done = end;
    };

    for (std::int64_t k = 0; k < steps; ++k) {
      const bool first_step = k == 0, last_step = k == steps - 1;
      const std::byte* const rows = input + offsets[k];

      if (first_step) Tiles::template zero<0>();
      if (!kResident) load_weights<6>(weights, stream);
      Tiles::template load_rows<4>(rows, row_step);
      Tiles::template dot<0, 4, 6>();
      weights += kTileBytes;
      if (first_step) store_second_row<2>(last);
      finish_some(first_step ? last.block.first_tile_rows : count);

      if (two_columns) {
        if (first_step) Tiles::template zero<1>();
        if (!kResident) load_weights<7>(weights, stream);
        Tiles::template dot<1, 4, 7>();
        weights += kTileBytes;
      }
      if (first_step) store_second_row<3>(last);
      finish_some(count);

      if (two_rows) {
        if (first_step) Tiles::template zero<2>();
        Tiles::template load_rows<5>(rows + kTileRows * row_step, row_step);
        Tiles::template dot<2, 5, 6>();
      }
      if (last_step) store<0>(panel);
      finish_some(count);

      if (two_rows && two_columns) {
        if (first_step) Tiles::template zero<3>();
        Tiles::template dot<3, 5, 7>();
      }
      if (last_step && two_columns) store<1>(panel);
      finish_some(count);
    }
  }

  /// So many that all are finished with the panel's last product; even, since finishers take pairs.
  static int rows_of_product(int count, std::int64_t steps) {
    const int products = static_cast<int>(steps) * kProductsOfStep;
    return ((count + products - 1) / products + 1) / 2 * 2;
  }
};

}  // namespace
}  // namespace octet::kernels::conv_dot
