// Values of one type that a thread moves together.
#pragma once

#include "cuda/device/base.h"

namespace octet::cuda::device {

/// 16 bytes of T, aligned to them: channels of one pixel.
template <class T>
struct alignas(16) Lanes {
  static constexpr int kCount = 16 / static_cast<int>(sizeof(T));
  T value[kCount];
};
template <class T>
OCTET_DEVICE Lanes<T> load_lanes(const T* from) {
  return *reinterpret_cast<const Lanes<T>*>(from);
}
template <class T>
OCTET_DEVICE void store_lanes(T* to, const Lanes<T>& lanes) {
  *reinterpret_cast<Lanes<T>*>(to) = lanes;
}

/// The first of the items that this thread does and the step to the next: neighbours do neighbouring items.
struct Items {
  s64 first, step;
};
OCTET_DEVICE Items items_of(const Thread& thread) {
  return {static_cast<s64>(thread.block_x()) * thread.threads() + thread.index(),
          static_cast<s64>(thread.grid_x()) * thread.threads()};
}

}  // namespace octet::cuda::device
