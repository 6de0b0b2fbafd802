// Convolution and fully connected layers of integers as an implicit product of matrices
// (kernels/integer/arithmetic.h has the arithmetic). The rows are the output pixels of all images, the
// columns the output channels of one group, and the products run over all taps of the window:
//
//   piece   what lies together in memory at one tap: 16 bytes of channels; of a picture one pixel of 4 bytes
//   slice   a run of pieces: as many products as a block of threads takes from shared memory at a time. The
//           order of pieces is [kernel row][kernel column][16 bytes of channels]
//
// A piece that lies outside the map, or behind the last tap, is read from the halo instead, so nothing has to
// be masked: behind the last tap weights are zero. Packed weights: [group][slice][column][bytes of a slice],
// columns padded to 16 (`lanes`); they do not depend on the tile that a block computes, which is chosen when
// a batch is known.
//
// Sums are exact in any order, so several blocks may share the products of a tile: each adds its sums to
// those in memory, and the last one to come finishes the tile.
#pragma once

#include "cuda/device/integer.h"
#include "cuda/device/vectors.h"

namespace octet::cuda::device {

struct ConvParams {
  const u8* input;
  const u8* weights;
  const u8* halo;  ///< [group][piece of one tap]
  s64 rows;
  s64 input_image;                               ///< bytes from one image to the next
  s64 weights_group;                             ///< bytes of one group
  s32 in_height, in_width, in_step, group_step;  ///< bytes from one pixel, or group's channels, to the next
  s32 out_width, out_pixels;
  s32 kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w;
  s32 groups;
  s32 pieces;                ///< of one tap
  s32 slices, split_slices;  ///< of all products; of one block
  s32 lanes;                 ///< columns of packed weights, bias and multipliers of a group
  s32 column_tiles, splits;

  // How sums become outputs.
  const s32* bias;            ///< [group][lane]; with a map [pixel][group][lane]
  const float* multipliers;   ///< [group][lane]
  s32 bias_pixel;             ///< from one pixel to the next, of a map
  s32 columns, last_columns;  ///< outputs to write of a group, of the last one (padding lanes too)
  u8* output;
  const u8* residual;                     ///< null if there is none
  s64 output_image, residual_image;       ///< bytes
  s32 output_step, residual_step;         ///< bytes from one pixel to the next
  s32 output_block, residual_block;       ///< FP32: bytes from 16 channels to the next 16
  s32 output_group;                       ///< channels from one group's to the next one's
  float residual_scale, residual_offset;  ///< addend = fma(r, scale, offset)
  Finish finish;                          ///< FP32: slope and `high` of a ReLU
  s32 rectified;                          ///< FP32: there is a ReLU
  s32* sums;                              ///< [group][row][lane], zero at the start; of splits only
  s32* arrivals;                          ///< one a tile, zero at the start
};

/// The part of the whole that a block computes.
struct ConvTile {
  s32 columns;  ///< to write, of the group's
  s64 first_row;
  s32 first_column, group, first_slice, slices, number;
};
OCTET_DEVICE ConvTile conv_tile(const Thread& thread, const ConvParams& p, s32 rows, s32 columns) {
  ConvTile tile;
  tile.first_column = thread.block_x() % p.column_tiles * columns;
  tile.first_row = static_cast<s64>(thread.block_x() / p.column_tiles) * rows;
  tile.group = thread.block_y();
  tile.columns = tile.group == p.groups - 1 ? p.last_columns : p.columns;
  tile.first_slice = thread.block_z() * p.split_slices;
  const s32 left = p.slices - tile.first_slice;
  tile.slices = left < p.split_slices ? left : p.split_slices;
  tile.number = thread.block_y() * thread.grid_x() + thread.block_x();
  return tile;
}

/// One output pixel, as all threads of a block need it. Behind the last row: the last row again.
struct ConvRow {
  const u8* input;  ///< of its group's first channel at the window's first tap, which may lie outside the map
  s32 y, x;         ///< of that tap
  s32 image, pixel;
};
OCTET_DEVICE ConvRow conv_row(const ConvParams& p, const ConvTile& tile, s32 index) {
  s64 number = tile.first_row + index;
  if (number >= p.rows) number = p.rows - 1;
  ConvRow row;
  row.image = static_cast<s32>(number / p.out_pixels);
  row.pixel = static_cast<s32>(number % p.out_pixels);
  row.y = row.pixel / p.out_width * p.stride_h - p.pad_top;
  row.x = row.pixel % p.out_width * p.stride_w - p.pad_left;
  const s64 place = static_cast<s64>(row.y) * p.in_width + row.x;
  row.input =
      p.input + row.image * p.input_image + place * p.in_step + static_cast<s64>(tile.group) * p.group_step;
  return row;
}

/// Goes through the pieces that a thread copies: `first`, then every `step`-th.
class PieceCursor {
 public:
  OCTET_DEVICE PieceCursor(const ConvParams& p, const ConvTile& tile, s32 first, s32 bytes) : bytes_(bytes) {
    halo_ = p.halo + static_cast<s64>(tile.group) * p.pieces * bytes;
    piece_ = first % p.pieces;
    const s32 tap = first / p.pieces;
    column_ = tap % p.kernel_w;
    row_ = tap / p.kernel_w;
  }

