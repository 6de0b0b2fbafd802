// Softmax over the channels of each pixel of a kNchw16c map: y[c] = exp(x[c] - max) / sum of exp(x - max), or
// its logarithm, x[c] - max - ln(sum of exp(x - max)). Padding lanes are not part of the sum and are written
// as zero. Output and input may be the same memory.
//
// The exponential is Octet's own, in double (so the same on every machine, whatever its C library), and so is
// the logarithm; the sum runs in double over rising channels; relative error of a result below 2.5e-7.
// Results below the smallest normal float may become zero. A NaN or +infinity among the inputs makes the
// whole pixel NaN.
//
// There is one implementation for all instruction sets: a network's softmax is a thousand values.
#pragma once

#include <cstdint>

namespace octet::kernels {

struct SoftmaxPixel {
  const float* input;  // the pixel in channel block 0
  float* output;
  std::int64_t block_pitch;  // floats from one channel block to the next, in input and output
  std::int64_t channels;
};

void softmax_pixel(const SoftmaxPixel& pixel);
void log_softmax_pixel(const SoftmaxPixel& pixel);

}  // namespace octet::kernels
