// One output channel's weights as integers: the scale, the rounding and the sums that the accumulator bound
// needs. The loops are plain FP32 and integer arithmetic, so every machine gives the same integers.
#pragma once

#include <cstdint>
#include <span>

namespace octet::quantize {

inline constexpr std::int32_t kLargestWeight = 127;
/// Weights that came as integers with a scale may be this.
inline constexpr std::int32_t kLeastGivenWeight = -128;
/// No channel's scale is smaller: weights that need less than this are dead, and reciprocals and products of
/// scales stay normal numbers.
inline constexpr float kSmallestWeightScale = 0x1p-96f;

/// Largest |w|; infinity if a weight is NaN or infinite. 0 for no weights.
float largest_magnitude(std::span<const float> weights);

/// max |w| / 127, at least kSmallestWeightScale; 1 for a channel of zeros.
float nearest_weight_scale(float largest_magnitude);

struct WeightSums {
  std::int64_t sum = 0;       // of the integers
  std::int64_t absolute = 0;  // of their magnitudes
};

/// integers[i] = weights[i] / scale rounded to nearest even, within -128 and 127.
WeightSums round_to_nearest(std::span<const float> weights, float scale, std::span<std::int8_t> integers);

/// The same within +-127, but rounded up where bit first_bit + i of `bits` (lowest bit of a byte first) is
/// set and down where not.
WeightSums round_by_bits(std::span<const float> weights, float scale, std::span<const std::uint8_t> bits,
                         std::int64_t first_bit, std::span<std::int8_t> integers);

inline bool bit_at(std::span<const std::uint8_t> bits, std::int64_t index) {
  return ((bits[static_cast<std::size_t>(index / 8)] >> (index % 8)) & 1) != 0;
}
/// Bytes that hold `count` bits.
constexpr std::size_t bit_bytes(std::size_t count) { return (count + 7) / 8; }

}  // namespace octet::quantize
