// The three inner parts of Winograd's convolution for any vector register: included by the instruction-set
// files only, whose Ops (vector_*.h) has internal linkage, and with it all that is made from these templates.
#pragma once

#include "kernels/conv_f32/winograd.h"

namespace octet::kernels {

/// The rows of B^T along one axis. They come as two outer ones of one form and two pairs that share their
/// even and odd parts. x(k) is input k of the patch.
template <class Ops, bool kShort>
struct WinogradAxis {
  using Vector = typename Ops::Vector;
  static constexpr int kInputs = kWinogradPatch - kShort;
  static constexpr float kA = 0.70710678118654752f, kB = 1.41421356237309505f;

  /// The points +-p.
  struct Pair {
    Vector plus, minus;
  };

  template <class X>
  [[gnu::always_inline]] static Vector zero(X x) {
    static_assert(!kShort, "short tiles do without this point");
    return outer(x(0), x(2), x(4));
  }
  template <class X>
  [[gnu::always_inline]] static Pair near(X x) {
    return pair(kA, 2.0f, x);
  }
  template <class X>
  [[gnu::always_inline]] static Pair far(X x) {
    return pair(kB, 0.5f, x);
  }
  template <class X>
  [[gnu::always_inline]] static Vector infinity(X x) {
    constexpr int kFirst = kShort ? 0 : 1;
    return outer(x(kFirst), x(kFirst + 2), x(kFirst + 4));
  }

 private:
  /// x0 - 5/2 x2 + x4
  [[gnu::always_inline]] static Vector outer(Vector x0, Vector x2, Vector x4) {
    return Ops::add(x0, Ops::multiply_subtract(Ops::all(2.5f), x2, x4));
  }
  /// even +- point * odd, where the other pair's points are +-1 / point.
  template <class X>
  [[gnu::always_inline]] static Pair pair(float point, float other_squared, X x) {
    const Vector p = Ops::all(point), square = Ops::all(other_squared), x1 = x(1), x2 = x(2), x3 = x(3);
    const Vector odd = Ops::multiply_subtract(square, x1, x3);
    Vector even;
    if constexpr (kShort) {
      even = Ops::subtract(Ops::multiply(Ops::all(1 / other_squared), x2), x(0));
    } else {
      even = Ops::multiply_subtract(square, x2, x(4));
    }
    return {Ops::multiply_add(p, odd, even), Ops::multiply_subtract(p, odd, even)};
  }
};

/// WinogradIsa::InputTransform
template <class Ops, bool kShortRows, bool kShortColumns>
class WinogradInput {
 public:
  // Each row of B^T patch is made straight from memory, which is cheaper than keeping all 36 values: more
  // loads, all from L1, but nothing spilled.
  static void transform(const float* patch, std::ptrdiff_t row_stride, float* v,
                        std::ptrdiff_t point_stride) {
    for (int lane = 0; lane < 16; lane += Ops::kLanes) {
      const auto column = [=](int x) {
        return [=](int y) { return Ops::load(patch + y * row_stride + x * 16 + lane); };
      };
      const auto row = [=](int i) { return v + i * kWinogradPatch * point_stride + lane; };
      Vector t[Columns::kInputs], u[Columns::kInputs];
      if constexpr (!kShortRows) {
#pragma GCC unroll 6
        for (int x = 0; x < Columns::kInputs; ++x) t[x] = Rows::zero(column(x));
        transform_row(t, row(0), point_stride);
      }
#pragma GCC unroll 6
      for (int x = 0; x < Columns::kInputs; ++x) {
        const auto near = Rows::near(column(x));
        t[x] = near.plus, u[x] = near.minus;
      }
      transform_row(t, row(1), point_stride);
      transform_row(u, row(2), point_stride);
#pragma GCC unroll 6
      for (int x = 0; x < Columns::kInputs; ++x) {
        const auto far = Rows::far(column(x));
        t[x] = far.plus, u[x] = far.minus;
      }
      transform_row(t, row(3), point_stride);
      transform_row(u, row(4), point_stride);
#pragma GCC unroll 6
      for (int x = 0; x < Columns::kInputs; ++x) t[x] = Rows::infinity(column(x));
      transform_row(t, row(5), point_stride);
    }
  }

 private:
  using Vector = typename Ops::Vector;
  using Rows = WinogradAxis<Ops, kShortRows>;
  using Columns = WinogradAxis<Ops, kShortColumns>;

  /// One row of B^T patch, times B.
  [[gnu::always_inline]] static void transform_row(const Vector* values, float* v,
                                                   std::ptrdiff_t point_stride) {
    const auto x = [=](int k) { return values[k]; };
    if constexpr (!kShortColumns) Ops::store(v, Columns::zero(x));
    const auto near = Columns::near(x);
    Ops::store(v + point_stride, near.plus);
    Ops::store(v + 2 * point_stride, near.minus);
    const auto far = Columns::far(x);
    Ops::store(v + 3 * point_stride, far.plus);
    Ops::store(v + 4 * point_stride, far.minus);
    Ops::store(v + 5 * point_stride, Columns::infinity(x));
  }
};

/// WinogradIsa::OutputTransform
template <class Ops, int kKernel, bool kShortRows, bool kShortColumns>
class WinogradOutput {
 public:
  static void transform(const float* m, std::ptrdiff_t point_stride, const WinogradStore& store) {
    const bool whole = store.columns == kColumns;
    for (int lane = 0; lane < 16; lane += Ops::kLanes) {
      Vector half[kRows][kWinogradPatch];  // A^T m
#pragma GCC unroll 6
      for (int j = kShortColumns; j < kWinogradPatch; ++j) {
        Vector column[kWinogradPatch], y[kRows];
#pragma GCC unroll 6
        for (int i = kShortRows; i < kWinogradPatch; ++i)
          column[i] = Ops::load(m + (i * kWinogradPatch + j) * point_stride + lane);
        evaluate<kRows, kShortRows>(column, y);
#pragma GCC unroll 4
        for (int i = 0; i < kRows; ++i) half[i][j] = y[i];
      }
      const Vector bias = Ops::load(store.bias + lane);
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i) {
        if (i >= store.rows) break;
        Vector y[kColumns];
        evaluate<kColumns, kShortColumns>(half[i], y);
        const std::ptrdiff_t offset = i * store.row_stride + lane;
        if (whole) {
          finish_row<true>(y, store, bias, offset);
        } else {
          finish_row<false>(y, store, bias, offset);
        }
      }
    }
  }

