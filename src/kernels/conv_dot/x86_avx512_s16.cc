// s16 x s16 on AVX-512 without VNNI: see contract.h.
#include <immintrin.h>

#include "kernels/simd/narrow_avx512.h"
// The width of F32x16 comes from above.
#include "kernels/conv_dot/s16_avx512.h"

namespace octet::kernels::conv_dot {
namespace {

struct Dot : S16Avx512 {
  static Sum multiply_add(Sum sum, Input x, Weights w) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(x, w));
  }
};

}  // namespace

constinit const ElementKernels kAvx512S16 = {make_s16_kernels<Dot>(), make_s16_kernels<Dot>()};

}  // namespace octet::kernels::conv_dot
