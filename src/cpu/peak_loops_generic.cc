// What any compiler makes of four floats side by side; a product and a sum, as nothing may be fused.
#include "cpu/peak_chains.h"
#include "cpu/peak_loops.h"

namespace octet::cpu {
namespace {

using Floats = float __attribute__((vector_size(16)));
using Words = std::uint64_t __attribute__((vector_size(16)));

std::int64_t multiply_add(std::int64_t iterations) {
  const Floats factor = {0.5f, 0.25f, 0.125f, 0.5f}, term = {1, 2, 3, 4};
  const Floats total = run_chains(
      iterations, [](int) { return Floats{}; }, [=](Floats sum) { return sum * factor + term; },
      [](Floats a, Floats b) { return a + b; });
  return static_cast<std::int64_t>(total[0] + total[1] + total[2] + total[3]);
}

std::int64_t read(const std::byte* data, std::size_t bytes) {
  Words sums[8] = {};
  const auto* words = reinterpret_cast<const Words*>(data);
  for (std::size_t i = 0; i < bytes / sizeof(Words); i += 8) {
#pragma GCC unroll 8
    for (std::size_t j = 0; j < 8; ++j) sums[j] += words[i + j];
  }
  Words total = {};
  for (const Words& sum : sums) total += sum;
  return static_cast<std::int64_t>(total[0] + total[1]);
}

void finish_fp32(const std::byte* sums, std::byte* outputs, std::size_t count) {
  const auto* from = reinterpret_cast<const Floats*>(sums);
  auto* to = reinterpret_cast<Floats*>(outputs);
  const Floats bias = {0.5f, -0.5f, 1, -1}, zero = {};
  for (std::size_t i = 0; i < count / 4; ++i) {
    const Floats sum = from[i] + bias;
    to[i] = sum > zero ? sum : zero;
  }
}

}  // namespace

const PeakLoops kGenericLoops = {
    .fp32 = {multiply_add, kChains * 4 * 2.0}, .read = read, .fp32_outputs = finish_fp32};

}  // namespace octet::cpu
