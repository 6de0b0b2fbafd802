// Pooling of narrow maps for AVX-512 (F, BW, DQ, VL).
#include "kernels/pool_i8/bytes_avx2.h"
#include "kernels/simd/sums_avx512.h"

namespace octet::kernels {
namespace {

struct Bytes64 {
  using Vector = __m512i;
  static constexpr int kSize = 64;
  static Vector load(const std::byte* p) { return _mm512_loadu_si512(p); }
  static void store(std::byte* p, Vector v) { _mm512_storeu_si512(p, v); }
  static Vector all(char x) { return _mm512_set1_epi8(x); }
  static Vector max_u8(Vector a, Vector b) { return _mm512_max_epu8(a, b); }
  static Vector max_s16(Vector a, Vector b) { return _mm512_max_epi16(a, b); }
  static Vector add_s16(Vector v, short x) { return _mm512_add_epi16(v, _mm512_set1_epi16(x)); }
  static Vector by_sign_and_magnitude(Vector v) {
    return _mm512_xor_si512(v, _mm512_and_si512(_mm512_srai_epi16(v, 15), _mm512_set1_epi16(0x7fff)));
  }
};
using Widest = Bytes64;

}  // namespace
}  // namespace octet::kernels

// The vector code needs all of the above.
#include "kernels/pool_i8/vector_body.h"

namespace octet::kernels {

const PoolI8Functions kPoolI8Avx512 = kFunctions;

}  // namespace octet::kernels
