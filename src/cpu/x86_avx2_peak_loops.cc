// INT8 without VNNI: exact sums go through 16-bit operands (vpmaddwd and an addition), as the kernels do it.
#include <immintrin.h>

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
  __m256 sums[kChains];
  for (__m256& sum : sums) sum = _mm256_setzero_ps();
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, factor, term);
  }
  __m256 total = sums[0];
  for (int j = 1; j < kChains; ++j) total = _mm256_add_ps(total, sums[j]);
  return first_lane(_mm256_castps_si256(total));
}

std::int64_t multiply_add_int8(std::int64_t iterations) {
  const __m256i factor = _mm256_set1_epi16(3);
  __m256i sums[kChains];
  for (int j = 0; j < kChains; ++j) sums[j] = _mm256_set1_epi32(j + 1);
  for (std::int64_t i = 0; i < iterations; ++i) {
    // The product reads the sum, or the compiler would move it out of the loop.
#pragma GCC unroll 12
    for (__m256i& sum : sums) sum = _mm256_add_epi32(sum, _mm256_madd_epi16(sum, factor));
  }
  __m256i total = sums[0];
  for (int j = 1; j < kChains; ++j) total = _mm256_add_epi32(total, sums[j]);
  return first_lane(total);
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

}  // namespace

const PeakLoops kAvx2Loops = {
    {multiply_add_fp32, kChains * 8 * 2.0}, {multiply_add_int8, kChains * 2 * 8 * 2.0}, read};

}  // namespace octet::cpu
