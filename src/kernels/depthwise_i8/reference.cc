// Depthwise convolution of bytes in plain loops: runs everywhere, and what the fast files are compared with.
#include <algorithm>
#include <cmath>

#include "kernels/depthwise_i8/contract.h"
#include "kernels/integer/arithmetic.h"
#include "kernels/layout.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kUnit = kChannelBlock;

std::int32_t accumulate(const DepthwiseI8Run& run, std::int64_t pixel, std::int64_t channel) {
  const std::int64_t block = channel / kUnit, lane = lane_of(channel % kUnit, kUnit);
  std::int32_t sum = run.bias[pixel * run.bias_step + block * kUnit + lane];
  for (std::int64_t tap = 0; tap < 2 * run.pairs; ++tap) {
    const std::int16_t weight = run.weights[((block * run.pairs + tap / 2) * kUnit + lane) * 2 + tap % 2];
    sum += weight * run.taps[tap].data[pixel * run.taps[tap].step + channel];
  }
  return sum;
}

void store_real(const DepthwiseI8Run& run, std::int64_t pixel, std::int64_t channel, float acc, float m) {
  const std::int64_t block = channel / kChannelBlock, lane = channel % kChannelBlock;
  float r = 0;
  if (run.residual != nullptr) {
    const float* residual = reinterpret_cast<const float*>(run.residual);
    r = residual[block * run.residual_plane + pixel * kChannelBlock + lane];
  }
  float t = std::fmaf(acc, m, r);
  if (run.rectified) t = std::min(std::max(t, 0.0f) + run.slope * std::min(t, 0.0f), run.high);
  reinterpret_cast<float*>(run.output)[block * run.output_plane + pixel * kChannelBlock + lane] = t;
}

void store_byte(const DepthwiseI8Run& run, std::int64_t pixel, std::int64_t channel, float acc, float m) {
  float addend = run.addend;
  if (run.residual != nullptr) {
    const auto* residual = reinterpret_cast<const std::uint8_t*>(run.residual);
    const auto r = static_cast<float>(residual[pixel * run.residual_step + channel]);
    addend = std::fmaf(r, run.residual_scale, run.residual_offset);
  }
  float t = std::fmaf(acc, m, addend);
  if (run.leaky) t = integer::leaky(t, run.zero, run.slope);
  auto* output = reinterpret_cast<std::uint8_t*>(run.output);
  output[pixel * run.output_step + channel] =
      static_cast<std::uint8_t>(integer::to_integer(t, {run.low, run.high}));
}

void depthwise(const DepthwiseI8Run& run) {
  for (std::int64_t pixel = 0; pixel < run.pixels; ++pixel)
    for (std::int64_t c = 0; c < run.channels; ++c) {
      const auto acc = static_cast<float>(accumulate(run, pixel, c));
      const float m = run.multipliers[c / kUnit * kUnit + lane_of(c % kUnit, kUnit)];
      if (run.real_output) {
        store_real(run, pixel, c, acc, m);
      } else {
        store_byte(run, pixel, c, acc, m);
      }
    }
}

}  // namespace

const DepthwiseI8Functions kDepthwiseI8Generic = {kUnit, depthwise};

}  // namespace octet::kernels
