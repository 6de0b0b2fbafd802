// Softmax of one pixel, in plain loops over the 16 lanes of a channel block.
#include <algorithm>
#include <limits>

#include "kernels/exponential.h"
#include "kernels/layout.h"
#include "kernels/softmax_f32/contract.h"

namespace octet::kernels {
namespace {

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
