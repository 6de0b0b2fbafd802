#include "lab/evidence/cpu_clock.h"

#include <algorithm>
#include <cstdint>

namespace octet::lab {
namespace {

constexpr int kAddsPerTurn = 64;
// About 40 us a piece at 2.5 GHz: long for the clock, short for an interrupt.
constexpr int kClockTurns = 1600;
constexpr int kClockPieces = 50;

/// Both operands are registers whose values the compiler cannot know: an addition of a constant would not
/// do, since recent cores perform it while renaming, in no time.
[[gnu::noinline]] void dependent_adds() {
  std::uint64_t sum = 1;
  std::uint64_t step = 3;
  for (int turn = 0; turn < kClockTurns; ++turn) {
#pragma GCC unroll 64
    for (int i = 0; i < kAddsPerTurn; ++i) {
      sum += step;
      asm volatile("" : "+r"(sum), "+r"(step));
    }
  }
}

}  // namespace

double estimate_clock_ghz(Clock& clock) {
  Nanoseconds shortest = 0;
  for (int piece = 0; piece < kClockPieces; ++piece) {
    const Nanoseconds start = clock.now();
    dependent_adds();
    const Nanoseconds took = clock.now() - start;
    if (took > 0) shortest = shortest == 0 ? took : std::min(shortest, took);
  }
  return shortest > 0 ? static_cast<double>(kAddsPerTurn) * kClockTurns / static_cast<double>(shortest) : 0;
}

}  // namespace octet::lab
