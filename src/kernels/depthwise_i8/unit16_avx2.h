// A unit of 16 channels in AVX2 registers, for the family's vector code. Internal linkage throughout.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace octet::kernels {
namespace {

struct Unit16 {
  static constexpr std::int64_t kChannels = 16;
  using Integers = __m256i;
  using Floats = __m256;

  static Integers load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  /// The unit's bytes as 16-bit integers.
  static Integers widen(const std::uint8_t* p) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static Integers low_pairs(Integers a, Integers b) { return _mm256_unpacklo_epi16(a, b); }
  static Integers high_pairs(Integers a, Integers b) { return _mm256_unpackhi_epi16(a, b); }
  static Integers zero() { return _mm256_setzero_si256(); }
  /// acc + a[2i] * b[2i] + a[2i + 1] * b[2i + 1]
  static Integers multiply_add_pairs(Integers a, Integers b, Integers acc) {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b));
  }

  static Floats to_float(Integers v) { return _mm256_cvtepi32_ps(v); }
  static Floats load(const float* p) { return _mm256_loadu_ps(p); }
  static Floats all(float x) { return _mm256_set1_ps(x); }
  static Floats subtract(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
  static Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
  static Floats multiply(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
  static Floats multiply_add(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
  static Floats max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
  static Floats min(Floats a, Floats b) { return _mm256_min_ps(a, b); }
  /// x where a < b, else y.
  static Floats where_less(Floats a, Floats b, Floats x, Floats y) {
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
  }

  /// Two halves of a unit, rounded to bytes, in the channels' order.
  static void store_bytes(std::byte* p, Floats low, Floats high) {
    const __m256i words = _mm256_packs_epi32(_mm256_cvtps_epi32(low), _mm256_cvtps_epi32(high));
    const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
  }
  /// The same as floats, to one block of 16 channels.
  static void store_blocks(float* p, std::int64_t, Floats low, Floats high) {
    _mm256_storeu_ps(p, _mm256_permute2f128_ps(low, high, 0x20));
    _mm256_storeu_ps(p + 8, _mm256_permute2f128_ps(low, high, 0x31));
  }
  struct Halves {
    Floats low, high;
  };
  static Halves load_blocks(const float* p, std::int64_t) {
    const __m256 first = _mm256_loadu_ps(p), second = _mm256_loadu_ps(p + 8);
    return {_mm256_permute2f128_ps(first, second, 0x20), _mm256_permute2f128_ps(first, second, 0x31)};
  }
};

}  // namespace
}  // namespace octet::kernels
