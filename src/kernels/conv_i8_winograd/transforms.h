// The two-dimensional transforms over the kinds of tile_kinds.h. Included by instruction-set files only,
// after words_avx2.h and simd/sums_avx2.h or their twins.
#pragma once

#include "kernels/conv_dot/epilogue.h"
#include "kernels/conv_i8_winograd/contract.h"
#include "kernels/conv_i8_winograd/tile_kinds.h"

namespace octet::kernels::conv_i8_winograd {
namespace {

/// B^T d B of one tile. What is kept between the two passes is up to four rows of six words, so rows of B^T d
/// are made as few at a time as share terms, and each is finished at once.
template <class Y, class X>
class InputTransform {
 public:
  static void run(const InputTile& tile) {
    for (std::int64_t line = 0; line < tile.lines; ++line) {
      InputTransform(tile, line).transform();
    }
  }

 private:
  static constexpr int kColumns = inputs_of(X::kKind);

  InputTransform(const InputTile& tile, std::int64_t line)
      : pixels_(tile.pixels),
        channel_(line * Words::kChannels),
        v_(tile.v + line * Words::kChannels * 2),
        step_(tile.point_step) {}

  [[gnu::always_inline]] auto column(int x) const {
    return [this, x](int y) { return load_bytes(pixels_[y * kSide + x] + channel_); };
  }

  [[gnu::always_inline]] void transform() const {
    Words row[kColumns];
#pragma GCC unroll 6
    for (int x = 0; x < kColumns; ++x) row[x] = Y::zero(column(x));
    store_row(0, row);
    store_middle_rows();
#pragma GCC unroll 6
    for (int x = 0; x < kColumns; ++x) row[x] = Y::infinity(column(x));
    store_row(5, row);
  }

  [[gnu::always_inline]] void store_middle_rows() const {
    Words rows[4][kColumns];
#pragma GCC unroll 6
    for (int x = 0; x < kColumns; ++x) {
      Words v[4];
      Y::middle(column(x), v);
#pragma GCC unroll 4
      for (int i = 1; i < 5; ++i) {
        if (has_point(Y::kKind, i)) rows[i - 1][x] = v[i - 1];
      }
    }
#pragma GCC unroll 4
    for (int i = 1; i < 5; ++i) {
      if (has_point(Y::kKind, i)) store_row(i, rows[i - 1]);
    }
  }

  [[gnu::always_inline]] void store_row(int i, const Words* row) const {
    const auto d = [row](int x) { return row[x]; };
    std::byte* to = v_ + i * kSide * step_;
    store(to, X::zero(d));
    Words v[4];
    X::middle(d, v);
#pragma GCC unroll 4
    for (int j = 1; j < 5; ++j) {
      if (has_point(X::kKind, j)) store(to + j * step_, v[j - 1]);
    }
    store(to + 5 * step_, X::infinity(d));
  }

  const std::byte* const* pixels_;
  std::int64_t channel_;
  std::byte* v_;
  std::int64_t step_;
};

/// A^T M A of one tile, the sums that it stands for, and outputs from these.
template <class Y, class X>
class OutputTransform {
 public:
  static void run(const OutputTile& tile) {
    if (!tile.epilogue->bounded) return finish_any_way(tile);
    return tile.residual == nullptr ? run_as<Finish::kBytes>(tile) : run_as<Finish::kBytesWithResidual>(tile);
  }

 private:
  static constexpr int kRows = outputs_of(Y::kKind), kColumns = outputs_of(X::kKind);

  /// The first two are conv_dot's ways of finishing what most layers of a network do.
  enum class Finish { kBytes, kBytesWithResidual, kAny };

  [[gnu::noinline]] static void finish_any_way(const OutputTile& tile) { run_as<Finish::kAny>(tile); }

