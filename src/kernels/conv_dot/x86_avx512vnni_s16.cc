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

// At most 24 sums: the other 8 registers hold weights and a pixel.
constexpr MicroKernels make_kernels() {
  MicroKernels kernels = {.lanes = 64, .rows = 6, .block = {}};
  set_blocks<Dot, 12, 1>(kernels);
  set_blocks<Dot, 12, 2>(kernels);
  set_blocks<Dot, 8, 3>(kernels);
  set_blocks<Dot, 6, 4>(kernels);
  return kernels;
}

}  // namespace

constinit const ElementKernels kAvx512VnniS16 = {make_kernels(), make_kernels()};

}  // namespace octet::kernels::conv_dot
