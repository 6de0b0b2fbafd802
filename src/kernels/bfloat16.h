// BF16: the upper half of a float. For portable code; instruction-set files state the same in intrinsics.
#pragma once

#include <bit>
#include <cstdint>

namespace octet::kernels {

inline float from_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// Rounds to nearest even; what is beyond the largest finite value becomes infinite, NaN stays (a quiet) NaN.
inline std::uint16_t to_bfloat16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace octet::kernels
