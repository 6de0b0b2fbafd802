// Pooling of narrow maps in plain loops: runs everywhere, and what the fast files are compared with.
#include <algorithm>
#include <cmath>

#include "kernels/bfloat16.h"
#include "kernels/integer/arithmetic.h"
#include "kernels/layout.h"
#include "kernels/pool_i8/contract.h"

namespace octet::kernels {
namespace {

struct Columns {
  std::int64_t begin, end;
};
Columns columns_of(const PoolI8Row& row, std::int64_t out_x) {
  const std::int64_t x = out_x * row.stride_w - row.pad_left;
  return {std::max<std::int64_t>(x, 0), std::min(x + row.kernel_w, row.width)};
}

/// visit(value) for every input pixel of one channel under the window, row by row.
template <class T, class Visit>
void for_window(const PoolI8Row& row, Columns columns, std::int64_t channel, const Visit& visit) {
  const T* input = reinterpret_cast<const T*>(row.input) + channel;
  for (std::int64_t y = 0; y < row.rows; ++y)
    for (std::int64_t x = columns.begin; x < columns.end; ++x)
      visit(input[y * row.row_pitch + x * row.pixel_step]);
}

/// The larger by sign and magnitude, or a NaN.
std::uint16_t larger_bf16(std::uint16_t a, std::uint16_t b) {
  const auto key = [](std::uint16_t bits) { return (bits & 0x8000) != 0 ? 0x7fff - bits : int{bits}; };
  if (std::isnan(from_bfloat16(a))) return a;
  return std::isnan(from_bfloat16(b)) || key(b) > key(a) ? b : a;
}

template <class T>
void max_row(const PoolI8Row& row) {
  for (std::int64_t out_x = 0; out_x < row.out_width; ++out_x) {
    const Columns columns = columns_of(row, out_x);
    for (std::int64_t c = 0; c < row.channels; ++c) {
      bool any = false;
      T best = static_cast<T>(row.zero_in);
      for_window<T>(row, columns, c, [&](T q) {
        best = any ? std::max(best, q) : q;
        any = true;
      });
      reinterpret_cast<T*>(row.output)[out_x * row.out_step + c] = best;
    }
  }
}

void max_row_bf16(const PoolI8Row& row) {
  for (std::int64_t out_x = 0; out_x < row.out_width; ++out_x) {
    const Columns columns = columns_of(row, out_x);
    for (std::int64_t c = 0; c < row.channels; ++c) {
      bool any = false;
      std::uint16_t best = 0;
      for_window<std::uint16_t>(row, columns, c, [&](std::uint16_t x) {
        best = any ? larger_bf16(best, x) : x;
        any = true;
      });
      reinterpret_cast<std::uint16_t*>(row.output)[out_x * row.out_step + c] = best;
    }
  }
}

template <class T>
float sum_of(const PoolI8Row& row, std::int64_t out_x, std::int64_t channel) {
  std::int32_t sum = 0;
  for_window<T>(row, columns_of(row, out_x), channel, [&](T q) { sum += q - row.zero_in; });
  return static_cast<float>(sum);
}

template <class T>
void average_row(const PoolI8Row& row) {
  for (std::int64_t out_x = 0; out_x < row.out_width; ++out_x)
    for (std::int64_t c = 0; c < row.channels; ++c) {
      const float t = std::fmaf(sum_of<T>(row, out_x, c), row.factors[out_x], row.zero_out);
      reinterpret_cast<T*>(row.output)[out_x * row.out_step + c] =
          static_cast<T>(integer::to_integer(t, {row.low, row.high}));
    }
}

void average_row_to_f32(const PoolI8Row& row) {
  float* output = reinterpret_cast<float*>(row.output);
  for (std::int64_t out_x = 0; out_x < row.out_width; ++out_x)
    for (std::int64_t c = 0; c < row.channels; ++c)
      output[c / kChannelBlock * row.out_plane + out_x * row.out_step + c % kChannelBlock] =
          sum_of<std::uint8_t>(row, out_x, c) * row.factors[out_x];
}

void average_row_bf16(const PoolI8Row& row) {
  for (std::int64_t out_x = 0; out_x < row.out_width; ++out_x)
    for (std::int64_t c = 0; c < row.channels; ++c) {
      float sum = 0;
      for_window<std::uint16_t>(row, columns_of(row, out_x), c,
                                [&](std::uint16_t x) { sum += from_bfloat16(x); });
      reinterpret_cast<std::uint16_t*>(row.output)[out_x * row.out_step + c] =
          to_bfloat16(sum * row.factors[out_x]);
    }
}

}  // namespace

const PoolI8Functions kPoolI8Generic = {
    max_row<std::uint8_t>,     max_row<std::int16_t>, max_row_bf16,      average_row<std::uint8_t>,
    average_row<std::int16_t>, average_row_bf16,      average_row_to_f32};

}  // namespace octet::kernels
