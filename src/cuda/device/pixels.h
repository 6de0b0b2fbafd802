// Which pixel and channels an item of an element-wise function is, and 16 bytes of channels where a tensor
// may begin or end amid them.
#pragma once

#include "cuda/device/vectors.h"

namespace octet::cuda::device {

/// A group of channels of one pixel.
struct Place {
  s64 image;
  s32 pixel, group;
};

/// Groups of a pixel next to each other: between maps that are both NHWC.
OCTET_DEVICE Place place_by_group(s64 item, s32 pixels, s32 groups) {
  const s64 place = item / groups;
  return {place / pixels, static_cast<s32>(place % pixels), static_cast<s32>(item % groups)};
}

/// Runs of kRun pixels of a group next to each other, and such runs of a pixel's groups behind one another:
/// 32 bytes of FP32, which memory moves at once, in planes as in blocks or NHWC. The last run of an image may
/// reach beyond its pixels.
inline constexpr s32 kRun = 8;
OCTET_DEVICE Place place_by_run(s64 item, s32 pixels, s32 groups) {
  const s32 runs = (pixels + kRun - 1) / kRun;
  const s64 run = item / kRun / groups;
  return {run / runs, static_cast<s32>(run % runs) * kRun + static_cast<s32>(item % kRun),
          static_cast<s32>(item / kRun % groups)};
}

/// The first `count` lanes, which may be none; zeros or, where `aligned` says that 16 bytes may be loaded at
/// once, what is there behind them.
template <class T>
OCTET_DEVICE Lanes<T> load_some(const T* from, s32 count, s32 aligned) {
  if (aligned != 0 && count > 0) return load_lanes(from);
  Lanes<T> lanes;
  for (s32 i = 0; i < Lanes<T>::kCount; ++i) lanes.value[i] = i < count ? from[i] : static_cast<T>(0);
  return lanes;
}
/// The first `count` lanes and no others; count may be below 0 or more than there are.
template <class T>
OCTET_DEVICE void store_some(T* to, const Lanes<T>& lanes, s32 count, s32 aligned) {
  if (aligned != 0 && count >= Lanes<T>::kCount) {
    store_lanes(to, lanes);
    return;
  }
  for (s32 i = 0; i < Lanes<T>::kCount; ++i)
    if (i < count) to[i] = lanes.value[i];
}

/// Elements from the start of an FP32 image, in blocks of 16 channels, to a channel of a pixel.
OCTET_DEVICE s64 place_in_blocks(s32 channel, s32 pixel, s32 pixels) {
  return (static_cast<s64>(channel / 16) * pixels + pixel) * 16 + channel % 16;
}

}  // namespace octet::cuda::device
