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

// Panels of 32 channels: 24 sums leave room for weights (2), a pixel and products on their way; with panels
// of 64 there is too little and sums are spilled.
constexpr MicroKernels make_kernels() {
  MicroKernels kernels = {.lanes = 32, .rows = 12, .block = {}};
  set_blocks<Dot, 12, 1>(kernels);
  set_blocks<Dot, 12, 2>(kernels);
  return kernels;
}

}  // namespace

constinit const ElementKernels kAvx512S16 = {make_kernels(), make_kernels()};

}  // namespace octet::kernels::conv_dot
