// Words: 16 neighbouring channels of one pixel as 16-bit integers, for the input transform, and
// as many numbers of the weights. words_avx512.h is
// the twin with the same functions. Internal linkage throughout.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace octet::kernels {
namespace {

struct Words {
  static constexpr int kChannels = 16;
  __m256i all;
};

/// Not for ThreadSanitizer, as in words_avx512.h.
[[gnu::no_sanitize_thread]] inline Words load_bytes(const std::byte* p) {
  return {_mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
inline Words load_words(const std::byte* p) {
  return {_mm256_load_si256(reinterpret_cast<const __m256i*>(p))};
}
inline void store(std::byte* p, Words v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v.all); }
inline Words operator+(Words a, Words b) { return {_mm256_add_epi16(a.all, b.all)}; }
inline Words operator-(Words a, Words b) { return {_mm256_sub_epi16(a.all, b.all)}; }
inline Words twice(Words v) { return v + v; }
inline Words four_times(Words v) { return {_mm256_slli_epi16(v.all, 2)}; }

}  // namespace
}  // namespace octet::kernels
