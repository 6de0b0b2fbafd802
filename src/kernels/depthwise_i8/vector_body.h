// The family's vector code, written once: each instruction set's file includes its vectors first, then this.
// `Unit` is the widest vector with add_products(), which multiplies what interleaving made. Internal linkage
// throughout.
#pragma once

#include "kernels/depthwise_i8/contract.h"

namespace octet::kernels {
namespace {

constexpr int kVectors = 4;  // of a unit
/// Neighbouring outputs, of one row or two, whose sums are in registers together.
constexpr int kOutputs = 8;

/// A unit that multiplies 16-bit integers, two rows a lane: exact on every CPU.
template <class Vector>
struct Pairs : Vector {
  using typename Vector::Integers;
  static Integers add_products(Integers sums, Integers x, Integers w) {
    return Vector::add_pair_products(sums, x, w);
  }
};

// ---- interleave ------------------------------------------------------------------------------------------

template <class Vector>
struct Quads {
  typename Vector::Integers vector[kVectors];
};

/// The bytes of four rows in the bytes of lanes.
template <class Vector, class Integers = typename Vector::Integers>
[[gnu::always_inline]] inline Quads<Vector> interleave_rows(Integers a, Integers b, Integers c, Integers d) {
  const auto low_ab = Vector::unpack_low_8(a, b), high_ab = Vector::unpack_high_8(a, b);
  const auto low_cd = Vector::unpack_low_8(c, d), high_cd = Vector::unpack_high_8(c, d);
  return {{Vector::unpack_low_16(low_ab, low_cd), Vector::unpack_high_16(low_ab, low_cd),
           Vector::unpack_low_16(high_ab, high_cd), Vector::unpack_high_16(high_ab, high_cd)}};
}

/// Two rows as 16-bit integers.
template <class Vector, class Integers = typename Vector::Integers>
[[gnu::always_inline]] inline Quads<Vector> interleave_rows(Integers a, Integers b) {
  const auto low = Vector::unpack_low_8(a, b), high = Vector::unpack_high_8(a, b), zero = Vector::zero();
  return {{Vector::unpack_low_8(low, zero), Vector::unpack_high_8(low, zero),
           Vector::unpack_low_8(high, zero), Vector::unpack_high_8(high, zero)}};
}

/// Channels that fill a vector of bytes, for units of kUnit channels.
template <class Vector, int kRows, std::int64_t kUnit>
void interleave_channels(const DepthwiseI8Columns& columns) {
  constexpr std::int64_t kGroupBytes = kVectors * kUnit;
  for (std::int64_t g = 0; g < columns.groups; ++g) {
    const DepthwiseI8Row* rows = columns.rows + g * kRows;
    const std::uint8_t* p[kRows];
    for (int r = 0; r < kRows; ++r) p[r] = rows[r].data + columns.first * rows[r].step;
    std::byte* to = columns.to + g * kGroupBytes;
    for (std::int64_t x = 0; x < columns.count; ++x, to += columns.groups * kGroupBytes) {
      Quads<Vector> quads;
      if constexpr (kRows == 4) {
        quads = interleave_rows<Vector>(Vector::load(p[0]), Vector::load(p[1]), Vector::load(p[2]),
                                        Vector::load(p[3]));
      } else {
        quads = interleave_rows<Vector>(Vector::load(p[0]), Vector::load(p[1]));
      }
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) Vector::store(to + v * kUnit, quads.vector[v]);
      for (int r = 0; r < kRows; ++r) p[r] += rows[r].step;
    }
  }
}

// ---- multiply --------------------------------------------------------------------------------------------

/// One vector of kRows x kCount neighbouring outputs, whose weights are packed for kPackedRows rows.
template <class Unit, int kRows, int kPackedRows, int kCount>
struct Sums {
  typename Unit::Integers of[kRows][kCount];

