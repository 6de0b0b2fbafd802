// Depthwise convolution of bytes in plain loops: runs everywhere, and what the fast files are compared with.
#include <algorithm>
#include <cmath>

#include "kernels/depthwise_i8/contract.h"
#include "kernels/integer/arithmetic.h"
#include "kernels/layout.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kUnit = kChannelBlock;  // whose lanes are in the order of its channels
constexpr std::int64_t kRows = 4;
static_assert(lane_of(1, kUnit) == 1 && lane_of(7, kUnit) == 7 && lane_of(15, kUnit) == 15);

void interleave(const DepthwiseI8Columns& columns) {
  auto* to = reinterpret_cast<std::uint8_t*>(columns.to);
  for (std::int64_t x = columns.first; x < columns.first + columns.count; ++x)
    for (std::int64_t g = 0; g < columns.groups; ++g)
      for (std::int64_t c = 0; c < kUnit; ++c)
        for (std::int64_t r = 0; r < kRows; ++r) {
          const DepthwiseI8Row& row = columns.rows[g * kRows + r];
          *to++ = row.data[x * row.step + c];
        }
}

/// 16 channels are 4 vectors of 4 lanes: of weights, each vector has all kernel columns of its own.
std::int32_t accumulate(const DepthwiseI8Tile& t, std::int64_t row, std::int64_t pixel,
                        std::int64_t channel) {
  constexpr std::int64_t kLanes = kUnit / 4;
  std::int32_t sum = t.bias[row * t.bias_row_step + pixel * t.bias_step + channel];
  for (std::int64_t tap = 0; tap < t.taps; ++tap)
    for (std::int64_t g = 0; g < t.groups; ++g) {
      const auto* column = reinterpret_cast<const std::uint8_t*>(t.columns) + pixel * t.pixel_step +
                           tap * t.tap_step + (g * kUnit + channel) * kRows;
      const std::int64_t vector = ((channel / kLanes * t.taps + tap) * t.groups + g) * t.packed_rows + row;
      const auto* weights =
          reinterpret_cast<const std::int8_t*>(t.weights) + (vector * kLanes + channel % kLanes) * kRows;
      for (std::int64_t r = 0; r < kRows; ++r) sum += weights[r] * column[r];
    }
  return sum;
}

void store_real(const DepthwiseI8Tile& t, std::int64_t row, std::int64_t pixel, std::int64_t channel,
                float acc) {
  float r = 0;
  if (t.residual != nullptr)
    r = reinterpret_cast<const float*>(
        t.residual)[row * t.residual_row_step + pixel * t.residual_step + channel];
  float real = std::fmaf(acc, t.multipliers[channel], r);
  if (t.rectified) real = std::min(std::max(real, 0.0f) + t.slope * std::min(real, 0.0f), t.high);
  reinterpret_cast<float*>(t.output)[row * t.output_row_step + pixel * t.output_step + channel] = real;
}

void store_byte(const DepthwiseI8Tile& t, std::int64_t row, std::int64_t pixel, std::int64_t channel,
                float acc) {
  float addend = t.addend;
  if (t.residual != nullptr) {
    const auto* residual = reinterpret_cast<const std::uint8_t*>(t.residual);
    const auto r =
        static_cast<float>(residual[row * t.residual_row_step + pixel * t.residual_step + channel]);
    addend = std::fmaf(r, t.residual_scale, t.residual_offset);
  }
  float real = std::fmaf(acc, t.multipliers[channel], addend);
  if (t.leaky) real = integer::leaky(real, t.zero, t.slope);
  auto* output = reinterpret_cast<std::uint8_t*>(t.output);
  output[row * t.output_row_step + pixel * t.output_step + channel] =
      static_cast<std::uint8_t>(integer::to_integer(real, {t.low, t.high}));
}

void multiply(const DepthwiseI8Tile& t) {
  for (std::int64_t row = 0; row < t.rows; ++row)
    for (std::int64_t pixel = 0; pixel < t.pixels; ++pixel)
      for (std::int64_t c = 0; c < kUnit; ++c) {
        const auto acc = static_cast<float>(accumulate(t, row, pixel, c));
        if (t.real_output) {
          store_real(t, row, pixel, c, acc);
        } else {
          store_byte(t, row, pixel, c, acc);
        }
      }
}

}  // namespace

const DepthwiseI8Functions kDepthwiseI8Generic = {kUnit, kRows, interleave, multiply};

}  // namespace octet::kernels
