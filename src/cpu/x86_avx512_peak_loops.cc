// INT8 without VNNI: exact sums go through 16-bit operands (vpmaddwd and an addition), as the kernels do it.
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

std::int64_t multiply_add_fp32(std::int64_t iterations) {
  const __m512 factor = _mm512_set1_ps(0.5f), term = _mm512_set1_ps(1.0f);
  const __m512 total = run_chains(
      iterations, [](int) { return _mm512_setzero_ps(); },
      [=](__m512 sum) { return _mm512_fmadd_ps(sum, factor, term); },
      [](__m512 a, __m512 b) { return _mm512_add_ps(a, b); });
  return first_lane(_mm512_castps_si512(total));
}

std::int64_t multiply_add_int8(std::int64_t iterations) {
  const __m512i factor = _mm512_set1_epi16(3);
  const auto add = [](__m512i a, __m512i b) { return _mm512_add_epi32(a, b); };
  // The product reads the sum, or the compiler would move it out of the loop.
  return first_lane(run_chains(
      iterations, [](int j) { return _mm512_set1_epi32(j + 1); },
      [=](__m512i sum) { return add(sum, _mm512_madd_epi16(sum, factor)); }, add));
}

std::int64_t read(const std::byte* data, std::size_t bytes) {
  const auto* vectors = reinterpret_cast<const __m512i*>(data);
  __m512i sums[8];
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  for (std::size_t i = 0; i < bytes / sizeof(__m512i); i += 8) {
#pragma GCC unroll 8
    for (std::size_t j = 0; j < 8; ++j) {
      sums[j] = _mm512_add_epi64(sums[j], _mm512_load_si512(vectors + i + j));
    }
  }
  __m512i total = sums[0];
  for (int j = 1; j < 8; ++j) total = _mm512_add_epi64(total, sums[j]);
  return first_lane(total);
}

void finish_fp32(const std::byte* sums, std::byte* outputs, std::size_t count) {
  const auto* from = reinterpret_cast<const float*>(sums);
  auto* to = reinterpret_cast<float*>(outputs);
  const __m512 bias = _mm512_set1_ps(0.5f);
  for (std::size_t i = 0; i < count; i += 16)
    _mm512_store_ps(to + i,
                    _mm512_max_ps(_mm512_add_ps(_mm512_load_ps(from + i), bias), _mm512_setzero_ps()));
}

__m512i rounded(const __m512i* sums, __m512 multipliers, __m512 addend) {
  const __m512 scaled = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_load_si512(sums)), multipliers, addend);
  return _mm512_cvtps_epi32(scaled);
}

void finish_int8(const std::byte* sums, std::byte* outputs, std::size_t count) {
  const auto* from = reinterpret_cast<const __m512i*>(sums);
  auto* to = reinterpret_cast<__m512i*>(outputs);
  const __m512 multipliers = _mm512_set1_ps(0.01f), addend = _mm512_set1_ps(3.0f);
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i low = _mm512_set1_epi8(3);
  for (std::size_t i = 0; i < count / 64; ++i) {
    __m512i q[4];
#pragma GCC unroll 4
    for (std::size_t j = 0; j < 4; ++j) q[j] = rounded(from + i * 4 + j, multipliers, addend);
    const __m512i mixed = _mm512_packus_epi16(_mm512_packs_epi32(q[0], q[1]), _mm512_packs_epi32(q[2], q[3]));
    _mm512_store_si512(to + i, _mm512_max_epu8(_mm512_permutexvar_epi32(order, mixed), low));
  }
}

}  // namespace

const PeakLoops kAvx512Loops = {.fp32 = {multiply_add_fp32, kChains * 16 * 2.0},
                                .int8 = {multiply_add_int8, kChains * 2 * 16 * 2.0},
                                .read = read,
                                .fp32_outputs = finish_fp32,
                                .int8_outputs = finish_int8};

}  // namespace octet::cpu