  template <Finish kFinish>
  [[gnu::always_inline]] static void run_as(const OutputTile& tile) {
    S32x16 rows[kRows][kSide];  // A^T M
#pragma GCC unroll 6
    for (int j = 0; j < kSide; ++j) {
      if (!has_point(X::kKind, j)) continue;
      S32x16 m[kSide], y[kRows];
#pragma GCC unroll 6
      for (int i = 0; i < kSide; ++i) {
        if (has_point(Y::kKind, i)) m[i] = load_point(tile, i * kSide + j);
      }
      Y::outputs(m, y);
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i) rows[i][j] = y[i];
    }
    const conv_dot::Epilogue& e = *tile.epilogue;
    const S32x16 inverse = all_sums(static_cast<std::int32_t>(kInverseOf9)), bias = load_sums(tile.bias);
    const F32x16 multipliers = load(tile.multipliers), addend = broadcast(e.addend);
    const SaturatedBytes saturated(e.low);
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      S32x16 y[kColumns];
      X::outputs(rows[i], y);
#pragma GCC unroll 4
      for (int x = 0; x < kColumns; ++x) y[x] = shift_right(multiply_low(y[x], inverse), kShift) + bias;
      if constexpr (kFinish == Finish::kAny) {
        finish_others(tile, i, y);
        continue;
      }
      F32x16 t[kColumns];
#pragma GCC unroll 4
      for (int x = 0; x < kColumns; ++x) {
        F32x16 added = addend;
        if constexpr (kFinish == Finish::kBytesWithResidual)
          added = conv_dot::residual_addend(load_u8(residual_of(tile, i, x)), e);
        t[x] = fused_multiply_add(to_float(y[x]), multipliers, added);
      }
      saturated.store_pixels(tile.output + i * tile.row_step, tile.pixel_step, t);
    }
  }

  [[gnu::always_inline]] static S32x16 load_point(const OutputTile& tile, int point) {
    return load_sums(reinterpret_cast<const std::int32_t*>(tile.m + point * tile.point_step));
  }

  [[gnu::always_inline]] static const std::byte* residual_of(const OutputTile& tile, int row, int x) {
    return tile.residual + row * tile.residual_row_step + x * tile.residual_pixel_step;
  }

  [[gnu::noinline]] static void finish_others(const OutputTile& tile, int row,
                                              const S32x16 (&sums)[kColumns]) {
    alignas(64) float reals[kColumns][16];
    std::byte* output[kColumns];
    const std::byte* residual[kColumns];
    for (int x = 0; x < kColumns; ++x) {
      store(reals[x], to_float(sums[x]));
      output[x] = tile.output + row * tile.row_step + x * tile.pixel_step;
      residual[x] = tile.residual != nullptr ? residual_of(tile, row, x) : nullptr;
    }
    conv_dot::Block block{};
    block.multipliers = tile.multipliers;
    block.epilogue = tile.epilogue;
    block.output = output;
    block.residual = tile.residual != nullptr ? residual : nullptr;
    block.blocks = 1;
    conv_dot::finish_any<conv_dot::Element::kU8>(block, reals[0], kColumns, 1);
  }
};

/// W G^T. What is added up on the way may wrap.
void transform_weights(const WeightRow& row) {
  constexpr std::int64_t kBytes = sizeof(Words);
  for (std::int64_t i = 0; i < row.bytes; i += kBytes) {
    const Words a = load_words(row.w + i), b = load_words(row.w + row.bytes + i),
                c = load_words(row.w + 2 * row.bytes + i);
    const Words zero = a - a, minus_outer = zero - (a + c), far = a + four_times(c), twice_b = twice(b);
    const auto point = [&](int j, Words u) { store(row.u + j * row.bytes + i, u); };
    point(0, twice(a) + four_times(a));
    point(1, four_times(minus_outer - b));
    point(2, four_times(minus_outer + b));
    point(3, far + twice_b);
    point(4, far - twice_b);
    point(5, twice(c) + four_times(c));
  }
}

template <class Y>
constexpr void set_row(Transforms& t) {
  constexpr int kRow = static_cast<int>(Y::kKind);
  t.input[kRow][0] = InputTransform<Y, Four>::run;
  t.input[kRow][1] = InputTransform<Y, Three>::run;
  t.input[kRow][2] = InputTransform<Y, Two>::run;
  t.output[kRow][0] = OutputTransform<Y, Four>::run;
  t.output[kRow][1] = OutputTransform<Y, Three>::run;
  t.output[kRow][2] = OutputTransform<Y, Two>::run;
}

constexpr Transforms make_transforms() {
  Transforms t = {.channels = Words::kChannels, .weights = transform_weights, .input = {}, .output = {}};
  set_row<Four>(t);
  set_row<Three>(t);
  set_row<Two>(t);
  return t;
}

}  // namespace
}  // namespace octet::kernels::conv_i8_winograd
