// Pooling of FP32 maps in blocks of 16 channels. Sums run in the very order of
// kernels/pool_f32/vector_body.h, which depends on the window: small ones inside the map column by column,
// others in four partial results.
#pragma once

#include "cuda/device/pool.h"

namespace octet::cuda::device {

struct PoolMaximum {
  static OCTET_DEVICE float identity() { return as_float(static_cast<s32>(0xff800000u)); }  // -infinity
  static OCTET_DEVICE float combine(float a, float b) { return a != a || a > b ? a : b; }
};
struct PoolSum {
  static OCTET_DEVICE float identity() { return 0; }
  static OCTET_DEVICE float combine(float a, float b) { return a + b; }
};

template <class Kind>
OCTET_DEVICE Lanes<float> combine(const Lanes<float>& a, const Lanes<float>& b) {
  Lanes<float> result;
  for (int i = 0; i < Lanes<float>::kCount; ++i) result.value[i] = Kind::combine(a.value[i], b.value[i]);
  return result;
}

/// From pixel 0, channel 0 of an image to the four channels of `group` of a pixel.
OCTET_DEVICE s64 real_place(s64 pixels, s64 pixel, s32 group) {
  return ((group >> 2) * pixels + pixel) * 16 + (group & 3) * 4;
}

/// `count` neighbouring pixels into four partial results.
template <class Kind>
OCTET_DEVICE void pool_run(Lanes<float> (&partial)[4], const float* from, s32 count) {
  s32 i = 0;
  for (; i + 4 <= count; i += 4)
    for (int j = 0; j < 4; ++j) partial[j] = combine<Kind>(partial[j], load_lanes(from + (i + j) * 16));
  for (int j = 0; j < 3; ++j)
    if (i + j < count) partial[j] = combine<Kind>(partial[j], load_lanes(from + (i + j) * 16));
}

/// `from`: the input's first row under the window.
template <class Kind>
OCTET_DEVICE Lanes<float> pool_any_window(const PoolParams& p, const PoolWindow& w, const float* from) {
  Lanes<float> partial[4];
  for (Lanes<float>& lanes : partial)
    for (float& value : lanes.value) value = Kind::identity();
  const s32 rows = w.y_end - w.y_begin, columns = w.x_end - w.x_begin;
  if (columns == p.in_width) {  // whole rows are one run
    pool_run<Kind>(partial, from, rows * columns);
  } else {
    for (s32 y = 0; y < rows; ++y)
      pool_run<Kind>(partial, from + (static_cast<s64>(y) * p.in_width + w.x_begin) * 16, columns);
  }
  return combine<Kind>(combine<Kind>(partial[0], partial[1]), combine<Kind>(partial[2], partial[3]));
}
template <class Kind>
OCTET_DEVICE Lanes<float> pool_by_columns(const PoolParams& p, const PoolWindow& w, const float* from) {
  Lanes<float> result = {};
  for (s32 x = w.x_begin; x < w.x_end; ++x) {
    Lanes<float> column = load_lanes(from + x * 16);
    for (s32 y = 1; y < w.y_end - w.y_begin; ++y)
      column = combine<Kind>(column, load_lanes(from + (static_cast<s64>(y) * p.in_width + x) * 16));
    result = x == w.x_begin ? column : combine<Kind>(result, column);
  }
  return result;
}

/// float(1 / double(n)). Up to 2^24, where n is a float, rounding the quotient once gives the same.
OCTET_DEVICE float reciprocal(s32 n) {
  return n <= 1 << 24 ? divide(1, static_cast<float>(n)) : static_cast<float>(1 / static_cast<double>(n));
}

template <class Kind, bool kAverage>
OCTET_DEVICE void pool_real(Thread& thread, const PoolParams& p) {
  const bool small = (p.kernel_w == 2 || p.kernel_w == 3) && (p.stride_w == 1 || p.stride_w == 2);
  const Items items = items_of(thread);
  for (s64 item = items.first; item < p.items; item += items.step) {
    const PoolWindow w = pool_window(p, item);
    Lanes<float> result = {};
    if (w.y_begin < w.y_end && w.x_begin < w.x_end) {
      const s64 pixels = static_cast<s64>(p.in_height) * p.in_width;
      const float* from = reinterpret_cast<const float*>(w.input) +
                          real_place(pixels, static_cast<s64>(w.y_begin) * p.in_width, w.group);
      result = small && w.x_end - w.x_begin == p.kernel_w ? pool_by_columns<Kind>(p, w, from)
                                                          : pool_any_window<Kind>(p, w, from);
      if (kAverage) {
        const float factor = reciprocal(w.divisor);
        for (float& value : result.value) value = value * factor;
      }
    }
    const s64 pixels = static_cast<s64>(p.out_height) * p.out_width;
    store_lanes(
        reinterpret_cast<float*>(p.output + w.image * p.output_image) + real_place(pixels, w.pixel, w.group),
        result);
  }
}

}  // namespace octet::cuda::device
