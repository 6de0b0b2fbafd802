// The three inner parts of Winograd's F(4x4, 3x3) for any vector register: included by the instruction-set
// files only, whose Ops (vector_*.h) has internal linkage, and with it all that is made from these templates.
#pragma once

#include "kernels/conv_f32/winograd.h"

namespace octet::kernels {

template <class Ops>
struct WinogradTransforms {
  using Vector = typename Ops::Vector;
  static constexpr int kSide = kWinogradPatch;
  static constexpr float kA = 0.70710678118654752f, kB = 1.41421356237309505f;

  // The rows of B^T come as two outer ones of one form and two pairs that share their even and odd parts.

  /// x0 - 5/2 x2 + x4
  [[gnu::always_inline]] static Vector outer(Vector x0, Vector x2, Vector x4) {
    return Ops::add(x0, Ops::multiply_subtract(Ops::all(2.5f), x2, x4));
  }
  struct Pair {
    Vector plus, minus;
  };
  /// The rows of the points +-point: (x4 - other^2 x2) +- point (x3 - other^2 x1), other^2 = 1 / point^2.
  [[gnu::always_inline]] static Pair inner(float point, float other_squared, Vector x1, Vector x2, Vector x3,
                                           Vector x4) {
    const Vector square = Ops::all(other_squared), p = Ops::all(point);
    const Vector even = Ops::multiply_subtract(square, x2, x4);
    const Vector odd = Ops::multiply_subtract(square, x1, x3);
    return {Ops::multiply_add(p, odd, even), Ops::multiply_subtract(p, odd, even)};
  }

  /// One row of B^T patch, times B: six points stored.
  [[gnu::always_inline]] static void transform_row(const Vector* x, float* v, std::ptrdiff_t point_stride) {
    Ops::store(v, outer(x[0], x[2], x[4]));
    const Pair near = inner(kA, 2.0f, x[1], x[2], x[3], x[4]);
    Ops::store(v + point_stride, near.plus);
    Ops::store(v + 2 * point_stride, near.minus);
    const Pair far = inner(kB, 0.5f, x[1], x[2], x[3], x[4]);
    Ops::store(v + 3 * point_stride, far.plus);
    Ops::store(v + 4 * point_stride, far.minus);
    Ops::store(v + 5 * point_stride, outer(x[1], x[3], x[5]));
  }

  // Each row of B^T patch is made straight from memory, which is cheaper than keeping all 36 values: more
  // loads, all from L1, but nothing spilled.
  static void input(const float* patch, std::ptrdiff_t row_stride, float* v, std::ptrdiff_t point_stride) {
    for (int lane = 0; lane < 16; lane += Ops::kLanes) {
      const auto pixel = [=](int y, int x) { return Ops::load(patch + y * row_stride + x * 16 + lane); };
      const auto row = [=](int i) { return v + i * kSide * point_stride + lane; };
      Vector t[kSide], u[kSide];
#pragma GCC unroll 6
      for (int x = 0; x < kSide; ++x) t[x] = outer(pixel(0, x), pixel(2, x), pixel(4, x));
      transform_row(t, row(0), point_stride);
#pragma GCC unroll 6
      for (int x = 0; x < kSide; ++x) {
        const Pair near = inner(kA, 2.0f, pixel(1, x), pixel(2, x), pixel(3, x), pixel(4, x));
        t[x] = near.plus, u[x] = near.minus;
      }
      transform_row(t, row(1), point_stride);
      transform_row(u, row(2), point_stride);
#pragma GCC unroll 6
      for (int x = 0; x < kSide; ++x) {
        const Pair far = inner(kB, 0.5f, pixel(1, x), pixel(2, x), pixel(3, x), pixel(4, x));
        t[x] = far.plus, u[x] = far.minus;
      }
      transform_row(t, row(3), point_stride);
      transform_row(u, row(4), point_stride);
#pragma GCC unroll 6
      for (int x = 0; x < kSide; ++x) t[x] = outer(pixel(1, x), pixel(3, x), pixel(5, x));
      transform_row(t, row(5), point_stride);
    }
  }

