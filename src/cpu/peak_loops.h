// Loops that do nothing but what is measured: multiply-adds on registers alone (tiles: with the loads that
// they cannot do without), loads alone, or making sums into outputs as convolutions end. One file an
// instruction set. Each returns a value that depends on all of its work, or writes it, so that no compiler
// leaves any out.
#pragma once

#include <cstddef>
#include <cstdint>

namespace octet::cpu {

struct ComputeLoop {
  std::int64_t (*run)(std::int64_t iterations) = nullptr;  // null: nothing to measure
  double operations = 0;                                   // of one iteration, two a multiply-add
};

/// Makes `count` sums (a multiple of 64) into outputs; both aligned to 64 bytes.
using OutputLoop = void (*)(const std::byte* sums, std::byte* outputs, std::size_t count);

struct PeakLoops {
  ComputeLoop fp32 = {};
  ComputeLoop int8 = {};  // products of 8-bit values, exact sums in 32 bits
  ComputeLoop bf16 = {};  // products of BF16 values, sums in FP32
  /// Reads `bytes`, a multiple of 4096, from memory aligned to 64 bytes.
  std::int64_t (*read)(const std::byte* data, std::size_t bytes) = nullptr;
  OutputLoop fp32_outputs = nullptr;  // float sums, a bias and a ReLU
  OutputLoop int8_outputs = nullptr;  // s32 sums, scaled, rounded, clamped to bytes
};

/// Independent accumulators of a loop: two multiply-adds a cycle of up to six cycles' latency each.
inline constexpr int kChains = 12;

extern const PeakLoops kGenericLoops;
extern const PeakLoops kAvx2Loops;
extern const PeakLoops kAvx512Loops;
extern const PeakLoops kAvx512VnniLoops;  // int8 only
extern const PeakLoops kAvx512Bf16Loops;  // bf16 only
extern const PeakLoops kAmxLoops;         // int8 and bf16 only

}  // namespace octet::cpu
