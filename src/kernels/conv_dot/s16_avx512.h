// What the two 512-bit products of s16 share. Included by their instruction-set files only, after
// simd/narrow_avx512.h.
#pragma once

#include <immintrin.h>

#include "kernels/conv_dot/dot_block.h"

namespace octet::kernels::conv_dot {
namespace {

struct S16Avx512 {
  static constexpr Element kElement = Element::kS16;
  static constexpr int kLanes = 16;
  using Sum = __m512i;
  using Weights = __m512i;
  using Input = __m512i;
  static Sum load(const std::byte* p) { return _mm512_loadu_si512(p); }
  static F32x16 reals(const Sum* sums) { return to_float(S32x16{sums[0]}); }
  static Weights weights(const std::byte* p) { return load(p); }
  static Input input(const std::byte* p) {
    std::int32_t group;
    __builtin_memcpy(&group, p, sizeof group);
    return _mm512_set1_epi32(group);
  }
};

}  // namespace
}  // namespace octet::kernels::conv_dot
