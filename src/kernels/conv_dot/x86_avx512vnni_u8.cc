// Four u8 x s8 products and their sum in one instruction. Blocks of 6 pixels x 64 channels: 24 sums, 4
// registers of weights and one pixel of the 32 registers there are, 24 products for 10 loads.
#include <immintrin.h>

#include "kernels/simd/narrow_avx512.h"
// The width of F32x16 comes from above.
#include "kernels/conv_dot/dot_block.h"

namespace octet::kernels::conv_dot {
namespace {

struct Vnni {
  static constexpr Element kElement = Element::kU8;
  static constexpr int kLanes = 16;
  using Sum = __m512i;
  using Weights = __m512i;
  using Input = __m512i;
  static Sum load(const std::byte* p) { return _mm512_loadu_si512(p); }
  static Weights weights(const std::byte* p) { return _mm512_loadu_si512(p); }
  static Input input(const std::byte* p) {
    std::int32_t group;
    __builtin_memcpy(&group, p, sizeof group);
    return _mm512_set1_epi32(group);
  }
  static Sum multiply_add(Sum sum, Input x, Weights w) {
    sum = _mm512_dpbusd_epi32(sum, x, w);
    asm volatile("" : "+v"(sum));  // or GCC 12 moves sums between registers and the stack
    return sum;
  }
  static F32x16 reals(const Sum* sums) { return to_float(S32x16{sums[0]}); }
};

constexpr MicroKernels make_kernels() {
  MicroKernels kernels = {.lanes = 64, .rows = 6, .block = {}};
  set_blocks<Vnni, 12, 1>(kernels);
  set_blocks<Vnni, 12, 2>(kernels);
  set_blocks<Vnni, 8, 3>(kernels);
  set_blocks<Vnni, 6, 4>(kernels);
  return kernels;
}

}  // namespace

constinit const ElementKernels kAvx512VnniU8 = {make_kernels(), make_kernels()};

}  // namespace octet::kernels::conv_dot
