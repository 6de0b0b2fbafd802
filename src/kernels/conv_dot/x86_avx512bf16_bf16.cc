// BF16 by AVX512_BF16's vdpbf16ps, which takes denormals for zero whatever the mode. See contract.h.
#include <immintrin.h>

#include "kernels/simd/narrow_avx512.h"
// The width of F32x16 comes from above.
#include "kernels/conv_dot/dot_block.h"

namespace octet::kernels::conv_dot {
namespace {

struct Dot {
  static constexpr Element kElement = Element::kBf16;
  static constexpr int kLanes = 16;
  using Sum = __m512;
  using Weights = __m512bh;
  using Input = __m512bh;
  static Sum load(const std::byte* p) { return _mm512_loadu_ps(p); }
  static F32x16 reals(const Sum* sums) { return {sums[0]}; }
  static Weights weights(const std::byte* p) { return reinterpret_cast<__m512bh>(_mm512_loadu_si512(p)); }
  static Input input(const std::byte* p) {
    std::int32_t group;
    __builtin_memcpy(&group, p, sizeof group);
    return reinterpret_cast<__m512bh>(_mm512_set1_epi32(group));
  }
  static void store(std::byte* p, F32x16 v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v.all)));
  }
  static Sum multiply_add(Sum sum, Input x, Weights w) { return _mm512_dpbf16_ps(sum, x, w); }
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

constinit const ElementKernels kAvx512Bf16Bf16 = {make_kernels(), make_kernels()};

}  // namespace octet::kernels::conv_dot
