// F32x16: the 16 channels of one pixel of a kNchw16c map as one AVX-512 register. See f32x16_avx2.h for the
// twin with the same operations; a family writes its vector code once over this type, and each instruction
// set's file includes one of the twins before it. Everything here has internal linkage on purpose.
#pragma once

#include <immintrin.h>

namespace octet::kernels {
namespace {

struct F32x16 {
  __m512 all;
};

inline F32x16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline void store(float* p, F32x16 v) { _mm512_storeu_ps(p, v.all); }
inline F32x16 broadcast(float x) { return {_mm512_set1_ps(x)}; }
inline F32x16 operator+(F32x16 a, F32x16 b) { return {_mm512_add_ps(a.all, b.all)}; }
inline F32x16 operator-(F32x16 a, F32x16 b) { return {_mm512_sub_ps(a.all, b.all)}; }
inline F32x16 operator*(F32x16 a, F32x16 b) { return {_mm512_mul_ps(a.all, b.all)}; }
inline F32x16 operator/(F32x16 a, F32x16 b) { return {_mm512_div_ps(a.all, b.all)}; }
// Where a mask of all lanes is given: the same instruction as without, whose intrinsic GCC 12 takes for a use
// of uninitialised memory.
/// b where either is NaN.
inline F32x16 max(F32x16 a, F32x16 b) { return {_mm512_maskz_max_ps(0xffff, a.all, b.all)}; }
inline F32x16 min(F32x16 a, F32x16 b) { return {_mm512_maskz_min_ps(0xffff, a.all, b.all)}; }
/// A NaN where either is.
inline F32x16 max_or_nan(F32x16 a, F32x16 b) {
  return {_mm512_mask_max_ps(a.all, _mm512_cmp_ps_mask(a.all, a.all, _CMP_ORD_Q), a.all, b.all)};
}
inline F32x16 min_or_nan(F32x16 a, F32x16 b) {
  return {_mm512_mask_min_ps(a.all, _mm512_cmp_ps_mask(a.all, a.all, _CMP_ORD_Q), a.all, b.all)};
}
inline F32x16 sqrt(F32x16 a) { return {_mm512_maskz_sqrt_ps(0xffff, a.all)}; }
/// a * b + c, rounded once.
inline F32x16 fused_multiply_add(F32x16 a, F32x16 b, F32x16 c) {
  return {_mm512_fmadd_ps(a.all, b.all, c.all)};
}
/// x where a < b, else y.
inline F32x16 where_less(F32x16 a, F32x16 b, F32x16 x, F32x16 y) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.all, b.all, _CMP_LT_OQ), y.all, x.all)};
}
/// To the nearest integer, ties to even.
inline F32x16 round(F32x16 a) {
  return {_mm512_maskz_roundscale_ps(0xffff, a.all, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}

/// Positive normal x = mantissa * 2^exponent with 0.75 <= mantissa < 1.5.
struct Split {
  F32x16 mantissa, exponent;
};
inline Split split(F32x16 x) {
  const __m512i bits = _mm512_castps_si512(x.all);
  const __m512i three_quarters = _mm512_set1_epi32(0x3f400000);
  const __m512i exponent = _mm512_maskz_srai_epi32(0xffff, _mm512_sub_epi32(bits, three_quarters), 23);
  const __m512i mantissa = _mm512_sub_epi32(bits, _mm512_maskz_slli_epi32(0xffff, exponent, 23));
  return {{_mm512_castsi512_ps(mantissa)}, {_mm512_maskz_cvtepi32_ps(0xffff, exponent)}};
}
/// 2^n for whole n in [-126, 127].
inline F32x16 power_of_two(F32x16 n) {
  const __m512i biased = _mm512_add_epi32(_mm512_maskz_cvtps_epi32(0xffff, n.all), _mm512_set1_epi32(127));
  return {_mm512_castsi512_ps(_mm512_maskz_slli_epi32(0xffff, biased, 23))};
}

}  // namespace
}  // namespace octet::kernels
