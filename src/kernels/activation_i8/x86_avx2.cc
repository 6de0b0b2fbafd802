// Activations of bytes for AVX2.
#include <immintrin.h>

#include <cstdint>

namespace octet::kernels {
namespace {

struct Bytes {
  static constexpr std::int64_t kSize = 32;
  __m256i v;

  static Bytes load(const std::uint8_t* p) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
  }
  void store(std::uint8_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  /// 16 bytes; the others are the same again.
  static Bytes repeated(const std::uint8_t* p) {
    return {_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  static Bytes load16(const std::uint8_t* p) { return repeated(p); }
  void store16(std::uint8_t* p) const {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(v));
  }
  static Bytes all(char x) { return {_mm256_set1_epi8(x)}; }
};
inline Bytes operator^(Bytes a, Bytes b) { return {_mm256_xor_si256(a.v, b.v)}; }
/// Of signed bytes, saturated.
inline Bytes subtract(Bytes a, Bytes b) { return {_mm256_subs_epi8(a.v, b.v)}; }
/// In each 16 bytes: those that the low four bits of `index` say, 0 where it is negative.
inline Bytes shuffle(Bytes row, Bytes index) { return {_mm256_shuffle_epi8(row.v, index.v)}; }

}  // namespace
}  // namespace octet::kernels

// The vector code needs all of the above.
#include "kernels/activation_i8/vector_body.h"

namespace octet::kernels {

const ActivationI8Function kActivationI8Avx2 = look_up;

}  // namespace octet::kernels