 private:
  using Vector = typename Ops::Vector;
  static constexpr float kA = 0.70710678118654752f, kB = 1.41421356237309505f;
  static constexpr int kTile = winograd_tile(kKernel);
  static constexpr int kRows = kTile - kShortRows, kColumns = kTile - kShortColumns;

  /// y = A^T m
  template <int kOutputs, bool kShort>
  [[gnu::always_inline]] static void evaluate(const Vector* m, Vector* y) {
    const Vector near_sum = Ops::add(m[1], m[2]), near_difference = Ops::subtract(m[1], m[2]);
    const Vector far_sum = Ops::add(m[3], m[4]), far_difference = Ops::subtract(m[3], m[4]);
    y[0] = Ops::add(near_sum, far_sum);
    if constexpr (!kShort) y[0] = Ops::add(m[0], y[0]);
    if constexpr (kOutputs > 1)
      y[1] = Ops::multiply_add(Ops::all(kB), far_difference, Ops::multiply(Ops::all(kA), near_difference));
    if constexpr (kOutputs > 2)
      y[2] = Ops::multiply_add(Ops::all(2.0f), far_sum, Ops::multiply(Ops::all(0.5f), near_sum));
    if constexpr (kOutputs > 3)
      y[3] = Ops::multiply_add(Ops::all(2.0f * kB), far_difference,
                               Ops::multiply(Ops::all(0.5f * kA), near_difference));
    y[kOutputs - 1] = Ops::add(y[kOutputs - 1], m[5]);
  }

  template <bool kWhole>
  [[gnu::always_inline]] static void finish_row(const Vector* values, const WinogradStore& store, Vector bias,
                                                std::ptrdiff_t offset) {
#pragma GCC unroll 4
    for (int x = 0; x < kColumns; ++x) {
      if (!kWhole && x >= store.columns) return;
      Vector y = Ops::add(values[x], bias);
      if (store.residual) y = Ops::add(y, Ops::load(store.residual + offset + x * 16));
      Ops::store(store.output + offset + x * 16, activate<Ops>(y, store.activation));
    }
  }
};

/// WinogradIsa::Multiply for kRows tiles and kColumns * Ops::kLanes output channels, all sums in registers.
template <class Ops, int kRows, int kColumns>
void winograd_multiply(const float* v, std::ptrdiff_t v_stride, const float* u, std::int64_t channels,
                       float* m, std::ptrdiff_t m_stride) {
  using Vector = typename Ops::Vector;
  Vector sums[kRows][kColumns];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (int k = 0; k < kColumns; ++k) sums[r][k] = Ops::zero();
  for (; channels > 0; channels -= 16, v += v_stride) {
    // The next lines of V lie too far apart for the hardware to see them coming.
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) __builtin_prefetch(v + v_stride + r * 16);
    const float* x = v;
    for (std::int64_t quads = channels < 16 ? channels / 4 : 4; quads > 0; --quads, x += 4) {
#pragma GCC unroll 4
      for (int c = 0; c < 4; ++c, u += kColumns * Ops::kLanes) {
        Vector weights[kColumns];
#pragma GCC unroll 2
        for (int k = 0; k < kColumns; ++k) weights[k] = Ops::load(u + k * Ops::kLanes);
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
          const Vector value = Ops::all(x[r * 16 + c]);
#pragma GCC unroll 2
          for (int k = 0; k < kColumns; ++k) sums[r][k] = Ops::multiply_add(value, weights[k], sums[r][k]);
        }
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

/// Fills the tables of transforms for tiles that are short as said.
template <class Ops, bool kShortRows, bool kShortColumns>
constexpr void set_winograd_transforms(WinogradIsa& isa) {
  isa.input_transform[kShortRows][kShortColumns] = WinogradInput<Ops, kShortRows, kShortColumns>::transform;
  auto& output = isa.output_transform;
  output[0][kShortRows][kShortColumns] = WinogradOutput<Ops, 3, kShortRows, kShortColumns>::transform;
  output[1][kShortRows][kShortColumns] = WinogradOutput<Ops, 4, kShortRows, kShortColumns>::transform;
  output[2][kShortRows][kShortColumns] = WinogradOutput<Ops, 5, kShortRows, kShortColumns>::transform;
}
template <class Ops>
constexpr void set_winograd_transforms(WinogradIsa& isa) {
  set_winograd_transforms<Ops, false, false>(isa);
  set_winograd_transforms<Ops, false, true>(isa);
  set_winograd_transforms<Ops, true, false>(isa);
  set_winograd_transforms<Ops, true, true>(isa);
}

}  // namespace octet::kernels
