// Channel shuffles and borders (kernels/channel_shuffle, kernels/pad): values stay what they are, so the size
// of an element is all that matters of its type. An item is 16 bytes of channels of one output pixel.
#pragma once

#include "cuda/device/map_view.h"

namespace octet::cuda::device {

struct ShuffleParams {
  MapView in, out;
  s64 items;
  s32 groups;  ///< of 16 bytes of channels in a pixel
  s32 pixels;
  s32 channels;
  s32 rows, columns;  ///< output channel k rows + g is input channel g columns + k
  u32 padding;        ///< what padding lanes hold
};

template <class T>
OCTET_DEVICE void channel_shuffle(Thread& thread, const ShuffleParams& p) {
  const Items items = items_of(thread);
  for (s64 item = items.first; item < p.items; item += items.step) {
    const PixelItem at = pixel_item(item, p.groups, p.pixels);
    s32 channel = at.group * Lanes<T>::kCount, row = channel % p.rows, column = channel / p.rows;
    Lanes<T> result;
    for (int i = 0; i < Lanes<T>::kCount; ++i) {
      result.value[i] = channel + i < p.channels
                            ? *value_at<T>(p.in, at.image, at.pixel, row * p.columns + column)
                            : static_cast<T>(p.padding);
      if (++row == p.rows) row = 0, ++column;
    }
    store_lanes(value_at<T>(p.out, at.image, at.pixel, channel), result);
  }
}

struct PadParams {
  MapView in, out;
  s64 items;
  s32 groups;
  s32 channels;
  s32 in_height, in_width, out_height, out_width;
  s32 top, left;
  u32 value, padding;  ///< of the border: in channels, in padding lanes
};

template <class T>
OCTET_DEVICE void pad(Thread& thread, const PadParams& p) {
  const Items items = items_of(thread);
  for (s64 item = items.first; item < p.items; item += items.step) {
    const PixelItem at = pixel_item(item, p.groups, p.out_height * p.out_width);
    const s32 channel = at.group * Lanes<T>::kCount;
    const s32 y = at.pixel / p.out_width - p.top, x = at.pixel % p.out_width - p.left;
    Lanes<T> result;
    if (y >= 0 && y < p.in_height && x >= 0 && x < p.in_width) {
      const s64 pixel = static_cast<s64>(y) * p.in_width + x;
      result = load_lanes(value_at<T>(p.in, at.image, pixel, channel));
    } else {
      for (int i = 0; i < Lanes<T>::kCount; ++i)
        result.value[i] = static_cast<T>(channel + i < p.channels ? p.value : p.padding);
    }
    store_lanes(value_at<T>(p.out, at.image, at.pixel, channel), result);
  }
}

}  // namespace octet::cuda::device
