// Words: 32 neighbouring channels of one pixel as 16-bit integers, for the input transform, and
// as many numbers of the weights. words_avx2.h is
// the twin with the same functions. Masks of all lanes: see simd/f32x16_avx512.h. Internal linkage
// throughout.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace octet::kernels {
namespace {

struct Words {
  static constexpr int kChannels = 32;
  __m512i all;
};

/// Of a map's last pixel it may read on beyond the image (kernels/kernel.h), where another thread may be
/// writing the next one: what it finds there meets weights of zero, which ThreadSanitizer cannot know.
[[gnu::no_sanitize_thread]] inline Words load_bytes(const std::byte* p) {
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm512_maskz_cvtepu8_epi16(0xffffffff, bytes)};
}
inline Words load_words(const std::byte* p) { return {_mm512_load_si512(p)}; }
inline void store(std::byte* p, Words v) { _mm512_storeu_si512(p, v.all); }
inline Words operator+(Words a, Words b) { return {_mm512_add_epi16(a.all, b.all)}; }
inline Words operator-(Words a, Words b) { return {_mm512_sub_epi16(a.all, b.all)}; }
inline Words twice(Words v) { return v + v; }
inline Words four_times(Words v) { return {_mm512_slli_epi16(v.all, 2)}; }

}  // namespace
}  // namespace octet::kernels
