#include <immintrin.h>

#include "cpu/peak_chains.h"
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
  return first_lane(run_chains(
      iterations, [](int) { return _mm512_setzero_ps(); },
      [=](__m512 sum) { return _mm512_dpbf16_ps(sum, a, b); },
      [](__m512 x, __m512 y) { return _mm512_add_ps(x, y); }));
}

}  // namespace

const PeakLoops kAvx512Bf16Loops = {.bf16 = {multiply_add_bf16, kChains * 32 * 2.0}};

}  // namespace octet::cpu
