// Convolution by dot products in the ordinary arithmetic units (dp4a, dp2a): see conv.h. Bytes take one dp4a
// for four products, 16-bit integers one dp2a for two.
//
// Each of 16 x 16 threads computes kRows / 16 x kColumns / 16 outputs, in runs of four neighbours, 64 apart,
// so that both operands come from shared memory 16 bytes at a time without conflicts. There a slice lies
// [word of four channels][row or column]: transposed on the way from registers, into which the next slice is
// loaded while this one is multiplied.
#pragma once

#include "cuda/device/conv.h"

namespace octet::cuda::device {

/// Input: u8 or s16.
template <class Input, class Output, int kPieceBytes, int kRows, int kColumns>
class ConvDot {
 public:
  static constexpr int kTileRows = kRows, kTileColumns = kColumns;
  static constexpr int kThreads = 256;
  static constexpr int kSliceChannels = 32;
  static constexpr int kWords = kSliceChannels / 4;                    // of weights in a column's slice
  static constexpr int kInputWords = static_cast<int>(sizeof(Input));  // that meet one word of weights
  // Four more, so that the words that a thread writes lie in different banks.
  static constexpr int kRowPitch = kRows + 4, kColumnPitch = kColumns + 4;
  static constexpr int kStageWords = kWords * (kInputWords * kRowPitch + kColumnPitch);
  static constexpr int kTableBytes = kRows * static_cast<int>(sizeof(ConvRow));
  static constexpr int kFlagBytes = 16;
  using Tile = OutputTile<Output, kRows, kColumns, kThreads>;
  static constexpr int kSharedBytes =
      kTableBytes + kFlagBytes + (2 * kStageWords * 4 > Tile::kBytes ? 2 * kStageWords * 4 : Tile::kBytes);

  OCTET_DEVICE ConvDot(Thread& thread, const ConvParams& p)
      : thread_(thread),
        p_(p),
        tile_(conv_tile(thread, p, kRows, kColumns)),
        rows_(reinterpret_cast<ConvRow*>(thread.shared())),
        flag_(reinterpret_cast<s32*>(thread.shared() + kTableBytes)),
        stages_(reinterpret_cast<u32*>(thread.shared() + kTableBytes + kFlagBytes)),
        cursor_(p, tile_, tile_.first_slice * kPieces + thread.index() % kPieces, kPieceBytes) {}

  OCTET_DEVICE void run() {
    for (int r = thread_.index(); r < kRows; r += kThreads) rows_[r] = conv_row(p_, tile_, r);
    thread_.sync();
    fetch(0);
    put(0);
    thread_.sync();
    for (int s = 0; s < tile_.slices; ++s) {
      const bool more = s + 1 < tile_.slices;
      if (more) fetch(s + 1);
      multiply(stages_ + s % 2 * kStageWords);
      if (more) put(s + 1);
      thread_.sync();
    }
    const Tile outputs(p_, tile_, rows_, reinterpret_cast<u8*>(stages_));
    complete_tile<Output>(thread_, p_, tile_, rows_, flag_, outputs, [&](auto&& work) { for_each(work); });
  }

 private:
  static constexpr int kSliceBytes = kSliceChannels * static_cast<int>(sizeof(Input));
  static constexpr int kPieces = kSliceBytes / kPieceBytes;  // of a row in a slice
  static constexpr int kPieceWords = kPieceBytes / 4;
  static constexpr int kRowPieces = (kRows * kPieces + kThreads - 1) / kThreads;  // that a thread loads
  static constexpr int kWeightPieces = (kColumns * 2 + kThreads - 1) / kThreads;
  static constexpr int kRowRuns = kRows / 64, kColumnRuns = kColumns / 64;
  static_assert(kThreads % kPieces == 0 && kRows % 64 == 0 && kColumns % 64 == 0);

  OCTET_DEVICE bool has_row(int i) const { return thread_.index() + i * kThreads < kRows * kPieces; }
  OCTET_DEVICE bool has_column(int i) const { return thread_.index() + i * kThreads < kColumns * 2; }
  OCTET_DEVICE int row_of(int i) const { return (thread_.index() + i * kThreads) / kPieces; }
  OCTET_DEVICE int column_of(int i) const { return (thread_.index() + i * kThreads) / 2; }

