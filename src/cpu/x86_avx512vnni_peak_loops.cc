#include <immintrin.h>

#include "cpu/peak_loops.h"

namespace octet::cpu {
namespace {

std::int64_t first_lane(__m512i x) {
  alignas(64) std::int64_t lanes[8];
  _mm512_store_si512(lanes, x);
  return lanes[0];
}

std::int64_t multiply_add_int8(std::int64_t iterations) {
  const __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(-5);
  __m512i sums[kChains];
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (__m512i& sum : sums) sum = _mm512_dpbusd_epi32(sum, a, b);
  }
  __m512i total = sums[0];
  for (int j = 1; j < kChains; ++j) total = _mm512_add_epi32(total, sums[j]);
  return first_lane(total);
}

}  // namespace

const PeakLoops kAvx512VnniLoops = {{}, {multiply_add_int8, kChains * 64 * 2.0}, nullptr, nullptr, nullptr,
                                    {}};

}  // namespace octet::cpu
