// Exact sums: the integers of 16 neighbouring channels as S32x16, with what averages and sums of squares
// need. sums_avx2.h is the twin with the same functions. Internal linkage throughout.
#pragma once

#include <cstdint>

#include "kernels/simd/narrow_avx512.h"

namespace octet::kernels {
namespace {

inline S32x16 load_sums(const std::int32_t* p) { return {_mm512_loadu_si512(p)}; }
inline void store_sums(std::int32_t* p, S32x16 v) { _mm512_storeu_si512(p, v.all); }
inline S32x16 all_sums(std::int32_t x) { return {_mm512_set1_epi32(x)}; }
inline S32x16 sums_of_u8(const std::byte* p) {
  return {_mm512_maskz_cvtepu8_epi32(0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
inline S32x16 sums_of_s16(const std::byte* p) {
  return {_mm512_maskz_cvtepi16_epi32(0xffff, load_32_bytes(p))};
}
inline S32x16 operator+(S32x16 a, S32x16 b) { return {_mm512_add_epi32(a.all, b.all)}; }
inline S32x16 operator-(S32x16 a, S32x16 b) { return {_mm512_sub_epi32(a.all, b.all)}; }
inline S32x16 operator|(S32x16 a, S32x16 b) { return {_mm512_or_si512(a.all, b.all)}; }
inline S32x16 shift_left(S32x16 v, int bits) {
  return {_mm512_maskz_slli_epi32(0xffff, v.all, static_cast<unsigned>(bits))};
}
/// Arithmetic: the sign stays.
inline S32x16 shift_right(S32x16 v, int bits) {
  return {_mm512_maskz_srai_epi32(0xffff, v.all, static_cast<unsigned>(bits))};
}
/// The lower 32 bits of the products.
inline S32x16 multiply_low(S32x16 a, S32x16 b) { return {_mm512_mullo_epi32(a.all, b.all)}; }
/// Rounds to nearest even.
inline S32x16 to_integers(F32x16 v) { return {_mm512_maskz_cvtps_epi32(0xffff, v.all)}; }
/// x * x for |x| < 2^15: one instruction less than a product of 32 bits.
inline S32x16 square(S32x16 x) {
  const __m512i words = _mm512_and_si512(x.all, _mm512_set1_epi32(0xffff));
  return {_mm512_madd_epi16(words, words)};
}

}  // namespace
}  // namespace octet::kernels