  OCTET_DEVICE void advance(const ConvParams& p, s32 step) {
    piece_ += step;
    while (piece_ >= p.pieces) {
      piece_ -= p.pieces;
      if (++column_ == p.kernel_w) column_ = 0, ++row_;
    }
  }

  /// Where the piece is of this output pixel.
  OCTET_DEVICE const u8* source(const ConvParams& p, const ConvRow& row) const {
    const s32 down = row_ * p.dilation_h, right = column_ * p.dilation_w, y = row.y + down, x = row.x + right;
    const bool inside = row_ < p.kernel_h && static_cast<u32>(y) < static_cast<u32>(p.in_height) &&
                        static_cast<u32>(x) < static_cast<u32>(p.in_width);
    const s64 offset = (static_cast<s64>(down) * p.in_width + right) * p.in_step + piece_ * bytes_;
    return inside ? row.input + offset : halo_ + piece_ * bytes_;
  }

 private:
  const u8* halo_;
  s32 bytes_, piece_, column_, row_;
};

// ---- from sums to outputs

/// Of one output.
template <class T>
OCTET_DEVICE T conv_integer(const ConvParams& p, s32 sum, float multiplier, T residual) {
  float addend = p.finish.zero;
  if (p.residual != nullptr)
    addend = fused(static_cast<float>(residual), p.residual_scale, p.residual_offset);
  return static_cast<T>(finish(fused(static_cast<float>(sum), multiplier, addend), p.finish));
}
OCTET_DEVICE float conv_real(const ConvParams& p, s32 sum, float multiplier, float residual) {
  const float t = fused(static_cast<float>(sum), multiplier, residual);
  if (p.rectified == 0) return t;
  const float positive = t < 0 ? 0 : t, negative = 0 < t ? 0 : t;
  const float rectified = positive + p.finish.slope * negative;
  return p.finish.high < rectified ? p.finish.high : rectified;
}

/// A tile's outputs on their way through shared memory, so that global memory is read and written in pieces
/// of 16 bytes. kThreads share the rows [kRows][kColumns] of T.
template <class T, int kRows, int kColumns, int kThreads>
class OutputTile {
 public:
  static constexpr int kBytes = kRows * kColumns * static_cast<int>(sizeof(T));

  OCTET_DEVICE OutputTile(const ConvParams& p, const ConvTile& tile, const ConvRow* rows, u8* memory)
      : p_(p), tile_(tile), rows_(rows), values_(reinterpret_cast<T*>(memory)) {}

  OCTET_DEVICE T* at(s32 row, s32 column) const { return values_ + row * kColumns + column; }

  /// Residuals into the tile, outputs out of it. Between them a barrier.
  OCTET_DEVICE void load_residual(const Thread& thread) const {
    for_each_piece(thread, [&](s32 row, s32 column, s32 count) {
      const ConvRow& r = rows_[row];
      const T* from = reinterpret_cast<const T*>(p_.residual + r.image * p_.residual_image +
                                                 static_cast<s64>(r.pixel) * p_.residual_step) +
                      channel(column);
      copy(at(row, column), from, count);
    });
  }
  OCTET_DEVICE void store(const Thread& thread) const {
    for_each_piece(thread, [&](s32 row, s32 column, s32 count) {
      const ConvRow& r = rows_[row];
      T* to = reinterpret_cast<T*>(p_.output + r.image * p_.output_image +
                                   static_cast<s64>(r.pixel) * p_.output_step) +
              channel(column);
      copy(to, at(row, column), count);
    });
  }

 private:
  static constexpr int kPiece = 16 / static_cast<int>(sizeof(T));

