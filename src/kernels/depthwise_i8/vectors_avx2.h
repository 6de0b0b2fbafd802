// Vectors of 16 and 32 bytes in AVX2 registers, for the family's vector code. vectors_avx512.h has those
// of 64. Internal linkage throughout.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace octet::kernels {
namespace {

/// What interleaving needs.
struct Vector16 {
  static constexpr std::int64_t kBytes = 16;
  using Integers = __m128i;

  static Integers load(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
  static void store(void* p, Integers v) { _mm_storeu_si128(static_cast<__m128i*>(p), v); }
  static Integers zero() { return _mm_setzero_si128(); }
  static Integers unpack_low_8(Integers a, Integers b) { return _mm_unpacklo_epi8(a, b); }
  static Integers unpack_high_8(Integers a, Integers b) { return _mm_unpackhi_epi8(a, b); }
  static Integers unpack_low_16(Integers a, Integers b) { return _mm_unpacklo_epi16(a, b); }
  static Integers unpack_high_16(Integers a, Integers b) { return _mm_unpackhi_epi16(a, b); }
};

/// The same, and what a unit of 32 channels needs.
struct Vector32 {
  static constexpr std::int64_t kBytes = 32;
  using Integers = __m256i;
  using Floats = __m256;

  static Integers load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static void store(void* p, Integers v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
  static Integers zero() { return _mm256_setzero_si256(); }
  static Integers all_bytes(std::uint8_t x) { return _mm256_set1_epi8(static_cast<char>(x)); }
  static Integers unpack_low_8(Integers a, Integers b) { return _mm256_unpacklo_epi8(a, b); }
  static Integers unpack_high_8(Integers a, Integers b) { return _mm256_unpackhi_epi8(a, b); }
  static Integers unpack_low_16(Integers a, Integers b) { return _mm256_unpacklo_epi16(a, b); }
  static Integers unpack_high_16(Integers a, Integers b) { return _mm256_unpackhi_epi16(a, b); }
  static Integers pack_to_s16(Integers a, Integers b) { return _mm256_packs_epi32(a, b); }
  static Integers pack_to_u8(Integers a, Integers b) { return _mm256_packus_epi16(a, b); }
  static Integers max_u8(Integers a, Integers b) { return _mm256_max_epu8(a, b); }
  static Integers min_u8(Integers a, Integers b) { return _mm256_min_epu8(a, b); }
  /// acc + a[2i] * b[2i] + a[2i + 1] * b[2i + 1], 16-bit integers
  static Integers add_pair_products(Integers acc, Integers a, Integers b) {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b));
  }

  static Floats to_float(Integers v) { return _mm256_cvtepi32_ps(v); }
  static Integers to_integers(Floats v) { return _mm256_cvtps_epi32(v); }
  static Floats load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Floats v) { _mm256_storeu_ps(p, v); }
  static Floats all(float x) { return _mm256_set1_ps(x); }
  static Floats subtract(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
  static Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
  static Floats multiply(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
  static Floats fused_multiply_add(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
  static Floats max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
  static Floats min(Floats a, Floats b) { return _mm256_min_ps(a, b); }
  /// x where a < b, else y.
  static Floats where_less(Floats a, Floats b, Floats x, Floats y) {
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
  }
  template <int i>
  static void store_half(void* p, Integers v) {
    _mm_storeu_si128(static_cast<__m128i*>(p), _mm256_extracti128_si256(v, i));
  }
  /// Every four lanes to (from) one of the first `count` of blocks of 16 channels, `plane` floats apart.
  static void store_blocks(float* p, std::int64_t plane, std::int64_t count, Floats v) {
    _mm_storeu_ps(p, _mm256_castps256_ps128(v));
    if (count > 1) _mm_storeu_ps(p + plane, _mm256_extractf128_ps(v, 1));
  }
  static Floats load_blocks(const float* p, std::int64_t plane, std::int64_t count) {
    const Floats first = _mm256_castps128_ps256(_mm_loadu_ps(p));
    return count > 1 ? _mm256_insertf128_ps(first, _mm_loadu_ps(p + plane), 1) : first;
  }
};

}  // namespace
}  // namespace octet::kernels
