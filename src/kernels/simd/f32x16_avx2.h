// F32x16: the 16 channels of one pixel of a kNchw16c map as two AVX2 registers. See f32x16_avx512.h for the
// twin with the same operations; a family writes its vector code once over this type, and each instruction
// set's file includes one of the twins before it. Everything here has internal linkage on purpose.
#pragma once

#include <immintrin.h>

namespace octet::kernels {
namespace {

struct F32x16 {
  __m256 low, high;
};

inline F32x16 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline void store(float* p, F32x16 v) {
  _mm256_storeu_ps(p, v.low);
  _mm256_storeu_ps(p + 8, v.high);
}
inline F32x16 broadcast(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline F32x16 operator+(F32x16 a, F32x16 b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
inline F32x16 operator-(F32x16 a, F32x16 b) {
  return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
inline F32x16 operator*(F32x16 a, F32x16 b) {
  return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
inline F32x16 operator/(F32x16 a, F32x16 b) {
  return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}
/// b where either is NaN.
inline F32x16 max(F32x16 a, F32x16 b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
inline F32x16 min(F32x16 a, F32x16 b) { return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)}; }
/// A NaN where either is: then one order of the operands gives it, and a NaN it stays whatever bits are
/// added.
inline F32x16 max_or_nan(F32x16 a, F32x16 b) {
  const F32x16 one = max(a, b), other = max(b, a);
  return {_mm256_or_ps(one.low, other.low), _mm256_or_ps(one.high, other.high)};
}
inline F32x16 min_or_nan(F32x16 a, F32x16 b) {
  const F32x16 one = min(a, b), other = min(b, a);
  return {_mm256_or_ps(one.low, other.low), _mm256_or_ps(one.high, other.high)};
}
inline F32x16 sqrt(F32x16 a) { return {_mm256_sqrt_ps(a.low), _mm256_sqrt_ps(a.high)}; }
/// a * b + c, rounded once.
inline F32x16 fused_multiply_add(F32x16 a, F32x16 b, F32x16 c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
/// x where a < b, else y.
inline F32x16 where_less(F32x16 a, F32x16 b, F32x16 x, F32x16 y) {
  return {_mm256_blendv_ps(y.low, x.low, _mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ)),
          _mm256_blendv_ps(y.high, x.high, _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ))};
}
/// To the nearest integer, ties to even.
inline F32x16 round(F32x16 a) {
  return {_mm256_round_ps(a.low, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
          _mm256_round_ps(a.high, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}

/// Positive normal x = mantissa * 2^exponent with 0.75 <= mantissa < 1.5.
struct Split {
  F32x16 mantissa, exponent;
};
inline __m256i exponent_of(__m256 x) {
  const __m256i three_quarters = _mm256_set1_epi32(0x3f400000);
  return _mm256_srai_epi32(_mm256_sub_epi32(_mm256_castps_si256(x), three_quarters), 23);
}
inline __m256 without_exponent(__m256 x, __m256i exponent) {
  return _mm256_castsi256_ps(_mm256_sub_epi32(_mm256_castps_si256(x), _mm256_slli_epi32(exponent, 23)));
}
inline Split split(F32x16 x) {
  const __m256i low = exponent_of(x.low), high = exponent_of(x.high);
  return {{without_exponent(x.low, low), without_exponent(x.high, high)},
          {_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high)}};
}
/// 2^n for whole n in [-126, 127].
inline F32x16 power_of_two(F32x16 n) {
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256i low = _mm256_add_epi32(_mm256_cvtps_epi32(n.low), bias);
  const __m256i high = _mm256_add_epi32(_mm256_cvtps_epi32(n.high), bias);
  return {_mm256_castsi256_ps(_mm256_slli_epi32(low, 23)), _mm256_castsi256_ps(_mm256_slli_epi32(high, 23))};
}

}  // namespace
}  // namespace octet::kernels