  OCTET_DEVICE s64 channel(s32 column) const {
    return static_cast<s64>(tile_.group) * p_.output_group + tile_.first_column + column;
  }
  template <class Do>
  OCTET_DEVICE void for_each_piece(const Thread& thread, const Do& work) const {
    constexpr int kPieces = kColumns / kPiece;
    for (int i = thread.index(); i < kRows * kPieces; i += kThreads) {
      const int row = i / kPieces, column = i % kPieces * kPiece;
      const s32 left = tile_.columns - tile_.first_column - column;
      if (tile_.first_row + row < p_.rows && left > 0) work(row, column, left < kPiece ? left : kPiece);
    }
  }
  /// Whole pieces are aligned where groups are whole blocks of channels, which parts of pieces may not be.
  OCTET_DEVICE void copy(T* to, const T* from, s32 count) const {
    if (count == kPiece && p_.output_group % kPiece == 0) {
      store_lanes(to, load_lanes(from));
    } else {
      for (int i = 0; i < count; ++i) to[i] = from[i];
    }
  }

  const ConvParams& p_;
  const ConvTile& tile_;
  const ConvRow* rows_;
  T* values_;
};

/// Where an FP32 output (or residual) lies: blocks of 16 channels.
OCTET_DEVICE s64 real_place(const ConvParams& p, const ConvTile& tile, const ConvRow& row, s32 column,
                            s64 image, s32 block) {
  const s32 channel = tile.group * p.output_group + tile.first_column + column;
  return row.image * image + static_cast<s64>(channel / 16) * block +
         (static_cast<s64>(row.pixel) * 16 + channel % 16) * 4;
}
OCTET_DEVICE void store_real(const ConvParams& p, const ConvTile& tile, const ConvRow& row, s32 column,
                             s32 sum, float multiplier) {
  float residual = 0;
  if (p.residual != nullptr)
    residual = *reinterpret_cast<const float*>(
        p.residual + real_place(p, tile, row, column, p.residual_image, p.residual_block));
  *reinterpret_cast<float*>(p.output + real_place(p, tile, row, column, p.output_image, p.output_block)) =
      conv_real(p, sum, multiplier, residual);
}

/// Adds a block's share of a tile's sums to those in memory. True for the last block of the tile, in all of
/// its threads, whose sums are the whole ones then. `flag`: shared memory.
template <class ForEach>
OCTET_DEVICE bool add_to_others(const Thread& thread, const ConvParams& p, const ConvTile& tile, s32* flag,
                                const ForEach& for_each_sum) {
  const s64 first = (tile.group * p.rows + tile.first_row) * p.lanes + tile.first_column;
  const auto place = [&](int row, int column) {
    return p.sums + first + static_cast<s64>(row) * p.lanes + column;
  };
  for_each_sum([&](int row, int column, s32& sum) { thread.add(place(row, column), sum); });
  thread.fence();
  thread.sync();
  if (thread.index() == 0) *flag = thread.add(p.arrivals + tile.number, 1);
  thread.sync();
  if (*flag != p.splits - 1) return false;
  thread.fence();
  for_each_sum([&](int row, int column, s32& sum) { sum = thread.load_fresh(place(row, column)); });
  return true;
}

/// Turns a tile's sums into its outputs, for which blocks that share its products wait for the last of them.
/// for_each(work) calls work(row, column, sum) for each sum that this thread holds, those outside too.
template <class Output, class Tile, class ForEach>
OCTET_DEVICE void complete_tile(const Thread& thread, const ConvParams& p, const ConvTile& tile,
                                const ConvRow* rows, s32* flag, const Tile& outputs,
                                const ForEach& for_each) {
  const auto for_each_sum = [&](auto&& work) {
    for_each([&](int row, int column, s32& sum) {
      if (tile.first_row + row < p.rows && tile.first_column + column < p.lanes) work(row, column, sum);
    });
  };
  if (p.splits > 1 && !add_to_others(thread, p, tile, flag, for_each_sum)) return;
  constexpr bool kInteger = sizeof(Output) < 4;
  const s64 first = static_cast<s64>(tile.group) * p.lanes + tile.first_column;
  const s32* bias = p.bias + first;
  const float* multipliers = p.multipliers + first;
  if constexpr (kInteger) {
    if (p.residual != nullptr) {
      outputs.load_residual(thread);
      thread.sync();
    }
  }
  for_each_sum([&](int row, int column, s32 sum) {
    sum += bias[column + static_cast<s64>(rows[row].pixel) * p.bias_pixel];
    if constexpr (kInteger) {
      Output* place = outputs.at(row, column);
      *place = conv_integer<Output>(p, sum, multipliers[column], *place);
    } else if (tile.first_column + column < tile.columns) {
      store_real(p, tile, rows[row], column, sum, multipliers[column]);
    }
  });
  if constexpr (kInteger) {
    thread.sync();
    outputs.store(thread);
  }
}

/// A block's whole work. Kernel: ConvImma or ConvDot.
template <class Kernel>
OCTET_DEVICE void run_conv(Thread& thread, const ConvParams& p) {
  Kernel(thread, p).run();
}

}  // namespace octet::cuda::device