  /// Adds the products of vector `vector`.
  [[gnu::always_inline]] void add_products(const DepthwiseI8Tile& t, std::int64_t pixel, int vector) {
    constexpr std::int64_t kWeightStep = kPackedRows * Unit::kBytes;
    const std::byte* weights = t.weights + vector * t.taps * t.groups * kWeightStep;
    const std::byte* columns = t.columns + pixel * t.pixel_step + vector * Unit::kBytes;
    for (std::int64_t tap = 0; tap < t.taps; ++tap, columns += t.tap_step) {
      const std::byte* column = columns;
      for (std::int64_t g = 0; g < t.groups; ++g) {
        typename Unit::Integers w[kRows];
#pragma GCC unroll 2
        for (int row = 0; row < kRows; ++row) w[row] = Unit::load(weights + row * Unit::kBytes);
#pragma GCC unroll 8
        for (int i = 0; i < kCount; ++i) {
          const auto x = Unit::load(column + i * t.pixel_step);
#pragma GCC unroll 2
          for (int row = 0; row < kRows; ++row) of[row][i] = Unit::add_products(of[row][i], x, w[row]);
        }
        weights += kWeightStep, column += kVectors * Unit::kBytes;
      }
    }
  }
};

// ---- outputs ---------------------------------------------------------------------------------------------

/// Bytes of a unit's parts, whose first is at `to` in output row `row`.
template <class Unit>
inline void store_parts(const DepthwiseI8Tile& t, std::int64_t row, std::byte* to,
                        typename Unit::Integers bytes) {
  const std::int64_t step = t.packed_rows * t.output_row_step;
  if (t.channels == Unit::kBytes / 2) {
    Unit::template store_half<0>(to, bytes);
    if (row + t.packed_rows < t.rows) Unit::template store_half<1>(to + step, bytes);
    return;
  }
  if constexpr (Unit::kBytes == 64) {
    Unit::template store_quarter<0>(to, bytes);
    if (row + t.packed_rows < t.rows) Unit::template store_quarter<1>(to + step, bytes);
    if (row + 2 * t.packed_rows < t.rows) Unit::template store_quarter<2>(to + 2 * step, bytes);
    if (row + 3 * t.packed_rows < t.rows) Unit::template store_quarter<3>(to + 3 * step, bytes);
  }
}

/// Bytes of neighbouring outputs of kRows rows.
template <class Unit, int kRows, int kCount>
[[gnu::always_inline]] inline void store_bytes(const DepthwiseI8Tile& t, std::int64_t pixel,
                                               const typename Unit::Integers (&bytes)[kRows][kCount]) {
  std::byte* first = t.output + pixel * t.output_step;
  const bool whole = t.channels == Unit::kBytes;
#pragma GCC unroll 2
  for (int row = 0; row < kRows; ++row, first += t.output_row_step) {
    std::byte* to = first;
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i, to += t.output_step) {
      if (whole) {
        Unit::store(to, bytes[row][i]);
      } else {
        store_parts<Unit>(t, row, to, bytes[row][i]);
      }
    }
  }
}

/// Bytes of the plainest kind, by far the most frequent: bounded, no residual, no map of biases, not leaky.
/// Packing clamps them to 0 ... 255; as narrower bounds (kClamped) are integers too, they come last of all.
template <class Unit, int kRows, int kPackedRows, int kCount, bool kClamped>
void multiply_to_bytes(const DepthwiseI8Tile& t, std::int64_t pixel) {
  using Integers = typename Unit::Integers;
  const auto addend = Unit::all(t.addend);
  Integers halves[2][kRows][kCount];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const auto bias = Unit::load(t.bias + v * (Unit::kBytes / 4));
    Sums<Unit, kRows, kPackedRows, kCount> sums;
#pragma GCC unroll 8
    for (int i = 0; i < kRows * kCount; ++i) sums.of[i / kCount][i % kCount] = bias;
    sums.add_products(t, pixel, v);
    const auto m = Unit::load(t.multipliers + v * (Unit::kBytes / 4));
#pragma GCC unroll 2
    for (int row = 0; row < kRows; ++row)
#pragma GCC unroll 8
      for (int i = 0; i < kCount; ++i) {
        const Integers q =
            Unit::to_integers(Unit::fused_multiply_add(Unit::to_float(sums.of[row][i]), m, addend));
        Integers& half = halves[v / 2][row][i];
        half = v % 2 == 0 ? q : Unit::pack_to_s16(half, q);
      }
  }
  const Integers low = Unit::all_bytes(static_cast<std::uint8_t>(t.low));
  const Integers high = Unit::all_bytes(static_cast<std::uint8_t>(t.high));
#pragma GCC unroll 2
  for (int row = 0; row < kRows; ++row)
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) {
      Integers& bytes = halves[0][row][i];
      bytes = Unit::pack_to_u8(bytes, halves[1][row][i]);
      if constexpr (kClamped) bytes = Unit::min_u8(Unit::max_u8(bytes, low), high);
    }
  store_bytes<Unit>(t, pixel, halves[0]);
}

template <class Unit>
inline typename Unit::Floats requantize(typename Unit::Floats real, const DepthwiseI8Tile& t) {
  if (t.leaky) {
    const auto zero = Unit::all(t.zero);
    const auto bent = Unit::fused_multiply_add(Unit::subtract(real, zero), Unit::all(t.slope), zero);
    real = Unit::where_less(real, zero, bent, real);
  }
  return Unit::min(Unit::max(real, Unit::all(t.low)), Unit::all(t.high));
}

template <class Unit>
inline typename Unit::Floats rectify(typename Unit::Floats real, const DepthwiseI8Tile& t) {
  if (!t.rectified) return real;
  const auto zero = Unit::all(0);
  const auto bent =
      Unit::add(Unit::max(real, zero), Unit::multiply(Unit::all(t.slope), Unit::min(real, zero)));
  return Unit::min(bent, Unit::all(t.high));
}

