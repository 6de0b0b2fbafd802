// Local response normalisation of NHWC maps of bytes (kernels/lrn_i8/contract.h, which has the arithmetic).
// A thread does 16 channels of one pixel; across channels a block does a run of pixels from shared memory, so
// that each byte is read from global memory once.
#pragma once

#include "cuda/device/integer.h"
#include "cuda/device/power.h"
#include "cuda/device/vectors.h"

namespace octet::cuda::device {

/// kernels/lrn_i8/three_quarters.h has both numbers; the polynomial comes with the parameters.
inline constexpr s32 kLrnGuess = 0x6f145a1c;
inline constexpr int kLrnRootTerms = 4;

struct LrnParams {
  const u8* input;
  u8* output;
  s64 input_image, output_image;  ///< bytes from one image to the next
  s64 items;                      ///< within a channel: 16 channels of a pixel each
  s32 height, width;
  s32 in_step, out_step;  ///< bytes from one pixel to the next
  s32 groups;             ///< of 16 channels in a pixel
  s32 half;               ///< (size - 1) / 2
  // Across channels, of a block:
  s32 run;   ///< pixels
  s32 runs;  ///< of an image
  s32 part;  ///< groups that it does
  s32 halo;  ///< groups before and behind them that their windows reach
  s32 zero_in;
  float a, k, beta, ratio, root[kLrnRootTerms], zero_out;
};

OCTET_DEVICE const u8* lrn_input(const LrnParams& p, s64 image, s32 pixel, s32 group) {
  return p.input + image * p.input_image + static_cast<s64>(pixel) * p.in_step + group * 16;
}
OCTET_DEVICE void lrn_store(const LrnParams& p, s64 image, s32 pixel, s32 group, const Bytes16& bytes) {
  u8* to = p.output + image * p.output_image + static_cast<s64>(pixel) * p.out_step + group * 16;
  *reinterpret_cast<Bytes16*>(to) = bytes;
}

OCTET_DEVICE s32 byte_of(u32 word, int i) { return static_cast<s32>(word >> 8 * i & 0xff); }
OCTET_DEVICE s32 byte_of(const Bytes16& bytes, int i) { return byte_of(bytes.word[i / 4], i % 4); }
OCTET_DEVICE void put_byte(Bytes16& bytes, int i, s32 value) {
  bytes.word[i / 4] |= static_cast<u32>(value) << 8 * (i % 4);
}

/// Of q - z_in and the sum of squares under its window. Two forms, the second for any exponent.
OCTET_DEVICE s32 lrn_three_quarters(const LrnParams& p, s32 centred, s32 sum) {
  const float t = fused(static_cast<float>(sum), p.a, p.k);
  const s32 bits = as_bits(t);
  const float y = as_float(kLrnGuess - bits + (bits >> 2));
  const float ty = t * y, w = (ty * ty) * (ty * y);
  const float high = fused(p.root[0], w, p.root[1]), low = fused(p.root[2], w, p.root[3]);
  return to_integer(fused(static_cast<float>(centred) * y, fused(w * w, high, low), p.zero_out), 0, 255);
}
OCTET_DEVICE s32 lrn_any(const LrnParams& p, s32 centred, s32 sum) {
  if (p.beta == 0.75f) return lrn_three_quarters(p, centred, sum);
  const float power = negative_power(fused(static_cast<float>(sum), p.a, p.k), p.beta);
  return to_integer(fused(static_cast<float>(centred) * power, p.ratio, p.zero_out), 0, 255);
}

/// Windows of five channels, beta 0.75, all channels of a pixel in one block: AlexNet's and GoogLeNet's.
OCTET_DEVICE void lrn_across_five(Thread& thread, const LrnParams& p) {
  const s32 image = thread.block_x() / p.runs;
  const s32 slot = thread.index() / p.groups, group = thread.index() % p.groups;
  const s32 pixel = thread.block_x() % p.runs * p.run + slot;
  const bool inside = slot < p.run && pixel < p.height * p.width;
  auto* shared = reinterpret_cast<Bytes16*>(thread.shared());
  Bytes16 own = {};
  if (inside) {
    own = *reinterpret_cast<const Bytes16*>(lrn_input(p, image, pixel, group));
    shared[thread.index()] = own;
  }
  thread.sync();
  if (!inside) return;
  const u32 nothing = static_cast<u32>(p.zero_in) * 0x01010101u;
  const u32 before = group > 0 ? shared[thread.index() - 1].word[3] : nothing;
  const u32 behind = group + 1 < p.groups ? shared[thread.index() + 1].word[0] : nothing;
  s32 centred[20];
  for (int i = 0; i < 2; ++i) centred[i] = byte_of(before, 2 + i) - p.zero_in;
  for (int i = 0; i < 16; ++i) centred[2 + i] = byte_of(own, i) - p.zero_in;
  for (int i = 0; i < 2; ++i) centred[18 + i] = byte_of(behind, i) - p.zero_in;
  s32 sum = 0;
  for (int i = 0; i < 4; ++i) sum += centred[i] * centred[i];
  Bytes16 result = {};
  for (int i = 0; i < 16; ++i) {
    sum += centred[i + 4] * centred[i + 4];
    put_byte(result, i, lrn_three_quarters(p, centred[i + 2], sum));
    sum -= centred[i] * centred[i];
  }
  lrn_store(p, image, pixel, group, result);
}

/// Any window and exponent. Where a pixel's channels are too many for a block, block_y counts their parts.
OCTET_DEVICE void lrn_across_any(Thread& thread, const LrnParams& p) {
  const s32 image = thread.block_x() / p.runs, pixels = p.height * p.width;
  const s32 first_pixel = thread.block_x() % p.runs * p.run;
  const s32 run = pixels - first_pixel < p.run ? pixels - first_pixel : p.run;
  const s32 first = thread.block_y() * p.part;
  const s32 last = p.groups - first < p.part ? p.groups : first + p.part;
  const s32 begin = first < p.halo ? 0 : first - p.halo;
  const s32 end = p.groups - last < p.halo ? p.groups : last + p.halo;
  auto* shared = reinterpret_cast<Bytes16*>(thread.shared());
  for (s32 i = thread.index(); i < run * (end - begin); i += thread.threads()) {
    const s32 slot = i / (end - begin), group = begin + i % (end - begin);
    shared[i] = *reinterpret_cast<const Bytes16*>(lrn_input(p, image, first_pixel + slot, group));
  }
  thread.sync();
  const s32 slot = thread.index() / p.part, group = first + thread.index() % p.part;
  if (slot >= run || group >= last) return;
  // Of the pixel; what is outside of the map counts as nothing.
  const u8* bytes = thread.shared() + slot * (end - begin) * 16;
  const auto centred = [&](s32 c) { return bytes[c - begin * 16] - p.zero_in; };
  const auto square = [&](s32 c) { return c < 0 || c >= p.groups * 16 ? 0 : centred(c) * centred(c); };
  s32 sum = 0;
  for (s32 c = group * 16 - p.half; c < group * 16 + p.half; ++c) sum += square(c);
  Bytes16 result = {};
  for (int i = 0; i < 16; ++i) {
    const s32 c = group * 16 + i;
    sum += square(c + p.half);
    put_byte(result, i, lrn_any(p, centred(c), sum));
    sum -= square(c - p.half);
  }
  lrn_store(p, image, first_pixel + slot, group, result);
}

OCTET_DEVICE void lrn_within(Thread& thread, const LrnParams& p) {
  const Items items = items_of(thread);
  for (s64 item = items.first; item < p.items; item += items.step) {
    const s32 group = static_cast<s32>(item % p.groups);
    const s64 place = item / p.groups, pixels = static_cast<s64>(p.height) * p.width;
    const s64 image = place / pixels;
    const s32 pixel = static_cast<s32>(place % pixels);
    const s32 y = pixel / p.width, x = pixel % p.width;
    const s32 top = y < p.half ? 0 : y - p.half, bottom = p.height - y <= p.half ? p.height : y + p.half + 1;
    const s32 left = x < p.half ? 0 : x - p.half, right = p.width - x <= p.half ? p.width : x + p.half + 1;
    s32 sums[16] = {};
    for (s32 row = top; row < bottom; ++row) {
      for (s32 column = left; column < right; ++column) {
        const u8* from = lrn_input(p, image, row * p.width + column, group);
        const Bytes16 bytes = *reinterpret_cast<const Bytes16*>(from);
        for (int i = 0; i < 16; ++i) {
          const s32 centred = byte_of(bytes, i) - p.zero_in;
          sums[i] += centred * centred;
        }
      }
    }
    const Bytes16 own = *reinterpret_cast<const Bytes16*>(lrn_input(p, image, pixel, group));
    Bytes16 result = {};
    for (int i = 0; i < 16; ++i) put_byte(result, i, lrn_any(p, byte_of(own, i) - p.zero_in, sums[i]));
    lrn_store(p, image, pixel, group, result);
  }
}

}  // namespace octet::cuda::device
