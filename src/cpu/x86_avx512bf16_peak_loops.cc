#include <immintrin.h>

#include "cpu/peak_loops.h"

namespace octet::cpu {
namespace {

std::int64_t first_lane(__m512 x) {
  alignas(64) float lanes[16];
  _mm512_store_ps(lanes, x);
  return static_cast<std::int64_t>(lanes[0]);
}

std::int64_t multiply_add_bf16(std::int64_t iterations) {
  // 0.5 x -0.25, in all pairs.
  const auto a = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3f00));
  const auto b = reinterpret_cast<__m512bh>(_mm512_set1_epi16(static_cast<short>(0xbe80)));
  __m512 sums[kChains];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (__m512& sum : sums) sum = _mm512_dpbf16_ps(sum, a, b);
  }
  __m512 total = sums[0];
  for (int j = 1; j < kChains; ++j) total = _mm512_add_ps(total, sums[j]);
  return first_lane(total);
}

}  // namespace

const PeakLoops kAvx512Bf16Loops = {{},      {},      nullptr,
                                    nullptr, nullptr, {multiply_add_bf16, kChains * 32 * 2.0}};

}  // namespace octet::cpu
