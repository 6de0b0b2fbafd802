// A unit of 32 channels in AVX-512 registers, for the family's vector code: the twin of unit16_avx2.h. Masks
// of all lanes: see simd/f32x16_avx512.h. Internal linkage throughout.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace octet::kernels {
namespace {

struct Unit32 {
  static constexpr std::int64_t kChannels = 32;
  using Integers = __m512i;
  using Floats = __m512;

  static Integers load(const void* p) { return _mm512_loadu_si512(p); }
  static Integers widen(const std::uint8_t* p) {
    return _mm512_maskz_cvtepu8_epi16(0xffffffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Integers low_pairs(Integers a, Integers b) { return _mm512_unpacklo_epi16(a, b); }
  static Integers high_pairs(Integers a, Integers b) { return _mm512_unpackhi_epi16(a, b); }
  static Integers zero() { return _mm512_setzero_si512(); }
  static Integers multiply_add_pairs(Integers a, Integers b, Integers acc) {
    return _mm512_add_epi32(acc, _mm512_madd_epi16(a, b));
  }

  static Floats to_float(Integers v) { return _mm512_maskz_cvtepi32_ps(0xffff, v); }
  static Floats load(const float* p) { return _mm512_loadu_ps(p); }
  static Floats all(float x) { return _mm512_set1_ps(x); }
  static Floats subtract(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
  static Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
  static Floats multiply(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
  static Floats multiply_add(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
  static Floats max(Floats a, Floats b) { return _mm512_maskz_max_ps(0xffff, a, b); }
  static Floats min(Floats a, Floats b) { return _mm512_maskz_min_ps(0xffff, a, b); }
  static Floats where_less(Floats a, Floats b, Floats x, Floats y) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
  }

  static void store_bytes(std::byte* p, Floats low, Floats high) {
    const __m512i words =
        _mm512_packs_epi32(_mm512_maskz_cvtps_epi32(0xffff, low), _mm512_maskz_cvtps_epi32(0xffff, high));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_maskz_cvtepi16_epi8(0xffffffff, words));
  }
  /// Two blocks of 16 channels, `plane` floats apart. In quarters of a register, the first block is low 0,
  /// high 0, low 1, high 1.
  static void store_blocks(float* p, std::int64_t plane, Floats low, Floats high) {
    const Floats first = _mm512_maskz_shuffle_f32x4(0xffff, low, high, 0x44);
    const Floats second = _mm512_maskz_shuffle_f32x4(0xffff, low, high, 0xee);
    _mm512_storeu_ps(p, _mm512_maskz_shuffle_f32x4(0xffff, first, first, 0xd8));
    _mm512_storeu_ps(p + plane, _mm512_maskz_shuffle_f32x4(0xffff, second, second, 0xd8));
  }
  struct Halves {
    Floats low, high;
  };
  static Halves load_blocks(const float* p, std::int64_t plane) {
    const Floats first = _mm512_loadu_ps(p), second = _mm512_loadu_ps(p + plane);
    return {_mm512_maskz_shuffle_f32x4(0xffff, first, second, 0x88),
            _mm512_maskz_shuffle_f32x4(0xffff, first, second, 0xdd)};
  }
};

}  // namespace
}  // namespace octet::kernels
