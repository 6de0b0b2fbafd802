// Pooling of NHWC maps (kernels/pool_i8/contract.h). An item is 16 bytes of channels of one output pixel.
#pragma once

#include "cuda/device/integer.h"
#include "cuda/device/vectors.h"

namespace octet::cuda::device {

struct PoolParams {
  const u8* input;
  u8* output;
  s64 input_image, output_image;  ///< bytes from one image to the next
  s64 items;
  s32 groups;                           ///< of 16 bytes of channels in a pixel
  s32 in_height, in_width, in_step;     ///< step: elements from one pixel to the next
  s32 out_height, out_width, out_step;  ///< FP32 output, blocks of 16 channels: 16
  s32 kernel_h, kernel_w, stride_h, stride_w;
  s32 pad_top, pad_left, pad_bottom, pad_right;
  s32 zero_in;
  s32 padded_window;  ///< 1: an average divides by the part of the window inside the padded input
  float ratio;        ///< of an average: s_in / s_out, FP32 output: s_in
  Finish finish;
};

/// The part of a window that lies in the map, and where an item's output is.
struct PoolWindow {
  s32 y_begin, y_end, x_begin, x_end;
  s32 divisor;
  s32 group;
  s64 image, pixel;
  const u8* input;  ///< of the image
};

OCTET_DEVICE PoolWindow pool_window(const PoolParams& p, s64 item) {
  PoolWindow w;
  w.group = static_cast<s32>(item % p.groups);
  const s64 place = item / p.groups, pixels = static_cast<s64>(p.out_height) * p.out_width;
  w.image = place / pixels;
  w.pixel = place % pixels;
  const s32 top = static_cast<s32>(w.pixel / p.out_width) * p.stride_h - p.pad_top;
  const s32 left = static_cast<s32>(w.pixel % p.out_width) * p.stride_w - p.pad_left;
  const s32 bottom = top + p.kernel_h, right = left + p.kernel_w;
  w.y_begin = top > 0 ? top : 0;
  w.x_begin = left > 0 ? left : 0;
  w.y_end = bottom < p.in_height ? bottom : p.in_height;
  w.x_end = right < p.in_width ? right : p.in_width;
  s32 rows = w.y_end - w.y_begin, columns = w.x_end - w.x_begin;
  if (p.padded_window != 0) {
    const s32 last_row = p.in_height + p.pad_bottom, last_column = p.in_width + p.pad_right;
    rows = (bottom < last_row ? bottom : last_row) - top;
    columns = (right < last_column ? right : last_column) - left;
  }
  w.divisor = rows > 0 && columns > 0 ? rows * columns : 1;
  w.input = p.input + w.image * p.input_image;
  return w;
}

template <class T>
OCTET_DEVICE const T* pool_input(const PoolParams& p, const PoolWindow& w, s32 y, s32 x) {
  const s64 pixel = static_cast<s64>(y) * p.in_width + x;
  return reinterpret_cast<const T*>(w.input) + pixel * p.in_step + w.group * Lanes<T>::kCount;
}
template <class T>
OCTET_DEVICE T* pool_output(const PoolParams& p, const PoolWindow& w) {
  return reinterpret_cast<T*>(p.output + w.image * p.output_image) + w.pixel * p.out_step +
         w.group * Lanes<T>::kCount;
}

template <class T>
OCTET_DEVICE void pool_max(Thread& thread, const PoolParams& p) {
  const Items items = items_of(thread);
  for (s64 item = items.first; item < p.items; item += items.step) {
    const PoolWindow w = pool_window(p, item);
    const bool empty = w.y_begin >= w.y_end || w.x_begin >= w.x_end;
    const s32 start = empty ? p.zero_in : static_cast<s32>(p.finish.low);
    Lanes<T> best;
    for (T& value : best.value) value = static_cast<T>(start);
    for (s32 y = w.y_begin; y < w.y_end; ++y) {
      for (s32 x = w.x_begin; x < w.x_end; ++x) {
        const Lanes<T> input = load_lanes(pool_input<T>(p, w, y, x));
        for (int i = 0; i < Lanes<T>::kCount; ++i)
          if (input.value[i] > best.value[i]) best.value[i] = input.value[i];
      }
    }
    store_lanes(pool_output<T>(p, w), best);
  }
}

/// Sums of q - z_in under the window.
template <class T>
OCTET_DEVICE void pool_sums(const PoolParams& p, const PoolWindow& w, s32 (&sums)[Lanes<T>::kCount]) {
  for (s32& sum : sums) sum = 0;
  for (s32 y = w.y_begin; y < w.y_end; ++y) {
    for (s32 x = w.x_begin; x < w.x_end; ++x) {
      const Lanes<T> input = load_lanes(pool_input<T>(p, w, y, x));
      for (int i = 0; i < Lanes<T>::kCount; ++i) sums[i] += input.value[i] - p.zero_in;
    }
  }
}

template <class T>
OCTET_DEVICE void pool_average(Thread& thread, const PoolParams& p) {
  const Items items = items_of(thread);
  for (s64 item = items.first; item < p.items; item += items.step) {
    const PoolWindow w = pool_window(p, item);
    s32 sums[Lanes<T>::kCount];
    pool_sums<T>(p, w, sums);
    const float factor = divide(p.ratio, static_cast<float>(w.divisor));
    Lanes<T> result;
    for (int i = 0; i < Lanes<T>::kCount; ++i) {
      const float t = fused(static_cast<float>(sums[i]), factor, p.finish.zero);
      result.value[i] = static_cast<T>(to_integer(t, p.finish.low, p.finish.high));
    }
    store_lanes(pool_output<T>(p, w), result);
  }
}

/// Of bytes to FP32 in blocks of 16 channels.
OCTET_DEVICE void pool_average_to_real(Thread& thread, const PoolParams& p) {
  const Items items = items_of(thread);
  for (s64 item = items.first; item < p.items; item += items.step) {
    const PoolWindow w = pool_window(p, item);
    s32 sums[16];
    pool_sums<u8>(p, w, sums);
    const float factor = divide(p.ratio, static_cast<float>(w.divisor));
    const s64 pixels = static_cast<s64>(p.out_height) * p.out_width;
    float* to =
        reinterpret_cast<float*>(p.output + w.image * p.output_image) + (w.group * pixels + w.pixel) * 16;
    for (int i = 0; i < 16; ++i) to[i] = static_cast<float>(sums[i]) * factor;
  }
}

}  // namespace octet::cuda::device
