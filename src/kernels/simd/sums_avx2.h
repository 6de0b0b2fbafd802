// Exact sums: the integers of 16 neighbouring channels as S32x16, with what averages and sums of squares
// need. sums_avx512.h is the twin with the same functions. Internal linkage throughout.
#pragma once

#include <cstdint>

#include "kernels/simd/narrow_avx2.h"

namespace octet::kernels {
namespace {

inline S32x16 load_sums(const std::int32_t* p) {
  const __m256i* v = reinterpret_cast<const __m256i*>(p);
  return {_mm256_loadu_si256(v), _mm256_loadu_si256(v + 1)};
}
inline void store_sums(std::int32_t* p, S32x16 v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v.low);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p) + 1, v.high);
}
inline S32x16 all_sums(std::int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
inline S32x16 sums_of_u8(const std::byte* p) {
  const __m128i bytes = load_16_bytes(p);
  return {_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))};
}
inline S32x16 sums_of_s16(const std::byte* p) {
  return {_mm256_cvtepi16_epi32(load_16_bytes(p)), _mm256_cvtepi16_epi32(load_16_bytes(p + 16))};
}
inline S32x16 operator+(S32x16 a, S32x16 b) {
  return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
}
inline S32x16 operator-(S32x16 a, S32x16 b) {
  return {_mm256_sub_epi32(a.low, b.low), _mm256_sub_epi32(a.high, b.high)};
}
inline S32x16 operator|(S32x16 a, S32x16 b) {
  return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)};
}
inline S32x16 shift_left(S32x16 v, int bits) {
  return {_mm256_slli_epi32(v.low, bits), _mm256_slli_epi32(v.high, bits)};
}
/// Arithmetic: the sign stays.
inline S32x16 shift_right(S32x16 v, int bits) {
  return {_mm256_srai_epi32(v.low, bits), _mm256_srai_epi32(v.high, bits)};
}
/// The lower 32 bits of the products.
inline S32x16 multiply_low(S32x16 a, S32x16 b) {
  return {_mm256_mullo_epi32(a.low, b.low), _mm256_mullo_epi32(a.high, b.high)};
}
/// Rounds to nearest even.
inline S32x16 to_integers(F32x16 v) { return {_mm256_cvtps_epi32(v.low), _mm256_cvtps_epi32(v.high)}; }
/// x * x for |x| < 2^15: one instruction less than a product of 32 bits.
inline S32x16 square(S32x16 x) {
  const __m256i words = _mm256_set1_epi32(0xffff);
  const __m256i low = _mm256_and_si256(x.low, words), high = _mm256_and_si256(x.high, words);
  return {_mm256_madd_epi16(low, low), _mm256_madd_epi16(high, high)};
}

}  // namespace
}  // namespace octet::kernels
