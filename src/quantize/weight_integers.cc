#include "quantize/weight_integers.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace octet::quantize {
namespace {

/// Added to a float below 2^22 in size, it leaves the nearest integer (ties to even) in the low bits of the
/// sum. Unlike a call of nearbyint, the compiler turns it into vector instructions that every x86-64 has.
constexpr float kRoundingShift = 0x1.8p23f;
constexpr std::int32_t kRoundingShiftBits = 0x4b400000;
constexpr std::uint32_t kInfinityBits = 0x7f800000;

/// Sums of 32 bits hold this many magnitudes of 127.
constexpr std::size_t kWeightBlock = std::size_t{1} << 20;

std::int32_t nearest(float quotient) {
  return std::bit_cast<std::int32_t>(quotient + kRoundingShift) - kRoundingShiftBits;
}

std::int32_t clamp(std::int32_t q, std::int32_t least) {
  return std::min(std::max(q, least), kLargestWeight);
}

}  // namespace

float largest_magnitude(std::span<const float> weights) {
  // Magnitudes without their sign bit are in the order of their bits, infinity and then NaN last. Compared as
  // signed integers, for which there are vector instructions.
  std::int32_t largest = 0;
  for (const float w : weights) {
    const auto magnitude = static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(w) & 0x7fffffffu);
    largest = largest > magnitude ? largest : magnitude;
  }
  if (static_cast<std::uint32_t>(largest) >= kInfinityBits) return std::numeric_limits<float>::infinity();
  return std::bit_cast<float>(largest);
}

float nearest_weight_scale(float largest_magnitude) {
  if (largest_magnitude == 0) return 1;
  return std::max(largest_magnitude / static_cast<float>(kLargestWeight), kSmallestWeightScale);
}

WeightSums round_to_nearest(std::span<const float> weights, float scale, std::span<std::int8_t> integers) {
  WeightSums sums;
  for (std::size_t begin = 0; begin < weights.size(); begin += kWeightBlock) {
    const std::size_t count = std::min(kWeightBlock, weights.size() - begin);
    const float* w = weights.data() + begin;
    std::int8_t* out = integers.data() + begin;
    std::int32_t sum = 0, absolute = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::int32_t q = clamp(nearest(w[i] / scale), kLeastGivenWeight);
      out[i] = static_cast<std::int8_t>(q);
      sum += q;
      absolute += q < 0 ? -q : q;
    }
    sums.sum += sum;
    sums.absolute += absolute;
  }
  return sums;
}

WeightSums round_by_bits(std::span<const float> weights, float scale, std::span<const std::uint8_t> bits,
                         std::int64_t first_bit, std::span<std::int8_t> integers) {
  WeightSums sums;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const float quotient = weights[i] / scale;
    const bool up = bit_at(bits, first_bit + static_cast<std::int64_t>(i));
    const auto q =
        clamp(static_cast<std::int32_t>(up ? std::ceil(quotient) : std::floor(quotient)), -kLargestWeight);
    integers[i] = static_cast<std::int8_t>(q);
    sums.sum += q;
    sums.absolute += q < 0 ? -q : q;
  }
  return sums;
}

}  // namespace octet::quantize
