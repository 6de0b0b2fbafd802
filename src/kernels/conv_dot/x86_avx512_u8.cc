// u8 x s8 on AVX-512 without VNNI: see contract.h for when which of the two products is exact. Panels of 32
// channels: 12 pixels make 24 sums, which leaves registers for the widened halves.
#include <immintrin.h>

#include "kernels/simd/narrow_avx512.h"
// The width of F32x16 comes from above.
#include "kernels/conv_dot/dot_block.h"

namespace octet::kernels::conv_dot {
namespace {

struct Sums {
  static constexpr Element kElement = Element::kU8;
  static constexpr int kLanes = 16;
  using Sum = __m512i;
  static Sum load(const std::byte* p) { return _mm512_loadu_si512(p); }
  static F32x16 reals(const Sum* sums) { return to_float(S32x16{sums[0]}); }
  static __m512i four_bytes(const std::byte* p) {
    std::int32_t group;
    __builtin_memcpy(&group, p, sizeof group);
    return _mm512_set1_epi32(group);
  }
};

/// Pairs of products summed in 16 bits, which must hold them.
struct Fast : Sums {
  using Weights = __m512i;
  using Input = __m512i;
  static Weights weights(const std::byte* p) { return load(p); }
  static Input input(const std::byte* p) { return four_bytes(p); }
  static Sum multiply_add(Sum sum, Input x, Weights w) {
    const __m512i pairs = _mm512_maddubs_epi16(x, w);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
  }
};

/// Bytes 0 and 2 of each lane apart from bytes 1 and 3, widened to 16 bits: every pair of products is summed
/// in 32.
struct Exact : Sums {
  struct Halves {
    __m512i even, odd;
  };
  using Weights = Halves;
  using Input = Halves;
  static Weights weights(const std::byte* p) {
    const __m512i w = load(p);
    return {_mm512_srai_epi16(_mm512_slli_epi16(w, 8), 8), _mm512_srai_epi16(w, 8)};
  }
  static Input input(const std::byte* p) {
    const __m512i x = four_bytes(p);
    return {_mm512_maskz_mov_epi8(0x5555555555555555, x), _mm512_srli_epi16(x, 8)};
  }
  static Sum multiply_add(Sum sum, Input x, Weights w) {
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(x.even, w.even));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(x.odd, w.odd));
  }
};

template <class Dot>
constexpr MicroKernels make_kernels() {
  MicroKernels kernels = {.lanes = 32, .rows = 12, .block = {}};
  set_blocks<Dot, 12, 1>(kernels);
  set_blocks<Dot, 12, 2>(kernels);
  return kernels;
}

}  // namespace

constinit const ElementKernels kAvx512U8 = {make_kernels<Fast>(), make_kernels<Exact>()};

}  // namespace octet::kernels::conv_dot
