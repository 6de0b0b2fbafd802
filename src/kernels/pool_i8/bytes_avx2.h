// Vectors of bytes and 16-bit integers for maxima: SSE and AVX2 sizes. Internal linkage throughout.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace octet::kernels {
namespace {

struct Bytes16 {
  using Vector = __m128i;
  static constexpr int kSize = 16;
  static Vector load(const std::byte* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
  static void store(std::byte* p, Vector v) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), v); }
  static Vector all(char x) { return _mm_set1_epi8(x); }
  static Vector max_u8(Vector a, Vector b) { return _mm_max_epu8(a, b); }
  static Vector max_s16(Vector a, Vector b) { return _mm_max_epi16(a, b); }
  static Vector add_s16(Vector v, short x) { return _mm_add_epi16(v, _mm_set1_epi16(x)); }
  /// BF16 to 16-bit integers of the same order, and back.
  static Vector by_sign_and_magnitude(Vector v) {
    return _mm_xor_si128(v, _mm_and_si128(_mm_srai_epi16(v, 15), _mm_set1_epi16(0x7fff)));
  }
};
struct Bytes32 {
  using Vector = __m256i;
  static constexpr int kSize = 32;
  static Vector load(const std::byte* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static void store(std::byte* p, Vector v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  static Vector all(char x) { return _mm256_set1_epi8(x); }
  static Vector max_u8(Vector a, Vector b) { return _mm256_max_epu8(a, b); }
  static Vector max_s16(Vector a, Vector b) { return _mm256_max_epi16(a, b); }
  static Vector add_s16(Vector v, short x) { return _mm256_add_epi16(v, _mm256_set1_epi16(x)); }
  static Vector by_sign_and_magnitude(Vector v) {
    return _mm256_xor_si256(v, _mm256_and_si256(_mm256_srai_epi16(v, 15), _mm256_set1_epi16(0x7fff)));
  }
};

}  // namespace
}  // namespace octet::kernels
