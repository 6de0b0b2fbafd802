// Convolution of bytes on tensor cores: see conv.h. A block computes kRows x kColumns outputs; each of its
// warps kWarpRows x kWarpColumns of them. Slices of 64 bytes of the products come into shared memory kStages
// ahead, rows of 64 bytes whose 16-byte chunks are exchanged so that eight rows of one chunk, which
// load_matrices reads at once, lie in different banks.
#pragma once

#include "cuda/device/conv.h"

namespace octet::cuda::device {

template <class Output, int kPieceBytes, int kRows, int kColumns, int kWarpRows, int kWarpColumns>
class ConvImma {
 public:
  static constexpr int kTileRows = kRows, kTileColumns = kColumns;
  static constexpr int kStages = 3, kSlice = 64, kChunk = 16;
  static constexpr int kWarps = (kRows / kWarpRows) * (kColumns / kWarpColumns);
  static constexpr int kThreads = kWarps * kWarp;
  static constexpr int kStageBytes = (kRows + kColumns) * kSlice;
  static constexpr int kTableBytes = kRows * static_cast<int>(sizeof(ConvRow));
  static constexpr int kFlagBytes = 16;
  using Tile = OutputTile<Output, kRows, kColumns, kThreads>;
  static constexpr int kSharedBytes =
      kTableBytes + kFlagBytes +
      (kStages * kStageBytes > Tile::kBytes ? kStages * kStageBytes : Tile::kBytes);

  OCTET_DEVICE ConvImma(Thread& thread, const ConvParams& p)
      : thread_(thread),
        p_(p),
        tile_(conv_tile(thread, p, kRows, kColumns)),
        rows_(reinterpret_cast<ConvRow*>(thread.shared())),
        flag_(reinterpret_cast<s32*>(thread.shared() + kTableBytes)),
        stages_(thread.shared() + kTableBytes + kFlagBytes),
        cursor_(p, tile_, tile_.first_slice * kPieces + thread.index() % kPieces, kPieceBytes) {}

  OCTET_DEVICE void run() {
    for (int r = thread_.index(); r < kRows; r += kThreads) rows_[r] = conv_row(p_, tile_, r);
    thread_.sync();
    for (int s = 0; s < kStages - 1; ++s) fetch(s);
    for (int s = 0; s < tile_.slices; ++s) {
      thread_.template wait<kStages - 2>();
      thread_.sync();
      fetch(s + kStages - 1);
      multiply(stages_ + s % kStages * kStageBytes);
    }
    thread_.template wait<0>();
    thread_.sync();
    const Tile outputs(p_, tile_, rows_, stages_);
    complete_tile<Output>(thread_, p_, tile_, rows_, flag_, outputs, [&](auto&& work) { for_each(work); });
  }

 private:
  static constexpr int kPieces = kSlice / kPieceBytes;  // of a row in a slice
  static constexpr int kRowTiles = kWarpRows / 16, kColumnTiles = kWarpColumns / 8;
  static_assert(kColumnTiles % 2 == 0 && kThreads % kPieces == 0 && kThreads % 4 == 0);

  /// Byte `offset` of a row's slice.
  static OCTET_DEVICE u8* chunk(u8* matrix, int row, int offset) {
    const int chunk = offset / kChunk;
    return matrix + row * kSlice + (chunk ^ (row >> 1 & 3)) * kChunk + offset % kChunk;
  }

  /// Starts the copies of a slice; behind the last one there is nothing to copy, but a group all the same.
  OCTET_DEVICE void fetch(int slice) {
    if (slice < tile_.slices) {
      u8* a = stages_ + slice % kStages * kStageBytes;
      u8* b = a + kRows * kSlice;
      const int offset = thread_.index() % kPieces * kPieceBytes;
      OCTET_UNROLL
      for (int i = 0; i < (kRows * kPieces + kThreads - 1) / kThreads; ++i) {
        const int row = thread_.index() / kPieces + i * (kThreads / kPieces);
        if (kRows * kPieces % kThreads == 0 || row < kRows) {
          const u8* from = cursor_.source(p_, rows_[row]);
          if constexpr (kPieceBytes == 16) {
            thread_.copy16(chunk(a, row, offset), from);
          } else {
            thread_.copy4(chunk(a, row, offset), from);
          }
        }
      }
      cursor_.advance(p_, kPieces);
      const u8* weights = p_.weights + tile_.group * p_.weights_group +
                          static_cast<s64>(tile_.first_slice + slice) * p_.lanes * kSlice;
      OCTET_UNROLL
      for (int i = 0; i < (kColumns * 4 + kThreads - 1) / kThreads; ++i) {
        const int column = thread_.index() / 4 + i * (kThreads / 4), part = thread_.index() % 4 * kChunk;
        if (kColumns * 4 % kThreads == 0 || column < kColumns) {
          int lane = tile_.first_column + column;
          if (lane >= p_.lanes) lane = p_.lanes - 1;
          thread_.copy16(chunk(b, column, part), weights + static_cast<s64>(lane) * kSlice + part);
        }
      }
    }
    thread_.commit();
  }

  OCTET_DEVICE int warp_row() const { return thread_.index() / kWarp % (kRows / kWarpRows) * kWarpRows; }
  OCTET_DEVICE int warp_column() const {
    return thread_.index() / kWarp / (kRows / kWarpRows) * kWarpColumns;
  }

  OCTET_DEVICE void multiply(u8* stage) {
    u8* b_stage = stage + kRows * kSlice;
    const int lane = thread_.index() % kWarp;
    OCTET_UNROLL
    for (int k = 0; k < kSlice; k += 32) {
      u32 a[kRowTiles][4], b[kColumnTiles][2];
      OCTET_UNROLL
      for (int r = 0; r < kRowTiles; ++r)
        thread_.load_matrices(a[r], chunk(stage, warp_row() + 16 * r + lane % 16, k + lane / 16 * kChunk));
      OCTET_UNROLL
      for (int c = 0; c < kColumnTiles; c += 2) {
        u32 words[4];
        const int column = warp_column() + 8 * c + lane / 16 * 8 + lane % 8;
        thread_.load_matrices(words, chunk(b_stage, column, k + lane / 8 % 2 * kChunk));
        b[c][0] = words[0], b[c][1] = words[1], b[c + 1][0] = words[2], b[c + 1][1] = words[3];
      }
      thread_.template multiply<kRowTiles, kColumnTiles>(sums_, a, b);
    }
  }

  /// work(row, column, sum) for each sum that this thread holds.
  template <class Do>
  OCTET_DEVICE void for_each(const Do& work) {
    const int lane = thread_.index() % kWarp;
    OCTET_UNROLL
    for (int r = 0; r < kRowTiles; ++r) OCTET_UNROLL
    for (int c = 0; c < kColumnTiles; ++c) OCTET_UNROLL
    for (int i = 0; i < 4; ++i)
      work(warp_row() + 16 * r + lane / 4 + 8 * (i / 2), warp_column() + 8 * c + 2 * (lane % 4) + i % 2,
           sums_[r][c][i]);
  }

  Thread& thread_;
  const ConvParams& p_;
  const ConvTile tile_;
  ConvRow* rows_;
  s32* flag_;
  u8* stages_;
  PieceCursor cursor_;
  s32 sums_[kRowTiles][kColumnTiles][4] = {};
};

}  // namespace octet::cuda::device
