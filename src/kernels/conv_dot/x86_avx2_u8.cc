// u8 x s8 on AVX2: see contract.h for when which of the two products is exact.
#include <immintrin.h>

#include "kernels/simd/narrow_avx2.h"
// The width of F32x16 comes from above.
#include "kernels/conv_dot/dot_block.h"

namespace octet::kernels::conv_dot {
namespace {

struct Sums {
  static constexpr Element kElement = Element::kU8;
  static constexpr int kLanes = 8;
  using Sum = __m256i;
  static Sum load(const std::byte* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static F32x16 reals(const Sum* sums) { return to_float({sums[0], sums[1]}); }
  static __m256i four_bytes(const std::byte* p) {
    std::int32_t group;
    __builtin_memcpy(&group, p, sizeof group);
    return _mm256_set1_epi32(group);
  }
};

/// Pairs of products summed in 16 bits, which must hold them.
struct Fast : Sums {
  using Weights = __m256i;
  using Input = __m256i;
  static Weights weights(const std::byte* p) { return load(p); }
  static Input input(const std::byte* p) { return four_bytes(p); }
  static Sum multiply_add(Sum sum, Input x, Weights w) {
    const __m256i pairs = _mm256_maddubs_epi16(x, w);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
};

/// Bytes 0 and 2 of each lane apart from bytes 1 and 3, widened to 16 bits: every pair of products is summed
/// in 32.
struct Exact : Sums {
  struct Halves {
    __m256i even, odd;
  };
  using Weights = Halves;
  using Input = Halves;
  static Weights weights(const std::byte* p) {
    const __m256i w = load(p);
    return {_mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8), _mm256_srai_epi16(w, 8)};
  }
  static Input input(const std::byte* p) {
    const __m256i x = four_bytes(p);
    return {_mm256_and_si256(x, _mm256_set1_epi16(0xff)), _mm256_srli_epi16(x, 8)};
  }
  static Sum multiply_add(Sum sum, Input x, Weights w) {
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(x.even, w.even));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(x.odd, w.odd));
  }
};

// Of 16 registers, 12 sums leave 4 for the fast product, and 8 leave 8 for the widened halves.
template <class Dot, int kRows>
constexpr MicroKernels make_kernels() {
  MicroKernels kernels = {.lanes = 16, .rows = kRows, .block = {}};
  set_blocks<Dot, kRows, 1>(kernels);
  return kernels;
}

}  // namespace

constinit const ElementKernels kAvx2U8 = {make_kernels<Fast, 6>(), make_kernels<Exact, 4>()};

}  // namespace octet::kernels::conv_dot
