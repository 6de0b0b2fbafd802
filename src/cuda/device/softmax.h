// Softmax over the channels of each pixel of a map in blocks of 16 channels, and its logarithm, to the bit of
// kernels/softmax_f32: exponentials by all threads, in double; their sum by one thread a pixel, over rising
// channels. Output and input may be the same memory.
#pragma once

#include "cuda/device/base.h"

namespace octet::cuda::device {

struct SoftmaxParams {
  const float* input;
  float* output;
  s64 input_image, output_image;  ///< floats from one image to the next
  s64 items;                      ///< pixels of all images
  s32 pixels, channels;
  s32 run;    ///< pixels of a block of threads; a power of two, at most threads / 16
  s32 chunk;  ///< blocks of channels whose exponentials are in shared memory at a time
};
/// A chunk is not longer; a multiple of the steps in which threads go through it.
inline constexpr s32 kSoftmaxChunk = 128;

/// Shared memory: exponentials [run][16 chunk], sums [run], and a float for each thread.
OCTET_DEVICE double* softmax_sums(Thread& thread, const SoftmaxParams& p) {
  return reinterpret_cast<double*>(thread.shared()) + p.run * p.chunk * 16;
}
OCTET_DEVICE float* softmax_maxima(Thread& thread, const SoftmaxParams& p) {
  return reinterpret_cast<float*>(softmax_sums(thread, p) + p.run);
}

/// kernels/exponential.h says what these two compute, and why so.
OCTET_DEVICE double exponential(double x) {
  constexpr double kLog2e = 1.4426950408889634, kLn2 = 0.69314718055994531;
  constexpr double kRoundingBias = 6755399441055744.0;  // 1.5 * 2^52
  if (x < -700) return 0;
  const double biased = x * kLog2e + kRoundingBias;
  const double r = x - (biased - kRoundingBias) * kLn2;
  double sum = 1.0 / 362880;
  sum = sum * r + 1.0 / 40320;
  sum = sum * r + 1.0 / 5040;
  sum = sum * r + 1.0 / 720;
  sum = sum * r + 1.0 / 120;
  sum = sum * r + 1.0 / 24;
  sum = sum * r + 1.0 / 6;
  sum = sum * r + 0.5;
  sum = sum * r + 1.0;
  sum = sum * r + 1.0;
  const u64 n = static_cast<u64>(as_bits(biased)) - static_cast<u64>(as_bits(kRoundingBias));
  return sum * as_double(static_cast<s64>((n + 1023) << 52));
}
OCTET_DEVICE double natural_logarithm(double x) {
  constexpr double kLn2 = 0.69314718055994531;
  constexpr int kMantissaBits = 52, kLastTerm = 21;
  const s64 bits = as_bits(x);
  const s64 n = (bits - as_bits(0.75)) >> kMantissaBits;
  const double m = as_double(bits - static_cast<s64>(static_cast<u64>(n) << kMantissaBits));
  const double s = (m - 1) / (m + 1), square = s * s;
  double sum = 0;
  for (int term = kLastTerm; term >= 1; term -= 2) sum = sum * square + 1.0 / term;
  return static_cast<double>(n) * kLn2 + 2 * s * sum;
}

/// What thread t of a block works at: lane t % 16 of every `step`-th block of channels of one pixel.
struct SoftmaxPlace {
  s32 lane, slot;  ///< slot: of the pixel in the block's run
  s32 first, step, blocks;
  s64 pitch;  ///< floats from one block of channels to the next
  bool inside;
  const float* input;
  float* output;
};
OCTET_DEVICE SoftmaxPlace softmax_place(Thread& thread, const SoftmaxParams& p) {
  SoftmaxPlace place;
  const s32 row = thread.index() / 16, rows = thread.threads() / 16;
  place.lane = thread.index() % 16;
  place.slot = row % p.run;
  place.first = row / p.run;
  place.step = rows / p.run;
  place.blocks = (p.channels + 15) / 16;
  place.pitch = static_cast<s64>(p.pixels) * 16;
  const s64 item = static_cast<s64>(thread.block_x()) * p.run + place.slot;
  place.inside = item < p.items;
  const s64 image = place.inside ? item / p.pixels : 0, pixel = place.inside ? item % p.pixels : 0;
  place.input = p.input + image * p.input_image + pixel * 16 + place.lane;
  place.output = p.output + image * p.output_image + pixel * 16 + place.lane;
  return place;
}

/// The largest input of the pixel at `slot`; softmax_maximum() has found it by lanes.
OCTET_DEVICE float softmax_top(const float* maxima, s32 slot) {
  float top = maxima[slot * 16];
  for (int lane = 1; lane < 16; ++lane) top = larger(top, maxima[slot * 16 + lane]);
  return top;
}
/// NaN are passed over, as by the generic kernel: the sum finds them.
OCTET_DEVICE void softmax_maximum(Thread& thread, const SoftmaxParams& p, const SoftmaxPlace& place) {
  float* maxima = softmax_maxima(thread, p);
  float top = as_float(static_cast<s32>(0xff800000u));  // -infinity
  for (s32 block = place.first; place.inside && block < place.blocks; block += place.step)
    if (block * 16 + place.lane < p.channels) top = larger(top, place.input[block * place.pitch]);
  maxima[thread.index()] = top;
  thread.sync();
  if (place.first == 0) {
    const s32 pitch = p.run * 16;
    for (s32 i = 1; i < place.step; ++i) top = larger(top, maxima[thread.index() + i * pitch]);
    maxima[thread.index()] = top;
  }
  thread.sync();
}

template <bool kLogarithm>
OCTET_DEVICE void softmax(Thread& thread, const SoftmaxParams& p) {
  const SoftmaxPlace place = softmax_place(thread, p);
  softmax_maximum(thread, p, place);
  auto* exponentials = reinterpret_cast<double*>(thread.shared());
  double* sums = softmax_sums(thread, p);
  const double top = static_cast<double>(softmax_top(softmax_maxima(thread, p), place.slot));
  const s32 width = p.chunk * 16;

  double sum = 0;
  for (s32 start = 0; start < place.blocks; start += p.chunk) {
    const s32 end = place.blocks - start < p.chunk ? place.blocks : start + p.chunk;
    for (s32 block = start + place.first; place.inside && block < end; block += place.step) {
      if (block * 16 + place.lane >= p.channels) continue;
      const double e = exponential(static_cast<double>(place.input[block * place.pitch]) - top);
      exponentials[place.slot * width + (block - start) * 16 + place.lane] = e;
      if (!kLogarithm) place.output[block * place.pitch] = static_cast<float>(e);
    }
    thread.sync();
    const s64 item = static_cast<s64>(thread.block_x()) * p.run + thread.index();
    if (thread.index() < p.run && item < p.items) {
      const s32 count = (p.channels < end * 16 ? p.channels : end * 16) - start * 16;
      const double* e = exponentials + thread.index() * width;
      for (s32 c = 0; c < count; ++c) sum += e[c];
    }
    thread.sync();
  }
  if (thread.index() < p.run) {
    if (kLogarithm) {  // what is subtracted; the sum is at least 1, or a NaN
      const float own_top = softmax_top(softmax_maxima(thread, p), thread.index());
      sum = static_cast<double>(own_top) + (sum >= 1 ? natural_logarithm(sum) : sum);
    }
    sums[thread.index()] = sum;
  }
  thread.sync();

  const double total = sums[place.slot];
  for (s32 block = place.first; place.inside && block < place.blocks; block += place.step) {
    float result = 0;
    if (block * 16 + place.lane < p.channels) {
      if (kLogarithm) {
        result = static_cast<float>(static_cast<double>(place.input[block * place.pitch]) - total);
      } else {
        result = static_cast<float>(static_cast<double>(place.output[block * place.pitch]) / total);
      }
    }
    place.output[block * place.pitch] = result;
  }
}

}  // namespace octet::cuda::device
