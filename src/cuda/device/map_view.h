// Where values of a map lie, for functions that do not care for the layout: NHWC, or blocks of 16 channels.
#pragma once

#include "cuda/device/vectors.h"

namespace octet::cuda::device {

/// Steps in bytes: the compiler sees the alignment of what is stored only where addresses are sums of those.
struct MapView {
  u8* data;
  s64 image;  ///< from one image to the next
  s64 block;  ///< from one block of 16 channels of a pixel to the next; NHWC: that of 16 elements
  s32 step;   ///< from one pixel to the next
};
template <class T>
OCTET_DEVICE T* value_at(const MapView& map, s64 image, s64 pixel, s32 channel) {
  const s64 first = image * map.image + pixel * map.step;
  const s32 lane = (channel & 15) * static_cast<s32>(sizeof(T));
  return reinterpret_cast<T*>(map.data + first + (channel >> 4) * map.block + lane);
}

/// 16 bytes of channels of one pixel.
struct PixelItem {
  s64 image;
  s32 pixel, group;
};
OCTET_DEVICE PixelItem pixel_item(s64 item, s32 groups, s32 pixels) {
  const s64 place = item / groups;
  return {place / pixels, static_cast<s32>(place % pixels), static_cast<s32>(item % groups)};
}

}  // namespace octet::cuda::device
