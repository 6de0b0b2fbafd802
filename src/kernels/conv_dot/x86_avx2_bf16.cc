// BF16 on AVX2, as FP32: the upper half of a float is the number itself. See contract.h.
#include <immintrin.h>

#include "kernels/simd/narrow_avx2.h"
// The width of F32x16 comes from above.
#include "kernels/conv_dot/dot_block.h"

namespace octet::kernels::conv_dot {
namespace {

struct Dot {
  /// The two numbers of each lane as floats.
  struct Pair {
    __m256 first, second;
  };
  static constexpr Element kElement = Element::kBf16;
  static constexpr int kLanes = 8;
  using Sum = __m256;
  using Weights = Pair;
  using Input = Pair;
  static Sum load(const std::byte* p) { return _mm256_loadu_ps(reinterpret_cast<const float*>(p)); }
  static F32x16 reals(const Sum* sums) { return {sums[0], sums[1]}; }
  static Pair widen(__m256i pairs) {
    const __m256i upper_half = _mm256_set1_epi32(static_cast<int>(0xffff0000u));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)),
            _mm256_castsi256_ps(_mm256_and_si256(pairs, upper_half))};
  }
  static Weights weights(const std::byte* p) {
    return widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Input input(const std::byte* p) {
    std::int32_t group;
    __builtin_memcpy(&group, p, sizeof group);
    return widen(_mm256_set1_epi32(group));
  }
  static void store(std::byte* p, F32x16 v) { store_bf16(p, v); }
  static Sum multiply_add(Sum sum, Input x, Weights w) {
    return _mm256_fmadd_ps(x.second, w.second, _mm256_fmadd_ps(x.first, w.first, sum));
  }
};

// Of 16 registers 8 are sums, 4 the widened weights, and 2 a pixel's numbers. One row more and GCC spills.
constexpr MicroKernels make_kernels() {
  constexpr int kRows = 4;
  MicroKernels kernels = {.lanes = 16, .rows = kRows, .block = {}};
  set_blocks<Dot, kRows, 1>(kernels);
  return kernels;
}

}  // namespace

constinit const ElementKernels kAvx2Bf16 = {make_kernels(), make_kernels()};

}  // namespace octet::kernels::conv_dot
