// SplitMix64 (Steele, Lea and Flood 2014): the laboratory's generator. Integers only, so that the same seed
// gives the same numbers on every machine and with every compiler; the i-th number can be had directly.
#pragma once

#include <cstdint>

namespace octet::lab {

constexpr std::uint64_t random_at(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t z = seed * 0xD1342543DE82EF95ull + (index + 1) * 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

}  // namespace octet::lab
