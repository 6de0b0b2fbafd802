// Softmax of one pixel, in plain loops over the 16 lanes of a channel block.
#include <algorithm>
#include <limits>

#include "kernels/exponential.h"
#include "kernels/layout.h"
#include "kernels/softmax_f32/contract.h"

namespace octet::kernels {
namespace {

std::int64_t blocks_of(const SoftmaxPixel& pixel) {
  return (pixel.channels + kChannelBlock - 1) / kChannelBlock;
}
std::int64_t lanes_of(const SoftmaxPixel& pixel, std::int64_t block) {
  return std::min(kChannelBlock, pixel.channels - block * kChannelBlock);
}

float largest_of(const SoftmaxPixel& pixel) {
  float largest = -std::numeric_limits<float>::infinity();
  for (std::int64_t block = 0; block < blocks_of(pixel); ++block) {
    const float* x = pixel.input + block * pixel.block_pitch;
    for (std::int64_t lane = 0; lane < lanes_of(pixel, block); ++lane) largest = std::max(largest, x[lane]);
  }
  return largest;
}

}  // namespace

void softmax_pixel(const SoftmaxPixel& pixel) {
  const auto largest = static_cast<double>(largest_of(pixel));
  double sum = 0;
  for (std::int64_t block = 0; block < blocks_of(pixel); ++block) {
    const float* x = pixel.input + block * pixel.block_pitch;
    float* y = pixel.output + block * pixel.block_pitch;
    for (std::int64_t lane = 0; lane < lanes_of(pixel, block); ++lane) {
      const double e = exponential(static_cast<double>(x[lane]) - largest);
      y[lane] = static_cast<float>(e);
      sum += e;
    }
  }
  for (std::int64_t block = 0; block < blocks_of(pixel); ++block) {
    float* y = pixel.output + block * pixel.block_pitch;
    const std::int64_t lanes = lanes_of(pixel, block);
    for (std::int64_t lane = 0; lane < lanes; ++lane)
      y[lane] = static_cast<float>(static_cast<double>(y[lane]) / sum);
    std::fill(y + lanes, y + kChannelBlock, 0.0f);
  }
}

void log_softmax_pixel(const SoftmaxPixel& pixel) {
  const auto largest = static_cast<double>(largest_of(pixel));
  double sum = 0;
  for (std::int64_t block = 0; block < blocks_of(pixel); ++block) {
    const float* x = pixel.input + block * pixel.block_pitch;
    for (std::int64_t lane = 0; lane < lanes_of(pixel, block); ++lane)
      sum += exponential(static_cast<double>(x[lane]) - largest);
  }
  // The sum is at least 1, or a NaN.
  const double subtrahend = largest + (sum >= 1 ? natural_logarithm(sum) : sum);
  for (std::int64_t block = 0; block < blocks_of(pixel); ++block) {
    const float* x = pixel.input + block * pixel.block_pitch;
    float* y = pixel.output + block * pixel.block_pitch;
    const std::int64_t lanes = lanes_of(pixel, block);
    for (std::int64_t lane = 0; lane < lanes; ++lane)
      y[lane] = static_cast<float>(static_cast<double>(x[lane]) - subtrahend);
    std::fill(y + lanes, y + kChannelBlock, 0.0f);
  }
}

}  // namespace octet::kernels
