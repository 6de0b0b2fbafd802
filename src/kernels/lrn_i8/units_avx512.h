// A unit is the 32 channels that one register of 16-bit integers holds; its sums and values are two F32x16,
// of the even channels and of the odd ones. units_avx2.h is the twin.
#pragma once

#include "kernels/lrn_i8/three_quarters.h"
#include "kernels/simd/sums_avx512.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kUnit = 32;
constexpr int kParts = 2;

struct Words {
  __m512i all;
};
inline Words load_words(const std::int16_t* p) { return {_mm512_loadu_si512(p)}; }
/// q - zero of `channels` channels: a unit, or the 16 of the last half.
inline void store_centred(std::int16_t* p, const std::uint8_t* q, std::int32_t zero, std::int64_t channels) {
  const std::byte* from = reinterpret_cast<const std::byte*>(q);
  const auto z = static_cast<short>(zero);
  if (channels == kUnit) {
    const __m512i words = _mm512_maskz_cvtepu8_epi16(0xffffffff, load_32_bytes(from));
    _mm512_storeu_si512(p, _mm512_sub_epi16(words, _mm512_set1_epi16(z)));
  } else {
    const __m256i words = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_sub_epi16(words, _mm256_set1_epi16(z)));
  }
}

/// Squares of neighbours: of both, of the even one, of the odd one of each pair.
struct Pairs {
  __m512i all;
};
inline Pairs squares(Words w) { return {_mm512_madd_epi16(w.all, w.all)}; }
inline Pairs even_squares(Words w) { return squares({_mm512_and_si512(w.all, _mm512_set1_epi32(0xffff))}); }
inline Pairs odd_squares(Words w) {
  return squares({_mm512_and_si512(w.all, _mm512_set1_epi32(static_cast<int>(0xffff0000)))});
}
inline Pairs operator+(Pairs a, Pairs b) { return {_mm512_add_epi32(a.all, b.all)}; }

struct Unit {
  F32x16 part[kParts];
};
inline Unit unit_of(Pairs even, Pairs odd) { return {{to_float({even.all}), to_float({odd.all})}}; }
inline Unit values_of(Words w) {
  const __m512i even = _mm512_maskz_slli_epi32(0xffff, w.all, 16);
  return {{to_float({_mm512_maskz_srai_epi32(0xffff, even, 16)}),
           to_float({_mm512_maskz_srai_epi32(0xffff, w.all, 16)})}};
}
/// Rounds to nearest even, then saturates to bytes; values lie within 16 bits. `channels`: a unit, or the 16
/// of the last half.
inline void store_unit(std::uint8_t* p, const Unit& unit, std::int64_t channels) {
  const __m512i even = to_integers(unit.part[0]).all, odd = to_integers(unit.part[1]).all;
  const __m512i words = _mm512_mask_blend_epi16(0xaaaaaaaa, even, _mm512_maskz_slli_epi32(0xffff, odd, 16));
  const __m512i positive = _mm512_maskz_max_epi16(0xffffffff, words, _mm512_setzero_si512());
  const __m256i bytes = _mm512_maskz_cvtusepi16_epi8(0xffffffff, positive);
  if (channels == kUnit) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), bytes);
  } else {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(bytes));
  }
}

inline F32x16 guess_three_quarters(F32x16 t) {
  const __m512i bits = _mm512_castps_si512(t.all);
  const __m512i rest = _mm512_sub_epi32(_mm512_set1_epi32(kGuess), bits);
  return {_mm512_castsi512_ps(_mm512_add_epi32(rest, _mm512_maskz_srai_epi32(0xffff, bits, 2)))};
}

}  // namespace
}  // namespace octet::kernels