template <class Unit>
typename Unit::Integers finish_bytes(const DepthwiseI8Tile& t, std::int64_t row, std::int64_t pixel,
                                     const typename Unit::Integers (&sums)[kVectors]) {
  Quads<Unit> residual{};
  if (t.residual != nullptr)
    residual =
        interleave_rows<Unit>(Unit::load(t.residual + row * t.residual_row_step + pixel * t.residual_step),
                              Unit::zero(), Unit::zero(), Unit::zero());
  typename Unit::Integers q[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    auto addend = Unit::all(t.addend);
    if (t.residual != nullptr)
      addend = Unit::fused_multiply_add(Unit::to_float(residual.vector[v]), Unit::all(t.residual_scale),
                                        Unit::all(t.residual_offset));
    const auto m = Unit::load(t.multipliers + v * (Unit::kBytes / 4));
    q[v] =
        Unit::to_integers(requantize<Unit>(Unit::fused_multiply_add(Unit::to_float(sums[v]), m, addend), t));
  }
  return Unit::pack_to_u8(Unit::pack_to_s16(q[0], q[1]), Unit::pack_to_s16(q[2], q[3]));
}

template <class Unit>
void finish_reals(const DepthwiseI8Tile& t, std::int64_t row, std::int64_t pixel,
                  const typename Unit::Integers (&sums)[kVectors]) {
  float* to = reinterpret_cast<float*>(t.output) + row * t.output_row_step + pixel * t.output_step;
  const float* residual = reinterpret_cast<const float*>(t.residual);
  const std::int64_t blocks = t.channels / 16;
  if (residual != nullptr) residual += row * t.residual_row_step + pixel * t.residual_step;
  for (int v = 0; v < kVectors; ++v) {
    const auto addend =
        residual != nullptr ? Unit::load_blocks(residual + 4 * v, t.residual_plane, blocks) : Unit::all(0);
    const auto m = Unit::load(t.multipliers + v * (Unit::kBytes / 4));
    const auto real = Unit::fused_multiply_add(Unit::to_float(sums[v]), m, addend);
    Unit::store_blocks(to + 4 * v, t.output_plane, blocks, rectify<Unit>(real, t));
  }
}

/// Outputs of every kind.
template <class Unit, int kRows, int kPackedRows>
void multiply_to_any(const DepthwiseI8Tile& t, std::int64_t pixel) {
  typename Unit::Integers sums[kRows][kVectors], bytes[kRows][1];
  for (int v = 0; v < kVectors; ++v) {
    const std::int32_t* bias = t.bias + pixel * t.bias_step + v * (Unit::kBytes / 4);
    Sums<Unit, kRows, kPackedRows, 1> of_vector;
    for (int row = 0; row < kRows; ++row) of_vector.of[row][0] = Unit::load(bias + row * t.bias_row_step);
    of_vector.add_products(t, pixel, v);
    for (int row = 0; row < kRows; ++row) sums[row][v] = of_vector.of[row][0];
  }
  if (t.real_output) {
    for (int row = 0; row < kRows; ++row) finish_reals<Unit>(t, row, pixel, sums[row]);
    return;
  }
  for (int row = 0; row < kRows; ++row) bytes[row][0] = finish_bytes<Unit>(t, row, pixel, sums[row]);
  store_bytes<Unit>(t, pixel, bytes);
}

/// `count` pixels, at most kCount.
template <class Unit, int kRows, int kPackedRows, int kCount, bool kClamped>
void multiply_pixels(const DepthwiseI8Tile& t, std::int64_t pixel, std::int64_t count) {
  if (count == kCount) return multiply_to_bytes<Unit, kRows, kPackedRows, kCount, kClamped>(t, pixel);
  if constexpr (kCount > 1) multiply_pixels<Unit, kRows, kPackedRows, kCount - 1, kClamped>(t, pixel, count);
}

/// All pixels in pieces of nearly the same size.
template <class Unit, int kRows, int kPackedRows, bool kClamped>
void multiply_row(const DepthwiseI8Tile& t) {
  constexpr int kPixels = kOutputs / kRows;
  std::int64_t pieces = (t.pixels + kPixels - 1) / kPixels;
  for (std::int64_t pixel = 0; pieces > 0; --pieces) {
    const std::int64_t count = (t.pixels - pixel + pieces - 1) / pieces;
    multiply_pixels<Unit, kRows, kPackedRows, kPixels, kClamped>(t, pixel, count);
    pixel += count;
  }
}

template <class Unit, int kRows, int kPackedRows>
void multiply_rows(const DepthwiseI8Tile& t) {
  if (t.real_output || t.leaky || t.residual != nullptr || t.bias_step != 0 || !t.bounded) {
    for (std::int64_t x = 0; x < t.pixels; ++x) multiply_to_any<Unit, kRows, kPackedRows>(t, x);
  } else if (t.low > 0 || t.high < 255) {
    multiply_row<Unit, kRows, kPackedRows, true>(t);
  } else {
    multiply_row<Unit, kRows, kPackedRows, false>(t);
  }
}

template <class Unit>
void multiply_unit(const DepthwiseI8Tile& t) {
  if (t.packed_rows == 1) return multiply_rows<Unit, 1, 1>(t);
  if (t.rows == 1) return multiply_rows<Unit, 1, 2>(t);
  multiply_rows<Unit, 2, 2>(t);
}

}  // namespace
}  // namespace octet::kernels
