// Checks and padding lanes that all kernels of integer and BF16 maps share. Not for instruction-set files.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "kernels/op_desc.h"

namespace octet::kernels::integer {

/// True if the map's integers have a meaning: a positive scale, a zero point and a limit of its type. Maps of
/// other types have none to check.
inline bool has_valid_quantization(const FeatureMap& map) {
  const Quantization& q = map.quantization;
  if (map.type != DataType::kUInt8 && map.type != DataType::kInt16) return true;
  if (!(q.scale > 0) || !std::isfinite(q.scale)) return false;
  if (map.type == DataType::kUInt8) return q.zero_point >= 0 && q.zero_point <= 255;
  return q.zero_point == 0 && q.limit > 0 && q.limit <= 32767;
}

/// True if there is no ReLU, or one that integers can be bounded and scaled by.
inline bool has_valid_relu(const std::optional<ReluDesc>& relu) {
  return !relu || (std::isfinite(relu->slope) && relu->limit > 0);
}

/// A map of one of the three narrow types inside a network, or a part of a concatenation.
inline bool is_narrow_map(const FeatureMap& map) {
  return map.layout == Layout::kNhwc && map.type != DataType::kFloat32 && map.channels >= 1 &&
         map.height >= 1 && map.width >= 1 && map.pixel_step() >= map.padded_channels() &&
         map.padded_channels() % kChannelBlock == 0 && has_valid_quantization(map);
}

/// Writes the zero point into channels [channels, padded channels) of `pixels` pixels, `step` elements apart.
/// `first`: lane 0 of the first pixel.
template <class T>
void fill_padding(T* first, const FeatureMap& map, std::int64_t pixels) {
  const std::int64_t lanes = map.padded_channels() - map.channels;
  if (lanes == 0) return;
  const auto zero = map.type == DataType::kUInt8 ? static_cast<T>(map.quantization.zero_point) : T{0};
  for (std::int64_t p = 0; p < pixels; ++p)
    std::fill_n(first + p * map.pixel_step() + map.channels, lanes, zero);
}
inline void fill_padding(std::byte* first, const FeatureMap& map, std::int64_t pixels) {
  if (map.type == DataType::kUInt8) {
    fill_padding(reinterpret_cast<std::uint8_t*>(first), map, pixels);
  } else {
    fill_padding(reinterpret_cast<std::int16_t*>(first), map, pixels);
  }
}

}  // namespace octet::kernels::integer
