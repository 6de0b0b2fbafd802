// Vectors of 64 bytes in AVX-512 registers, for units of 64 channels: the twin of vectors_avx2.h. Masks of
// all lanes: see simd/f32x16_avx512.h. Internal linkage throughout.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace octet::kernels {
namespace {

struct Vector64 {
  static constexpr std::int64_t kBytes = 64;
  using Integers = __m512i;
  using Floats = __m512;

  static Integers load(const void* p) { return _mm512_loadu_si512(p); }
  static void store(void* p, Integers v) { _mm512_storeu_si512(p, v); }
  static Integers zero() { return _mm512_setzero_si512(); }
  static Integers all_bytes(std::uint8_t x) { return _mm512_set1_epi8(static_cast<char>(x)); }
  static Integers unpack_low_8(Integers a, Integers b) { return _mm512_unpacklo_epi8(a, b); }
  static Integers unpack_high_8(Integers a, Integers b) { return _mm512_unpackhi_epi8(a, b); }
  static Integers unpack_low_16(Integers a, Integers b) { return _mm512_unpacklo_epi16(a, b); }
  static Integers unpack_high_16(Integers a, Integers b) { return _mm512_unpackhi_epi16(a, b); }
  static Integers pack_to_s16(Integers a, Integers b) { return _mm512_packs_epi32(a, b); }
  static Integers pack_to_u8(Integers a, Integers b) { return _mm512_packus_epi16(a, b); }
  static Integers max_u8(Integers a, Integers b) { return _mm512_max_epu8(a, b); }
  static Integers min_u8(Integers a, Integers b) { return _mm512_min_epu8(a, b); }
  static Integers add_pair_products(Integers acc, Integers a, Integers b) {
    return _mm512_add_epi32(acc, _mm512_madd_epi16(a, b));
  }

  static Floats to_float(Integers v) { return _mm512_maskz_cvtepi32_ps(0xffff, v); }
  static Integers to_integers(Floats v) { return _mm512_maskz_cvtps_epi32(0xffff, v); }
  static Floats load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Floats v) { _mm512_storeu_ps(p, v); }
  static Floats all(float x) { return _mm512_set1_ps(x); }
  static Floats subtract(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
  static Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
  static Floats multiply(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
  static Floats fused_multiply_add(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
  static Floats max(Floats a, Floats b) { return _mm512_maskz_max_ps(0xffff, a, b); }
  static Floats min(Floats a, Floats b) { return _mm512_maskz_min_ps(0xffff, a, b); }
  static Floats where_less(Floats a, Floats b, Floats x, Floats y) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
  }
  template <int i>
  static void store_half(void* p, Integers v) {
    _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_maskz_extracti64x4_epi64(0xf, v, i));
  }
  template <int i>
  static void store_quarter(void* p, Integers v) {
    _mm_storeu_si128(static_cast<__m128i*>(p), _mm512_maskz_extracti32x4_epi32(0xf, v, i));
  }
  static void store_blocks(float* p, std::int64_t plane, std::int64_t count, Floats v) {
    _mm_storeu_ps(p, _mm512_castps512_ps128(v));
    if (count > 1) _mm_storeu_ps(p + plane, _mm512_maskz_extractf32x4_ps(0xf, v, 1));
    if (count > 2) _mm_storeu_ps(p + 2 * plane, _mm512_maskz_extractf32x4_ps(0xf, v, 2));
    if (count > 3) _mm_storeu_ps(p + 3 * plane, _mm512_maskz_extractf32x4_ps(0xf, v, 3));
  }
  static Floats load_blocks(const float* p, std::int64_t plane, std::int64_t count) {
    Floats v = _mm512_castps128_ps512(_mm_loadu_ps(p));
    if (count > 1) v = _mm512_insertf32x4(v, _mm_loadu_ps(p + plane), 1);
    if (count > 2) v = _mm512_insertf32x4(v, _mm_loadu_ps(p + 2 * plane), 2);
    if (count > 3) v = _mm512_insertf32x4(v, _mm_loadu_ps(p + 3 * plane), 3);
    return v;
  }
};

}  // namespace
}  // namespace octet::kernels
