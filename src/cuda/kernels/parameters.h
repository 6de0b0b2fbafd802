// How descriptions and operands become parameters of device functions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "cuda/device/integer.h"
#include "cuda/launch.h"
#include "kernels/integer/arithmetic.h"
#include "kernels/integer/padding.h"
#include "kernels/kernel.h"

namespace octet::cuda {

/// Sizes of one image fit 32 bits (graph/validate.h); batches are counted in 64.
inline std::int32_t to_int(std::int64_t value) { return static_cast<std::int32_t>(value); }

inline std::uint8_t* bytes_of(const kernels::Operand& operand) { return operand.bytes(); }
inline std::int64_t image_bytes(const kernels::Operand& operand, const kernels::FeatureMap& map) {
  return operand.image_stride * static_cast<std::int64_t>(size_of(map.type));
}

/// kUInt8 or kInt16 as device functions take them: every pixel begins at a multiple of 16 bytes.
inline bool is_integer_map(const kernels::FeatureMap& map) {
  return (map.type == DataType::kUInt8 || map.type == DataType::kInt16) &&
         kernels::integer::is_narrow_map(map) && map.pixel_step() % kernels::kChannelBlock == 0;
}

inline device::Finish finish_of(const kernels::FeatureMap& map,
                                const std::optional<kernels::ReluDesc>& relu) {
  const kernels::integer::Range range = kernels::integer::range_of(map, relu);
  return {range.low, range.high, static_cast<float>(map.quantization.zero_point), relu ? relu->slope : 0.0f,
          relu && relu->slope != 0 ? 1 : 0};
}

/// Enough blocks to fill any device; each thread goes on with further items.
inline Grid grid_of_items(std::int64_t items, Function function) {
  constexpr std::int64_t kMostBlocks = 132 * 16;
  const std::int64_t threads = describe(function).threads;
  return {std::clamp<std::int64_t>((items + threads - 1) / threads, 1, kMostBlocks)};
}

// Costs of kernels::Entry. They choose between kernels of one family only.
inline constexpr double kCannot = -1;
inline constexpr double kGigabytesPerSecond = 300;
inline double microseconds_of_bytes(std::int64_t bytes) {
  return static_cast<double>(bytes) / (kGigabytesPerSecond * 1e3);
}

}  // namespace octet::cuda
