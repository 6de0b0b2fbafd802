#include <immintrin.h>

#include "cpu/peak_chains.h"
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
  return first_lane(run_chains(
      iterations, [](int) { return _mm512_setzero_si512(); },
      [=](__m512i sum) { return _mm512_dpbusd_epi32(sum, a, b); },
      [](__m512i x, __m512i y) { return _mm512_add_epi32(x, y); }));
}

}  // namespace

const PeakLoops kAvx512VnniLoops = {.int8 = {multiply_add_int8, kChains * 64 * 2.0}};

}  // namespace octet::cpu
