// The integers and BF16 numbers of 16 neighbouring channels of a kNhwc map, read as F32x16 and written back.
// narrow_avx512.h is the twin with the same functions. Pointers need the alignment of one element only.
#pragma once

#include <immintrin.h>

#include <cstddef>

#include "kernels/simd/f32x16_avx2.h"

namespace octet::kernels {
namespace {

/// 16 sums of integer products.
struct S32x16 {
  __m256i low, high;
};
inline F32x16 to_float(S32x16 v) { return {_mm256_cvtepi32_ps(v.low), _mm256_cvtepi32_ps(v.high)}; }

inline __m128i load_16_bytes(const std::byte* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}
inline F32x16 load_u8(const std::byte* p) {
  const __m128i bytes = load_16_bytes(p);
  return to_float({_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))});
}
inline F32x16 load_s16(const std::byte* p) {
  return to_float({_mm256_cvtepi16_epi32(load_16_bytes(p)), _mm256_cvtepi16_epi32(load_16_bytes(p + 16))});
}
inline __m256 widen_bf16(__m128i values) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(values), 16));
}
inline F32x16 load_bf16(const std::byte* p) {
  return {widen_bf16(load_16_bytes(p)), widen_bf16(load_16_bytes(p + 16))};
}

/// Rounds to nearest even; beyond the range of s16 the nearest of its ends.
inline __m256i to_s16(F32x16 v) {
  const __m256i by_halves = _mm256_packs_epi32(_mm256_cvtps_epi32(v.low), _mm256_cvtps_epi32(v.high));
  return _mm256_permute4x64_epi64(by_halves, 0xd8);
}
/// Rounds to nearest even. Values must round to integers of the type.
inline void store_u8(std::byte* p, F32x16 v) {
  const __m256i words = to_s16(v);
  const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
}
inline void store_s16(std::byte* p, F32x16 v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), to_s16(v));
}

/// Bytes of up to 64 neighbouring channels, clamped to [low, 255]; a `low` below 0 is none.
class SaturatedBytes {
 public:
  explicit SaturatedBytes(float low)
      : low_(_mm_set1_epi8(static_cast<char>(low > 0 ? static_cast<int>(low) : 0))) {}

  /// Rounds to nearest even. Values must fit in 32 bits.
  template <int kBlocks>
  [[gnu::always_inline]] void store(std::byte* p, const F32x16 (&v)[kBlocks]) const {
    store_pixels(p, 16, v);
  }

  /// 16 channels each of up to 4 pixels, `step` bytes apart.
  template <int kPixels>
  [[gnu::always_inline]] void store_pixels(std::byte* p, std::ptrdiff_t step,
                                           const F32x16 (&v)[kPixels]) const {
#pragma GCC unroll 4
    for (int i = 0; i < kPixels; ++i) {
      const __m256i words = to_s16(v[i]);
      const __m128i bytes =
          _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(p + i * step), _mm_max_epu8(bytes, low_));
    }
  }

 private:
  __m128i low_;
};

/// As to_bfloat16() in kernels/bfloat16.h, in the lower half of each lane.
inline __m256i narrow_bf16(__m256 v) {
  const __m256i bits = _mm256_castps_si256(v), upper = _mm256_srli_epi32(bits, 16);
  const __m256i to_even =
      _mm256_add_epi32(_mm256_set1_epi32(0x7fff), _mm256_and_si256(upper, _mm256_set1_epi32(1)));
  const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, to_even), 16);
  const __m256i quiet = _mm256_or_si256(upper, _mm256_set1_epi32(0x40));
  return _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)));
}
inline void store_bf16(std::byte* p, F32x16 v) {
  const __m256i by_halves = _mm256_packus_epi32(narrow_bf16(v.low), narrow_bf16(v.high));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(by_halves, 0xd8));
}

}  // namespace
}  // namespace octet::kernels
