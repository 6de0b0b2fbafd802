// What all multiply-add loops have in common. Internal linkage throughout, as each instruction set's file
// compiles its own.
#pragma once

#include <cstdint>

#include "cpu/peak_loops.h"

namespace octet::cpu {
namespace {

/// kChains sums, which start as first(0), first(1), ... and in each iteration become multiply_add(sum): all
/// of them added up in the end.
template <class First, class MultiplyAdd, class Add>
[[gnu::always_inline]] inline auto run_chains(std::int64_t iterations, First first, MultiplyAdd multiply_add,
                                              Add add) {
  decltype(first(0)) sums[kChains];
  for (int j = 0; j < kChains; ++j) sums[j] = first(j);
  for (std::int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = multiply_add(sum);
  }
  auto total = sums[0];
  for (int j = 1; j < kChains; ++j) total = add(total, sums[j]);
  return total;
}

}  // namespace
}  // namespace octet::cpu
