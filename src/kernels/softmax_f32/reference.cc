// Softmax of one pixel, in plain loops over the 16 lanes of a channel block.
#include <algorithm>
#include <bit>
#include <limits>

#include "kernels/layout.h"
#include "kernels/softmax_f32/contract.h"

namespace octet::kernels {
namespace {

/// e^x for x <= 0: x = n ln 2 + r with |r| <= ln 2 / 2, e^r by its series (first term left out below 2e-10),
/// 2^n by the exponent's bits. 0 below e^-700. A NaN stays one.
double exponential(double x) {
  constexpr double kLog2e = 1.4426950408889634, kLn2 = 0.69314718055994531;
  constexpr double kRoundingBias = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer
  if (x < -700) return 0;
  const double biased = x * kLog2e + kRoundingBias;
  const double r = x - (biased - kRoundingBias) * kLn2;
  double sum = 1.0 / 362880;
  for (const double term : {1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0})
    sum = sum * r + term;
  // The low bits of `biased` are n; it is at least -1010, so the exponent stays a normal number's.
  const auto n = std::bit_cast<std::uint64_t>(biased) - std::bit_cast<std::uint64_t>(kRoundingBias);
  return sum * std::bit_cast<double>((n + 1023) << 52);
}

std::int64_t lanes_of(const SoftmaxPixel& pixel, std::int64_t block) {
  return std::min(kChannelBlock, pixel.channels - block * kChannelBlock);
}

}  // namespace

void softmax_pixel(const SoftmaxPixel& pixel) {
  const std::int64_t blocks = (pixel.channels + kChannelBlock - 1) / kChannelBlock;
  float largest = -std::numeric_limits<float>::infinity();
  for (std::int64_t block = 0; block < blocks; ++block) {
    const float* x = pixel.input + block * pixel.block_pitch;
    for (std::int64_t lane = 0; lane < lanes_of(pixel, block); ++lane) largest = std::max(largest, x[lane]);
  }
  double sum = 0;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const float* x = pixel.input + block * pixel.block_pitch;
    float* y = pixel.output + block * pixel.block_pitch;
    for (std::int64_t lane = 0; lane < lanes_of(pixel, block); ++lane) {
      const double e = exponential(static_cast<double>(x[lane]) - static_cast<double>(largest));
      y[lane] = static_cast<float>(e);
      sum += e;
    }
  }
  for (std::int64_t block = 0; block < blocks; ++block) {
    float* y = pixel.output + block * pixel.block_pitch;
    const std::int64_t lanes = lanes_of(pixel, block);
    for (std::int64_t lane = 0; lane < lanes; ++lane)
      y[lane] = static_cast<float>(static_cast<double>(y[lane]) / sum);
    std::fill(y + lanes, y + kChannelBlock, 0.0f);
  }
}

}  // namespace octet::kernels
