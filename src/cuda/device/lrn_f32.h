// Local response normalisation of FP32 maps in blocks of 16 channels, sums in the order of
// kernels/lrn_f32/contract.h. An item is four channels of one pixel.
#pragma once

#include "cuda/device/map_view.h"
#include "cuda/device/power.h"

namespace octet::cuda::device {

struct LrnRealParams {
  MapView in, out;
  s64 items;
  s32 groups;  ///< of four channels in a pixel
  s32 height, width;
  s32 half;
  float alpha_over_size, k, beta;
};

OCTET_DEVICE float lrn_real_value(const LrnRealParams& p, float x, float sum) {
  const float base = p.k + p.alpha_over_size * sum;
  if (p.beta == 0.75f) {
    const float root = square_root(base);
    return divide(x, root * square_root(root));
  }
  return x * (negative_power(base, p.beta) + (base - base));
}

OCTET_DEVICE void lrn_real_across(Thread& thread, const LrnRealParams& p) {
  const Items items = items_of(thread);
  for (s64 item = items.first; item < p.items; item += items.step) {
    const PixelItem at = pixel_item(item, p.groups, p.height * p.width);
    const s32 first = at.group * 4;
    const s32 begin = first < p.half ? 0 : first - p.half;
    const s32 end = p.groups * 4 - first <= p.half + 3 ? p.groups * 4 : first + p.half + 4;
    Lanes<float> sums = {};
    for (s32 c = begin; c < end; ++c) {
      const float x = *value_at<float>(p.in, at.image, at.pixel, c), square = x * x;
      for (int i = 0; i < 4; ++i)
        if (c >= first + i - p.half && c <= first + i + p.half) sums.value[i] = sums.value[i] + square;
    }
    Lanes<float> result = load_lanes(value_at<float>(p.in, at.image, at.pixel, first));
    for (int i = 0; i < 4; ++i) result.value[i] = lrn_real_value(p, result.value[i], sums.value[i]);
    store_lanes(value_at<float>(p.out, at.image, at.pixel, first), result);
  }
}

/// Columns first, as the generic kernel shares them between windows.
OCTET_DEVICE void lrn_real_within(Thread& thread, const LrnRealParams& p) {
  const Items items = items_of(thread);
  for (s64 item = items.first; item < p.items; item += items.step) {
    const PixelItem at = pixel_item(item, p.groups, p.height * p.width);
    const s32 y = at.pixel / p.width, x = at.pixel % p.width;
    const s32 top = y < p.half ? 0 : y - p.half, bottom = p.height - y <= p.half ? p.height : y + p.half + 1;
    const s32 left = x < p.half ? 0 : x - p.half, right = p.width - x <= p.half ? p.width : x + p.half + 1;
    Lanes<float> sums = {};
    for (s32 column = left; column < right; ++column) {
      Lanes<float> column_sums = {};
      for (s32 row = top; row < bottom; ++row) {
        const Lanes<float> lanes =
            load_lanes(value_at<float>(p.in, at.image, row * p.width + column, at.group * 4));
        for (int i = 0; i < 4; ++i) {
          const float square = lanes.value[i] * lanes.value[i];
          column_sums.value[i] = column_sums.value[i] + square;
        }
      }
      for (int i = 0; i < 4; ++i) sums.value[i] = sums.value[i] + column_sums.value[i];
    }
    Lanes<float> result = load_lanes(value_at<float>(p.in, at.image, at.pixel, at.group * 4));
    for (int i = 0; i < 4; ++i) result.value[i] = lrn_real_value(p, result.value[i], sums.value[i]);
    store_lanes(value_at<float>(p.out, at.image, at.pixel, at.group * 4), result);
  }
}

}  // namespace octet::cuda::device
