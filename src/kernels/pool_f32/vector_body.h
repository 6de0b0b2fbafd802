// The family's vector code over F32x16, written once: each instruction set's file includes its F32x16 first,
// then this. Internal linkage throughout.
//
// Small windows go column by column: a column's value (the maximum or sum over the window's rows) is computed
// once and kept in a register for every window that shares it, so a 3x3 window costs 3 loads at stride 1 and
// 6 at stride 2. Other windows, and those clipped at a row's ends, are read pixel by pixel.
#pragma once

#include "kernels/pool_f32/contract.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kLanes = 16;

struct Maximum {
  static F32x16 identity() { return broadcast(-__builtin_inff()); }
  static F32x16 combine(F32x16 a, F32x16 b) { return max_or_nan(a, b); }
  static F32x16 finish(F32x16 value, const PoolRow&, std::int64_t) { return value; }
};
struct Average {
  static F32x16 identity() { return broadcast(0); }
  static F32x16 combine(F32x16 a, F32x16 b) { return a + b; }
  static F32x16 finish(F32x16 value, const PoolRow& row, std::int64_t out_x) {
    return value * broadcast(row.reciprocals[out_x]);
  }
};

/// A run of neighbouring pixels folded into four partial results, so that the additions' latency overlaps.
template <class Kind>
inline void fold_run(F32x16 (&partial)[4], const float* p, std::int64_t pixels) {
  std::int64_t i = 0;
  for (; i + 4 <= pixels; i += 4)
    for (int j = 0; j < 4; ++j) partial[j] = Kind::combine(partial[j], load(p + (i + j) * kLanes));
  for (int j = 0; j < 3; ++j)  // constant indices, so that the partial results stay in registers
    if (i + j < pixels) partial[j] = Kind::combine(partial[j], load(p + (i + j) * kLanes));
}

template <class Kind>
inline F32x16 any_window(const PoolRow& row, std::int64_t begin, std::int64_t end) {
  F32x16 partial[4] = {Kind::identity(), Kind::identity(), Kind::identity(), Kind::identity()};
  if (begin == 0 && end == row.width && row.row_pitch == row.width * kLanes) {
    fold_run<Kind>(partial, row.input, row.rows * row.width);  // whole rows: a global pool is one run
  } else {
    for (std::int64_t y = 0; y < row.rows; ++y)
      fold_run<Kind>(partial, row.input + y * row.row_pitch + begin * kLanes, end - begin);
  }
  return Kind::combine(Kind::combine(partial[0], partial[1]), Kind::combine(partial[2], partial[3]));
}

template <class Kind>
inline void clipped_pixels(const PoolRow& row, std::int64_t out_begin, std::int64_t out_end) {
  for (std::int64_t out_x = out_begin; out_x < out_end; ++out_x) {
    const std::int64_t x = out_x * row.stride_w - row.pad_left;
    const std::int64_t begin = x < 0 ? 0 : x;
    const std::int64_t end = x + row.kernel_w < row.width ? x + row.kernel_w : row.width;
    const F32x16 value =
        begin < end ? Kind::finish(any_window<Kind>(row, begin, end), row, out_x) : broadcast(0);
    store(row.output + out_x * kLanes, value);
  }
}

/// kRows 0: as many as the row says.
template <class Kind, int kRows>
inline F32x16 column(const float* p, const PoolRow& row) {
  const std::int64_t rows = kRows > 0 ? kRows : row.rows;
  F32x16 value = load(p);
  for (std::int64_t y = 1; y < rows; ++y) value = Kind::combine(value, load(p + y * row.row_pitch));
  return value;
}

/// Windows of 2 or 3 columns. Named registers, as GCC keeps a small array of vector pairs in memory.
template <class Kind, int kRows, int kColumns, int kStride>
void interior_pixels(const PoolRow& row) {
  static_assert(kColumns == 2 || kColumns == 3);
  constexpr int kShared = kColumns > kStride ? kColumns - kStride : 0;
  const float* p = row.input + (row.interior_begin * kStride - row.pad_left) * kLanes;
  const auto at = [&](int i) { return column<Kind, kRows>(p + i * kLanes, row); };
  F32x16 first = at(0), second = at(1);
  for (std::int64_t out_x = row.interior_begin; out_x < row.interior_end; ++out_x) {
    if constexpr (kShared < 1) first = at(0);
    if constexpr (kShared < 2) second = at(1);
    F32x16 value = Kind::combine(first, second);
    if constexpr (kColumns == 3) {
      const F32x16 third = at(2);
      value = Kind::combine(value, third);
      first = kStride == 1 ? second : third;
      second = third;
    } else {
      first = second;
    }
    store(row.output + out_x * kLanes, Kind::finish(value, row, out_x));
    p += kStride * kLanes;
  }
}

template <class Kind, int kSize, int kStride>
bool interior_if(const PoolRow& row) {
  if (row.kernel_w != kSize || row.stride_w != kStride) return false;
  if (row.interior_begin == row.interior_end) return true;
  if (row.rows == kSize) {
    interior_pixels<Kind, kSize, kSize, kStride>(row);
  } else {
    interior_pixels<Kind, 0, kSize, kStride>(row);
  }
  return true;
}

template <class Kind>
void pool_row(const PoolRow& row) {
  clipped_pixels<Kind>(row, 0, row.interior_begin);
  if (!interior_if<Kind, 3, 2>(row) && !interior_if<Kind, 3, 1>(row) && !interior_if<Kind, 2, 2>(row) &&
      !interior_if<Kind, 2, 1>(row)) {
    clipped_pixels<Kind>(row, row.interior_begin, row.interior_end);
  }
  clipped_pixels<Kind>(row, row.interior_end, row.out_width);
}

}  // namespace
}  // namespace octet::kernels
