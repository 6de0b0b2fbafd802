// WinogradIsa::Widen and Narrow, the same on every instruction set: include simd/narrow_avx2.h or its twin
// first. Internal linkage throughout.
#pragma once

#include "kernels/conv_f32/winograd.h"

namespace octet::kernels {
namespace {

inline void winograd_widen(const WinogradBf16Pixels& from, float* to, std::ptrdiff_t row_stride) {
  for (std::int64_t y = 0; y < from.rows; ++y)
    for (std::int64_t x = 0; x < from.columns; ++x)
      store(to + y * row_stride + x * 16,
            load_bf16(from.first + y * from.row_stride + x * from.pixel_stride));
}

inline void winograd_narrow(const float* from, std::ptrdiff_t row_stride, const WinogradBf16Pixels& to) {
  for (std::int64_t y = 0; y < to.rows; ++y)
    for (std::int64_t x = 0; x < to.columns; ++x)
      store_bf16(to.first + y * to.row_stride + x * to.pixel_stride, load(from + y * row_stride + x * 16));
}

}  // namespace
}  // namespace octet::kernels
