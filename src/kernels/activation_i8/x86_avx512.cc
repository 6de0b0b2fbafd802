// Activations of bytes for AVX-512 (F, BW, DQ, VL).
#include <immintrin.h>

#include <cstdint>

namespace octet::kernels {
namespace {

struct Bytes {
  static constexpr std::int64_t kSize = 64;
  __m512i v;

  static Bytes load(const std::uint8_t* p) { return {_mm512_loadu_si512(p)}; }
  void store(std::uint8_t* p) const { _mm512_storeu_si512(p, v); }
  /// 16 bytes; the others are the same again. (With a mask of all lanes: GCC 12 takes the intrinsic without
  /// one for a use of uninitialised memory.)
  static Bytes repeated(const std::uint8_t* p) {
    return {_mm512_maskz_broadcast_i32x4(0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  static Bytes load16(const std::uint8_t* p) { return repeated(p); }
  void store16(std::uint8_t* p) const {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_castsi512_si128(v));
  }
  static Bytes all(char x) { return {_mm512_set1_epi8(x)}; }
};
inline Bytes operator^(Bytes a, Bytes b) { return {_mm512_xor_si512(a.v, b.v)}; }
/// Of signed bytes, saturated.
inline Bytes subtract(Bytes a, Bytes b) { return {_mm512_subs_epi8(a.v, b.v)}; }
/// In each 16 bytes: those that the low four bits of `index` say, 0 where it is negative.
inline Bytes shuffle(Bytes row, Bytes index) { return {_mm512_shuffle_epi8(row.v, index.v)}; }

}  // namespace
}  // namespace octet::kernels

// The vector code needs all of the above.
#include "kernels/activation_i8/vector_body.h"

namespace octet::kernels {

const ActivationI8Function kActivationI8Avx512 = look_up;

}  // namespace octet::kernels