  /// A slice from global memory into registers.
  OCTET_DEVICE void fetch(int slice) {
    OCTET_UNROLL
    for (int i = 0; i < kRowPieces; ++i) {
      if (!has_row(i)) continue;
      const u8* from = cursor_.source(p_, rows_[row_of(i)]);
      if constexpr (kPieceBytes == 16) {
        input_[i] = *reinterpret_cast<const Bytes16*>(from);
      } else {
        input_[i].word[0] = *reinterpret_cast<const u32*>(from);
      }
    }
    cursor_.advance(p_, kPieces);
    const u8* weights = p_.weights + tile_.group * p_.weights_group +
                        static_cast<s64>(tile_.first_slice + slice) * p_.lanes * kSliceChannels;
    OCTET_UNROLL
    for (int i = 0; i < kWeightPieces; ++i) {
      if (!has_column(i)) continue;
      int lane = tile_.first_column + column_of(i);
      if (lane >= p_.lanes) lane = p_.lanes - 1;
      weights_[i] = *reinterpret_cast<const Bytes16*>(weights + static_cast<s64>(lane) * kSliceChannels +
                                                      thread_.index() % 2 * 16);
    }
  }

  /// And on to shared memory.
  OCTET_DEVICE void put(int slice) {
    u32* a = stages_ + slice % 2 * kStageWords;
    u32* b = a + kWords * kInputWords * kRowPitch;
    OCTET_UNROLL
    for (int i = 0; i < kRowPieces; ++i) {
      if (!has_row(i)) continue;
      const int word = thread_.index() % kPieces * kPieceWords;
      OCTET_UNROLL
      for (int w = 0; w < kPieceWords; ++w) a[(word + w) * kRowPitch + row_of(i)] = input_[i].word[w];
    }
    OCTET_UNROLL
    for (int i = 0; i < kWeightPieces; ++i) {
      if (!has_column(i)) continue;
      OCTET_UNROLL
      for (int w = 0; w < 4; ++w)
        b[(thread_.index() % 2 * 4 + w) * kColumnPitch + column_of(i)] = weights_[i].word[w];
    }
  }

  OCTET_DEVICE void multiply(const u32* stage) {
    const u32* b_stage = stage + kWords * kInputWords * kRowPitch;
    const int first_row = thread_.index() / 16 * 4, first_column = thread_.index() % 16 * 4;
    OCTET_UNROLL
    for (int k = 0; k < kWords; ++k) {
      Bytes16 a[kInputWords][kRowRuns], b[kColumnRuns];
      OCTET_UNROLL
      for (int w = 0; w < kInputWords; ++w) OCTET_UNROLL
      for (int r = 0; r < kRowRuns; ++r)
        a[w][r] =
            *reinterpret_cast<const Bytes16*>(stage + (k * kInputWords + w) * kRowPitch + first_row + 64 * r);
      OCTET_UNROLL
      for (int c = 0; c < kColumnRuns; ++c)
        b[c] = *reinterpret_cast<const Bytes16*>(b_stage + k * kColumnPitch + first_column + 64 * c);
      OCTET_UNROLL
      for (int r = 0; r < 4 * kRowRuns; ++r) OCTET_UNROLL
      for (int c = 0; c < 4 * kColumnRuns; ++c) {
        const u32 weights = b[c / 4].word[c % 4];
        if constexpr (kInputWords == 1) {
          sums_[r][c] = dot4(a[0][r / 4].word[r % 4], weights, sums_[r][c]);
        } else {
          sums_[r][c] = dot2_low(a[0][r / 4].word[r % 4], weights, sums_[r][c]);
          sums_[r][c] = dot2_high(a[kInputWords - 1][r / 4].word[r % 4], weights, sums_[r][c]);
        }
      }
    }
  }

  /// work(row, column, sum) for each sum that this thread holds.
  template <class Do>
  OCTET_DEVICE void for_each(const Do& work) {
    const int first_row = thread_.index() / 16 * 4, first_column = thread_.index() % 16 * 4;
    OCTET_UNROLL
    for (int r = 0; r < 4 * kRowRuns; ++r) OCTET_UNROLL
    for (int c = 0; c < 4 * kColumnRuns; ++c)
      work(first_row + r / 4 * 64 + r % 4, first_column + c / 4 * 64 + c % 4, sums_[r][c]);
  }

  Thread& thread_;
  const ConvParams& p_;
  const ConvTile tile_;
  ConvRow* rows_;
  s32* flag_;
  u32* stages_;
  PieceCursor cursor_;
  Bytes16 input_[kRowPieces], weights_[kWeightPieces];
  s32 sums_[4 * kRowRuns][4 * kColumnRuns] = {};
};

}  // namespace octet::cuda::device
