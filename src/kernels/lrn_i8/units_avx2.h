// A unit is the 16 channels that one register of 16-bit integers holds; its sums and values are one F32x16
// with the even channels in the lower register and the odd ones in the upper. units_avx512.h is the twin.
#pragma once

#include "kernels/lrn_i8/three_quarters.h"
#include "kernels/simd/sums_avx2.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kUnit = 16;
constexpr int kParts = 1;

struct Words {
  __m256i all;
};
inline Words load_words(const std::int16_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
}
/// q - zero of `channels` channels, which this instruction set has no more of than a unit.
inline void store_centred(std::int16_t* p, const std::uint8_t* q, std::int32_t zero, std::int64_t) {
  const __m256i words = _mm256_cvtepu8_epi16(load_16_bytes(reinterpret_cast<const std::byte*>(q)));
  const __m256i centred = _mm256_sub_epi16(words, _mm256_set1_epi16(static_cast<short>(zero)));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), centred);
}

/// Squares of neighbours: of both, of the even one, of the odd one of each pair.
struct Pairs {
  __m256i all;
};
inline Pairs squares(Words w) { return {_mm256_madd_epi16(w.all, w.all)}; }
inline Pairs even_squares(Words w) { return squares({_mm256_and_si256(w.all, _mm256_set1_epi32(0xffff))}); }
inline Pairs odd_squares(Words w) { return squares({_mm256_andnot_si256(_mm256_set1_epi32(0xffff), w.all)}); }
inline Pairs operator+(Pairs a, Pairs b) { return {_mm256_add_epi32(a.all, b.all)}; }

struct Unit {
  F32x16 part[kParts];
};
inline Unit unit_of(Pairs even, Pairs odd) { return {{to_float({even.all, odd.all})}}; }
inline Unit values_of(Words w) {
  return {{to_float({_mm256_srai_epi32(_mm256_slli_epi32(w.all, 16), 16), _mm256_srai_epi32(w.all, 16)})}};
}
/// Rounds to nearest even, then saturates to bytes; values lie within 16 bits.
inline void store_unit(std::uint8_t* p, const Unit& unit, std::int64_t) {
  const __m256i even = _mm256_cvtps_epi32(unit.part[0].low), odd = _mm256_cvtps_epi32(unit.part[0].high);
  const __m256i words = _mm256_blend_epi16(even, _mm256_slli_epi32(odd, 16), 0xaa);
  const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
}

inline F32x16 guess_three_quarters(F32x16 t) {
  const auto guess = [](__m256 half) {
    const __m256i bits = _mm256_castps_si256(half);
    const __m256i rest = _mm256_sub_epi32(_mm256_set1_epi32(kGuess), bits);
    return _mm256_castsi256_ps(_mm256_add_epi32(rest, _mm256_srai_epi32(bits, 2)));
  };
  return {guess(t.low), guess(t.high)};
}

}  // namespace
}  // namespace octet::kernels
