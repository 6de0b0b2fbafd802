// The integers and BF16 numbers of 16 neighbouring channels of a kNhwc map, read as F32x16 and written back.
// narrow_avx2.h is the twin with the same functions. Pointers need the alignment of one element only.
#pragma once

#include <immintrin.h>

#include <cstddef>

#include "kernels/simd/f32x16_avx512.h"

namespace octet::kernels {
namespace {

// Masks of all lanes: see f32x16_avx512.h.

/// 16 sums of integer products.
struct S32x16 {
  __m512i all;
};
inline F32x16 to_float(S32x16 v) { return {_mm512_maskz_cvtepi32_ps(0xffff, v.all)}; }

inline __m256i load_32_bytes(const std::byte* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline F32x16 load_u8(const std::byte* p) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return to_float({_mm512_maskz_cvtepu8_epi32(0xffff, bytes)});
}
inline F32x16 load_s16(const std::byte* p) {
  return to_float({_mm512_maskz_cvtepi16_epi32(0xffff, load_32_bytes(p))});
}
inline F32x16 load_bf16(const std::byte* p) {
  const __m512i wide = _mm512_maskz_cvtepu16_epi32(0xffff, load_32_bytes(p));
  return {_mm512_castsi512_ps(_mm512_maskz_slli_epi32(0xffff, wide, 16))};
}

/// Rounds to nearest even. Values must round to integers of the type.
inline void store_u8(std::byte* p, F32x16 v) {
  const __m512i integers = _mm512_maskz_cvtps_epi32(0xffff, v.all);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_maskz_cvtepi32_epi8(0xffff, integers));
}
inline void store_s16(std::byte* p, F32x16 v) {
  const __m512i integers = _mm512_maskz_cvtps_epi32(0xffff, v.all);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_maskz_cvtepi32_epi16(0xffff, integers));
}

/// Bytes of up to 64 neighbouring channels, clamped to [low, 255]; a `low` below 0 is none.
class SaturatedBytes {
 public:
  explicit SaturatedBytes(float low)
      : low_(_mm512_set1_epi8(static_cast<char>(low > 0 ? static_cast<int>(low) : 0))) {}

  /// Rounds to nearest even. Values must fit in 32 bits. What lies behind kBlocks * 16 bytes is of no
  /// meaning.
  template <int kBlocks>
  [[gnu::always_inline]] __m512i pack(const F32x16 (&v)[kBlocks]) const {
    __m512i q[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) q[i] = _mm512_maskz_cvtps_epi32(0xffff, v[i < kBlocks ? i : kBlocks - 1].all);
    // The packs work within 16 bytes: byte group 4 * i + j of the result is group i of v[j].
    const __m512i mixed = _mm512_packus_epi16(_mm512_packs_epi32(q[0], q[1]), _mm512_packs_epi32(q[2], q[3]));
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_max_epu8(_mm512_maskz_permutexvar_epi32(0xffff, order, mixed), low_);
  }

  /// Writes pack(v).
  template <int kBlocks>
  [[gnu::always_inline]] void store(std::byte* p, const F32x16 (&v)[kBlocks]) const {
    const __m512i bytes = pack(v);
    if constexpr (kBlocks == 4) return _mm512_storeu_si512(p, bytes);
    if constexpr (kBlocks == 1) return store_16(p, _mm512_castsi512_si128(bytes));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_castsi512_si256(bytes));
    if constexpr (kBlocks == 3) store_16(p + 32, _mm512_extracti32x4_epi32(bytes, 2));
  }

  /// 16 channels each of up to 4 pixels, `step` bytes apart.
  template <int kPixels>
  [[gnu::always_inline]] void store_pixels(std::byte* p, std::ptrdiff_t step,
                                           const F32x16 (&v)[kPixels]) const {
    const __m512i bytes = pack(v);
    store_16(p, _mm512_castsi512_si128(bytes));
    if constexpr (kPixels > 1) store_16(p + step, _mm512_extracti32x4_epi32(bytes, 1));
    if constexpr (kPixels > 2) store_16(p + 2 * step, _mm512_extracti32x4_epi32(bytes, 2));
    if constexpr (kPixels > 3) store_16(p + 3 * step, _mm512_extracti32x4_epi32(bytes, 3));
  }

 private:
  static void store_16(std::byte* p, __m128i bytes) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
  }
  __m512i low_;
};

/// Rounds as to_bfloat16() in kernels/bfloat16.h.
inline void store_bf16(std::byte* p, F32x16 v) {
  const __m512i bits = _mm512_castps_si512(v.all), upper = _mm512_maskz_srli_epi32(0xffff, bits, 16);
  const __m512i to_even =
      _mm512_add_epi32(_mm512_set1_epi32(0x7fff), _mm512_and_si512(upper, _mm512_set1_epi32(1)));
  const __m512i rounded = _mm512_maskz_srli_epi32(0xffff, _mm512_add_epi32(bits, to_even), 16);
  const __m512i quiet = _mm512_or_si512(upper, _mm512_set1_epi32(0x40));
  const __mmask16 nan = _mm512_cmp_ps_mask(v.all, v.all, _CMP_UNORD_Q);
  const __m512i narrow = _mm512_mask_blend_epi32(nan, rounded, quiet);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_maskz_cvtepi32_epi16(0xffff, narrow));
}

}  // namespace
}  // namespace octet::kernels
