// s16 x s16 by AVX-512 VNNI's vpdpwssd (which wraps, as the other instruction sets' sums would; vpdpwssds
// saturates). See contract.h.
#include <immintrin.h>

#include "kernels/simd/narrow_avx512.h"
// The width of F32x16 comes from above.
#include "kernels/conv_dot/s16_avx512.h"

namespace octet::kernels::conv_dot {
namespace {

struct Dot : S16Avx512 {
  static Sum multiply_add(Sum sum, Input x, Weights w) { return _mm512_dpwssd_epi32(sum, x, w); }
};

}  // namespace

constinit const ElementKernels kAvx512VnniS16 = {make_s16_kernels<Dot>(), make_s16_kernels<Dot>()};

}  // namespace octet::kernels::conv_dot
