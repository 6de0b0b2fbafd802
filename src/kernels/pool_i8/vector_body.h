// The family's vector code, written once: each instruction set's file includes its sums_*.h first, defines
// vectors of bytes for maxima (Bytes16, Bytes32, where it has them Bytes64, and Widest), then includes this.
// Internal linkage throughout.
//
// A row is walked once for every chunk of channels that a vector holds. Small windows go column by column: a
// column's value (the maximum or sum over the window's rows) is computed once and kept in a register for
// every window that shares it, so a 3x3 window costs 3 loads at stride 1 and 6 at stride 2. Other windows,
// those clipped at a row's ends, and BF16 averages, whose order counts, are read pixel by pixel.
#pragma once

#include "kernels/pool_i8/contract.h"
#include "kernels/simd/narrow_types.h"

namespace octet::kernels {
namespace {

/// Maxima of kSize bytes of channels. `ordered` makes elements comparable, `plain` is its inverse.
template <class Bytes, class Compare>
struct Maximum {
  using Value = typename Bytes::Vector;
  static constexpr std::int64_t kElement = Compare::kBytes, kChannels = Bytes::kSize / Compare::kBytes;
  static constexpr bool kByColumns = true;
  static Value load(const std::byte* p) { return Compare::template ordered<Bytes>(Bytes::load(p)); }
  static Value combine(Value a, Value b) { return Compare::template larger<Bytes>(a, b); }
  static void store(const PoolI8Row& row, std::int64_t channel, std::int64_t out_x, Value value,
                    std::int64_t) {
    Bytes::store(row.output + (out_x * row.out_step + channel) * kElement,
                 Compare::template plain<Bytes>(value));
  }
  static void store_empty(const PoolI8Row& row, std::int64_t channel, std::int64_t out_x) {
    std::byte* to = row.output + (out_x * row.out_step + channel) * kElement;
    Bytes::store(to, Bytes::all(static_cast<char>(row.zero_in)));  // s16 and BF16: 0
  }
};
struct OfU8 {
  static constexpr std::int64_t kBytes = 1;
  template <class Bytes>
  static typename Bytes::Vector ordered(typename Bytes::Vector v) {
    return v;
  }
  template <class Bytes>
  static typename Bytes::Vector plain(typename Bytes::Vector v) {
    return v;
  }
  template <class Bytes>
  static typename Bytes::Vector larger(typename Bytes::Vector a, typename Bytes::Vector b) {
    return Bytes::max_u8(a, b);
  }
};
struct OfS16 {
  static constexpr std::int64_t kBytes = 2;
  template <class Bytes>
  static typename Bytes::Vector ordered(typename Bytes::Vector v) {
    return v;
  }
  template <class Bytes>
  static typename Bytes::Vector plain(typename Bytes::Vector v) {
    return v;
  }
  template <class Bytes>
  static typename Bytes::Vector larger(typename Bytes::Vector a, typename Bytes::Vector b) {
    return Bytes::max_s16(a, b);
  }
};
/// By sign and magnitude NaN of the negative sign would be the least; a turn of the circle of integers by
/// their number puts them behind those of the positive sign, and -infinity at the beginning.
struct OfBf16 : OfS16 {
  static constexpr short kNegativeNaN = 0x7f;
  template <class Bytes>
  static typename Bytes::Vector ordered(typename Bytes::Vector v) {
    return Bytes::add_s16(Bytes::by_sign_and_magnitude(v), -kNegativeNaN);
  }
  template <class Bytes>
  static typename Bytes::Vector plain(typename Bytes::Vector v) {
    return Bytes::by_sign_and_magnitude(Bytes::add_s16(v, kNegativeNaN));
  }
};

/// Averages of 16 channels.
template <class T>
inline S32x16 sums_of(const std::byte* p) {
  if constexpr (T::kBytes == 1) return sums_of_u8(p);
  return sums_of_s16(p);
}
template <class T, bool kToReal>
struct Average {
  using Value = S32x16;
  static constexpr std::int64_t kElement = T::kBytes, kChannels = 16;
  static constexpr bool kByColumns = true;
  static Value load(const std::byte* p) { return sums_of<T>(p); }
  static Value combine(Value a, Value b) { return a + b; }
  static void store(const PoolI8Row& row, std::int64_t channel, std::int64_t out_x, Value sum,
                    std::int64_t pixels) {
    const auto zeros = static_cast<std::int32_t>(pixels * row.zero_in);
    const F32x16 value = to_float(sum - all_sums(zeros)), factor = broadcast(row.factors[out_x]);
    if constexpr (kToReal) {
      float* to = reinterpret_cast<float*>(row.output) + channel / 16 * row.out_plane + out_x * row.out_step;
      octet::kernels::store(to, value * factor);
    } else {
      const F32x16 t = fused_multiply_add(value, factor, broadcast(row.zero_out));
      T::store(row.output + (out_x * row.out_step + channel) * kElement,
               min(max(t, broadcast(row.low)), broadcast(row.high)));
    }
  }
  static void store_empty(const PoolI8Row& row, std::int64_t channel, std::int64_t out_x) {
    store(row, channel, out_x, all_sums(0), 0);
  }
};
struct AverageBf16 {
  using Value = F32x16;
  static constexpr std::int64_t kElement = 2, kChannels = 16;
  static constexpr bool kByColumns = false;
  static Value load(const std::byte* p) { return load_bf16(p); }
  static Value combine(Value a, Value b) { return a + b; }
  static void store(const PoolI8Row& row, std::int64_t channel, std::int64_t out_x, Value sum, std::int64_t) {
    store_bf16(row.output + (out_x * row.out_step + channel) * kElement, sum * broadcast(row.factors[out_x]));
  }
  static void store_empty(const PoolI8Row& row, std::int64_t channel, std::int64_t out_x) {
    store(row, channel, out_x, broadcast(0), 0);
  }
};

template <class Kind>
inline const std::byte* pixel_at(const PoolI8Row& row, std::int64_t channel, std::int64_t x) {
  return row.input + (x * row.pixel_step + channel) * Kind::kElement;
}

template <class Kind>
void any_windows(const PoolI8Row& row, std::int64_t channel, std::int64_t out_begin, std::int64_t out_end) {
  const std::int64_t step = row.pixel_step * Kind::kElement, pitch = row.row_pitch * Kind::kElement;
  for (std::int64_t out_x = out_begin; out_x < out_end; ++out_x) {
    const std::int64_t x = out_x * row.stride_w - row.pad_left;
    const std::int64_t begin = x < 0 ? 0 : x;
    const std::int64_t end = x + row.kernel_w < row.width ? x + row.kernel_w : row.width;
    if (begin >= end) {
      Kind::store_empty(row, channel, out_x);
      continue;
    }
    const std::byte* from = pixel_at<Kind>(row, channel, begin);
    typename Kind::Value value = Kind::load(from);
    for (std::int64_t i = 1; i < end - begin; ++i) value = Kind::combine(value, Kind::load(from + i * step));
    for (std::int64_t y = 1; y < row.rows; ++y)
      for (std::int64_t i = 0; i < end - begin; ++i)
        value = Kind::combine(value, Kind::load(from + y * pitch + i * step));
    Kind::store(row, channel, out_x, value, row.rows * (end - begin));
  }
}

/// kRows 0: as many as the row says.
template <class Kind, int kRows>
inline typename Kind::Value column(const std::byte* p, const PoolI8Row& row) {
  const std::int64_t rows = kRows > 0 ? kRows : row.rows;
  typename Kind::Value value = Kind::load(p);
  for (std::int64_t y = 1; y < rows; ++y)
    value = Kind::combine(value, Kind::load(p + y * row.row_pitch * Kind::kElement));
  return value;
}

/// Windows of 2 or 3 columns.
template <class Kind, int kRows, int kColumns, int kStride>
void interior_windows(const PoolI8Row& row, std::int64_t channel) {
  static_assert(kColumns == 2 || kColumns == 3);
  constexpr int kShared = kColumns > kStride ? kColumns - kStride : 0;
  const std::int64_t step = row.pixel_step * Kind::kElement, pixels = row.rows * kColumns;
  const std::byte* p = pixel_at<Kind>(row, channel, row.interior_begin * kStride - row.pad_left);
  const auto at = [&](int i) { return column<Kind, kRows>(p + i * step, row); };
  typename Kind::Value first = at(0), second = at(1);
  for (std::int64_t out_x = row.interior_begin; out_x < row.interior_end; ++out_x) {
    if constexpr (kShared < 1) first = at(0);
    if constexpr (kShared < 2) second = at(1);
    typename Kind::Value value = Kind::combine(first, second);
    if constexpr (kColumns == 3) {
      const typename Kind::Value third = at(2);
      value = Kind::combine(value, third);
      first = kStride == 1 ? second : third;
      second = third;
    } else {
      first = second;
    }
    Kind::store(row, channel, out_x, value, pixels);
    p += kStride * step;
  }
}

template <class Kind, int kSize, int kStride>
bool interior_if(const PoolI8Row& row, std::int64_t channel) {
  if (!Kind::kByColumns || row.kernel_w != kSize || row.stride_w != kStride) return false;
  if (row.interior_begin == row.interior_end) return true;
  if (row.rows == kSize) {
    interior_windows<Kind, kSize, kSize, kStride>(row, channel);
  } else {
    interior_windows<Kind, 0, kSize, kStride>(row, channel);
  }
  return true;
}

/// The chunks of channels from `channel` on that a vector fills; returns the first channel left.
template <class Kind>
std::int64_t pool_chunks(const PoolI8Row& row, std::int64_t channel) {
  for (; channel + Kind::kChannels <= row.channels; channel += Kind::kChannels) {
    any_windows<Kind>(row, channel, 0, row.interior_begin);
    if (!interior_if<Kind, 3, 2>(row, channel) && !interior_if<Kind, 3, 1>(row, channel) &&
        !interior_if<Kind, 2, 2>(row, channel) && !interior_if<Kind, 2, 1>(row, channel)) {
      any_windows<Kind>(row, channel, row.interior_begin, row.interior_end);
    }
    any_windows<Kind>(row, channel, row.interior_end, row.out_width);
  }
  return channel;
}

template <class Compare>
void max_row(const PoolI8Row& row) {
  std::int64_t channel = pool_chunks<Maximum<Widest, Compare>>(row, 0);
  if constexpr (Widest::kSize > 32) channel = pool_chunks<Maximum<Bytes32, Compare>>(row, channel);
  pool_chunks<Maximum<Bytes16, Compare>>(row, channel);
}
template <class Kind>
void average_row(const PoolI8Row& row) {
  pool_chunks<Kind>(row, 0);
}

constexpr PoolI8Functions kFunctions = {max_row<OfU8>,
                                        max_row<OfS16>,
                                        max_row<OfBf16>,
                                        average_row<Average<U8, false>>,
                                        average_row<Average<S16, false>>,
                                        average_row<AverageBf16>,
                                        average_row<Average<U8, true>>};

}  // namespace
}  // namespace octet::kernels
