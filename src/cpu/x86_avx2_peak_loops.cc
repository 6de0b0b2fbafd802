// INT8 without VNNI: exact sums go through 16-bit operands (vpmaddwd and an addition), as the kernels do it.
#include <immintrin.h>

#include "cpu/peak_chains.h"
#include "cpu/peak_loops.h"

namespace octet::cpu {
namespace {

std::int64_t first_lane(__m256i x) {
  alignas(64) std::int64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), x);
  return lanes[0];
}

std::int64_t multiply_add_fp32(std::int64_t iterations) {
  const __m256 factor = _mm256_set1_ps(0.5f), term = _mm256_set1_ps(1.0f);
  const __m256 total = run_chains(
      iterations, [](int) { return _mm256_setzero_ps(); },
      [=](__m256 sum) { return _mm256_fmadd_ps(sum, factor, term); },
      [](__m256 a, __m256 b) { return _mm256_add_ps(a, b); });
  return first_lane(_mm256_castps_si256(total));
}

std::int64_t multiply_add_int8(std::int64_t iterations) {
  const __m256i factor = _mm256_set1_epi16(3);
  const auto add = [](__m256i a, __m256i b) { return _mm256_add_epi32(a, b); };
  // The product reads the sum, or the compiler would move it out of the loop.
  return first_lane(run_chains(
      iterations, [](int j) { return _mm256_set1_epi32(j + 1); },
      [=](__m256i sum) { return add(sum, _mm256_madd_epi16(sum, factor)); }, add));
}

std::int64_t read(const std::byte* data, std::size_t bytes) {
  const auto* vectors = reinterpret_cast<const __m256i*>(data);
  __m256i sums[8];
  for (__m256i& sum : sums) sum = _mm256_setzero_si256();
  for (std::size_t i = 0; i < bytes / sizeof(__m256i); i += 8) {
#pragma GCC unroll 8
    for (std::size_t j = 0; j < 8; ++j) {
      sums[j] = _mm256_add_epi64(sums[j], _mm256_load_si256(vectors + i + j));
    }
  }
  __m256i total = sums[0];
  for (int j = 1; j < 8; ++j) total = _mm256_add_epi64(total, sums[j]);
  return first_lane(total);
}

void finish_fp32(const std::byte* sums, std::byte* outputs, std::size_t count) {
  const auto* from = reinterpret_cast<const float*>(sums);
  auto* to = reinterpret_cast<float*>(outputs);
  const __m256 bias = _mm256_set1_ps(0.5f);
  for (std::size_t i = 0; i < count; i += 8)
    _mm256_store_ps(to + i,
                    _mm256_max_ps(_mm256_add_ps(_mm256_load_ps(from + i), bias), _mm256_setzero_ps()));
}

__m256i rounded(const __m256i* sums, __m256 multipliers, __m256 addend) {
  const __m256 scaled = _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_load_si256(sums)), multipliers, addend);
  return _mm256_cvtps_epi32(scaled);
}

void finish_int8(const std::byte* sums, std::byte* outputs, std::size_t count) {
  const auto* from = reinterpret_cast<const __m256i*>(sums);
  auto* to = reinterpret_cast<__m256i*>(outputs);
  const __m256 multipliers = _mm256_set1_ps(0.01f), addend = _mm256_set1_ps(3.0f);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7), low = _mm256_set1_epi8(3);
  for (std::size_t i = 0; i < count / 32; ++i) {
    __m256i q[4];
#pragma GCC unroll 4
    for (std::size_t j = 0; j < 4; ++j) q[j] = rounded(from + i * 4 + j, multipliers, addend);
    const __m256i mixed = _mm256_packus_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
    _mm256_store_si256(to + i, _mm256_max_epu8(_mm256_permutevar8x32_epi32(mixed, order), low));
  }
}

}  // namespace

const PeakLoops kAvx2Loops = {.fp32 = {multiply_add_fp32, kChains * 8 * 2.0},
                              .int8 = {multiply_add_int8, kChains * 2 * 8 * 2.0},
                              .read = read,
                              .fp32_outputs = finish_fp32,
                              .int8_outputs = finish_int8};

}  // namespace octet::cpu
