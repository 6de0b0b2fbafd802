// BF16 on AVX-512 without AVX512_BF16, as FP32: the upper half of a float is the number itself. The same bits
// as on AVX2. See contract.h.
#include <immintrin.h>

#include "kernels/simd/narrow_avx512.h"
// The width of F32x16 comes from above.
#include "kernels/conv_dot/dot_block.h"

namespace octet::kernels::conv_dot {
namespace {

struct Dot {
  /// The two numbers of each lane as floats.
  struct Pair {
    __m512 first, second;
  };
  static constexpr Element kElement = Element::kBf16;
  static constexpr int kLanes = 16;
  using Sum = __m512;
  using Weights = Pair;
  using Input = Pair;
  static Sum load(const std::byte* p) { return _mm512_loadu_ps(p); }
  static F32x16 reals(const Sum* sums) { return {sums[0]}; }
  static Pair widen(__m512i pairs) {
    const __m512i upper_half = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16)),
            _mm512_castsi512_ps(_mm512_and_si512(pairs, upper_half))};
  }
  static Weights weights(const std::byte* p) { return widen(_mm512_loadu_si512(p)); }
  static Input input(const std::byte* p) {
    std::int32_t group;
    __builtin_memcpy(&group, p, sizeof group);
    return widen(_mm512_set1_epi32(group));
  }
  static void store(std::byte* p, F32x16 v) { store_bf16(p, v); }
  static Sum multiply_add(Sum sum, Input x, Weights w) {
    return _mm512_fmadd_ps(x.second, w.second, _mm512_fmadd_ps(x.first, w.first, sum));
  }
};

// Panels of 32 channels: 24 sums leave room for the widened weights (4) and a pixel's numbers (2).
constexpr MicroKernels make_kernels() {
  MicroKernels kernels = {.lanes = 32, .rows = 12, .block = {}};
  set_blocks<Dot, 12, 1>(kernels);
  set_blocks<Dot, 12, 2>(kernels);
  return kernels;
}

}  // namespace

constinit const ElementKernels kAvx512Bf16 = {make_kernels(), make_kernels()};

}  // namespace octet::kernels::conv_dot
