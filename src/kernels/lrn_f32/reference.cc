// Local response normalisation in plain loops: runs everywhere, and what the fast files are compared with.
#include <cmath>

#include "kernels/layout.h"
#include "kernels/lrn_f32/contract.h"

namespace octet::kernels {
namespace {

float normalise(float x, float sum, const LrnPower& power) {
  const float base = power.k + power.alpha_over_size * sum;
  if (power.beta == 0.75f) {
    const float root = std::sqrt(base);
    return x / (root * std::sqrt(root));
  }
  return static_cast<float>(x * std::pow(static_cast<double>(base), -static_cast<double>(power.beta)));
}

void across_channels(const LrnPixels& run) {
  for (std::int64_t p = 0; p < run.pixels; ++p) {
    const float* x = run.input + p * kChannelBlock;
    float* y = run.output + p * kChannelBlock;
    float* squares = run.squares + p * run.squares_pitch + run.margin;
    const std::int64_t channels = run.blocks * kChannelBlock;
    for (std::int64_t c = 0; c < channels; ++c) {
      const float value = x[c / kChannelBlock * run.block_pitch + c % kChannelBlock];
      squares[c] = value * value;
    }
    for (std::int64_t c = 0; c < channels; ++c) {
      float sum = 0;
      for (std::int64_t i = c - run.half; i <= c + run.half; ++i) sum += squares[i];
      const std::int64_t at = c / kChannelBlock * run.block_pitch + c % kChannelBlock;
      y[at] = normalise(x[at], sum, run.power);
    }
  }
}

void within_channel(const LrnRow& row) {
  for (std::int64_t i = 0; i < row.width * kChannelBlock; ++i) {
    float sum = 0;
    for (std::int64_t y = 0; y < row.rows; ++y) {
      const float value = row.window_rows[y * row.row_pitch + i];
      sum += value * value;
    }
    row.column_sums[row.half * kChannelBlock + i] = sum;
  }
  for (std::int64_t i = 0; i < row.width * kChannelBlock; ++i) {
    float sum = 0;
    for (std::int64_t x = 0; x <= 2 * row.half; ++x) sum += row.column_sums[i + x * kChannelBlock];
    row.output[i] = normalise(row.center[i], sum, row.power);
  }
}

}  // namespace

const LrnF32Functions kLrnF32Generic = {across_channels, within_channel};

}  // namespace octet::kernels