  /// y = A^T m
  [[gnu::always_inline]] static void evaluate(const Vector* m, Vector* y) {
    const Vector near_sum = Ops::add(m[1], m[2]), near_difference = Ops::subtract(m[1], m[2]);
    const Vector far_sum = Ops::add(m[3], m[4]), far_difference = Ops::subtract(m[3], m[4]);
    y[0] = Ops::add(Ops::add(m[0], near_sum), far_sum);
    y[1] = Ops::multiply_add(Ops::all(kB), far_difference, Ops::multiply(Ops::all(kA), near_difference));
    y[2] = Ops::multiply_add(Ops::all(2.0f), far_sum, Ops::multiply(Ops::all(0.5f), near_sum));
    y[3] = Ops::multiply_add(Ops::all(2.0f * kB), far_difference,
                             Ops::multiply_add(Ops::all(0.5f * kA), near_difference, m[5]));
  }

  template <bool kWhole>
  [[gnu::always_inline]] static void finish_row(const Vector* values, const WinogradStore& store, Vector bias,
                                                std::ptrdiff_t offset) {
#pragma GCC unroll 4
    for (int x = 0; x < kWinogradTile; ++x) {
      if (!kWhole && x >= store.columns) return;
      Vector y = Ops::add(values[x], bias);
      if (store.residual) y = Ops::add(y, Ops::load(store.residual + offset + x * 16));
      Ops::store(store.output + offset + x * 16, activate<Ops>(y, store.activation));
    }
  }

  static void output(const float* m, std::ptrdiff_t point_stride, const WinogradStore& store) {
    const bool whole = store.columns == kWinogradTile;
    for (int lane = 0; lane < 16; lane += Ops::kLanes) {
      Vector half[kWinogradTile][kSide];  // A^T m
#pragma GCC unroll 6
      for (int j = 0; j < kSide; ++j) {
        Vector column[kSide], y[kWinogradTile];
#pragma GCC unroll 6
        for (int i = 0; i < kSide; ++i) column[i] = Ops::load(m + (i * kSide + j) * point_stride + lane);
        evaluate(column, y);
#pragma GCC unroll 4
        for (int i = 0; i < kWinogradTile; ++i) half[i][j] = y[i];
      }
      const Vector bias = Ops::load(store.bias + lane);
#pragma GCC unroll 4
      for (int i = 0; i < kWinogradTile; ++i) {
        if (i >= store.rows) break;
        Vector y[kWinogradTile];
        evaluate(half[i], y);
        const std::ptrdiff_t offset = i * store.row_stride + lane;
        if (whole) {
          finish_row<true>(y, store, bias, offset);
        } else {
          finish_row<false>(y, store, bias, offset);
        }
      }
    }
  }
};

/// WinogradIsa::Multiply for kRows tiles and kColumns * Ops::kLanes output channels, all sums in registers.
template <class Ops, int kRows, int kColumns>
void winograd_multiply(const float* v, std::ptrdiff_t v_stride, const float* u, std::int64_t input_blocks,
                       float* m, std::ptrdiff_t m_stride) {
  using Vector = typename Ops::Vector;
  Vector sums[kRows][kColumns];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (int k = 0; k < kColumns; ++k) sums[r][k] = Ops::zero();
  for (; input_blocks > 0; --input_blocks, v += v_stride) {
    // The next lines of V lie too far apart for the hardware to see them coming.
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) __builtin_prefetch(v + v_stride + r * 16);
#pragma GCC unroll 2
    for (int c = 0; c < 16; ++c, u += kColumns * Ops::kLanes) {
      Vector weights[kColumns];
#pragma GCC unroll 2
      for (int k = 0; k < kColumns; ++k) weights[k] = Ops::load(u + k * Ops::kLanes);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const Vector x = Ops::all(v[r * 16 + c]);
#pragma GCC unroll 2
        for (int k = 0; k < kColumns; ++k) sums[r][k] = Ops::multiply_add(x, weights[k], sums[r][k]);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (int k = 0; k < kColumns; ++k) {
      const int column = k * Ops::kLanes;
      Ops::store(m + column / 16 * m_stride + r * 16 + column % 16, sums[r][k]);
    }
}

/// Fills the table's column of products with 1..kRows rows.
template <class Ops, int kRows, int kColumnBlocks>
constexpr void set_winograd_products(WinogradIsa& isa) {
  isa.multiply[kColumnBlocks - 1][kRows - 1] =
      winograd_multiply<Ops, kRows, kColumnBlocks * 16 / Ops::kLanes>;
  if constexpr (kRows > 1) set_winograd_products<Ops, kRows - 1, kColumnBlocks>(isa);
}

}  // namespace octet::kernels
