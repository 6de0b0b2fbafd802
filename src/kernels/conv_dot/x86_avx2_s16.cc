// s16 x s16 on AVX2: see contract.h.
#include <immintrin.h>

#include "kernels/simd/narrow_avx2.h"
// The width of F32x16 comes from above.
#include "kernels/conv_dot/dot_block.h"

namespace octet::kernels::conv_dot {
namespace {

struct Dot {
  static constexpr Element kElement = Element::kS16;
  static constexpr int kLanes = 8;
  using Sum = __m256i;
  using Weights = __m256i;
  using Input = __m256i;
  static Sum load(const std::byte* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static F32x16 reals(const Sum* sums) { return to_float({sums[0], sums[1]}); }
  static Weights weights(const std::byte* p) { return load(p); }
  static Input input(const std::byte* p) {
    std::int32_t group;
    __builtin_memcpy(&group, p, sizeof group);
    return _mm256_set1_epi32(group);
  }
  static Sum multiply_add(Sum sum, Input x, Weights w) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w));
  }
};

// Of 16 registers 12 are sums, 2 weights, and 2 a pixel and its products.
constexpr MicroKernels make_kernels() {
  constexpr int kRows = 6;
  MicroKernels kernels = {.lanes = 16, .rows = kRows, .block = {}};
  set_blocks<Dot, kRows, 1>(kernels);
  return kernels;
}

}  // namespace

constinit const ElementKernels kAvx2S16 = {make_kernels(), make_kernels()};

}  // namespace octet::kernels::conv_dot
