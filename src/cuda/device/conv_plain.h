// Convolutions of integers that are no product of large matrices: depthwise ones, and groups of a few
// channels. Arithmetic, epilogue and most parameters are those of conv.h. Bias and multipliers are one an
// output channel, padded to 16.
#pragma once

#include "cuda/device/conv.h"

namespace octet::cuda::device {

/// An output pixel's window.
struct PlainWindow {
  const u8* input;  ///< of the image
  s32 y, x;         ///< of the first tap
  ConvRow row;
};
OCTET_DEVICE PlainWindow plain_window(const ConvParams& p, s64 number) {
  PlainWindow w;
  w.row.image = static_cast<s32>(number / p.out_pixels);
  w.row.pixel = static_cast<s32>(number % p.out_pixels);
  w.y = w.row.pixel / p.out_width * p.stride_h - p.pad_top;
  w.x = w.row.pixel % p.out_width * p.stride_w - p.pad_left;
  w.input = p.input + w.row.image * p.input_image;
  return w;
}
/// The pixel under a tap, or null where that lies outside the map.
OCTET_DEVICE const u8* plain_pixel(const ConvParams& p, const PlainWindow& w, s32 ky, s32 kx) {
  const s32 y = w.y + ky * p.dilation_h, x = w.x + kx * p.dilation_w;
  const bool inside = static_cast<u32>(y) < static_cast<u32>(p.in_height) &&
                      static_cast<u32>(x) < static_cast<u32>(p.in_width);
  return inside ? w.input + (static_cast<s64>(y) * p.in_width + x) * p.in_step : nullptr;
}

/// Writes one output from its sum.
template <class Output>
OCTET_DEVICE void plain_output(const ConvParams& p, const PlainWindow& w, s32 channel, s32 sum) {
  sum += p.bias[channel + static_cast<s64>(w.row.pixel) * p.bias_pixel];
  if constexpr (sizeof(Output) == 4) {
    const ConvTile whole = {};
    store_real(p, whole, w.row, channel, sum, p.multipliers[channel]);
  } else {
    Output residual = 0;
    if (p.residual != nullptr)
      residual = reinterpret_cast<const Output*>(p.residual + w.row.image * p.residual_image +
                                                 static_cast<s64>(w.row.pixel) * p.residual_step)[channel];
    reinterpret_cast<Output*>(p.output + w.row.image * p.output_image +
                              static_cast<s64>(w.row.pixel) * p.output_step)[channel] =
        conv_integer<Output>(p, sum, p.multipliers[channel], residual);
  }
}

/// One channel a group. An item is 16 bytes of channels of one output pixel; weights [tap][padded channel],
/// halo [padded channel].
template <class Input, class Output>
OCTET_DEVICE void conv_depthwise(Thread& thread, const ConvParams& p) {
  constexpr int kCount = Lanes<Input>::kCount;
  const Items items = items_of(thread);
  const s32 runs = p.columns / kCount;
  for (s64 item = items.first; item < p.rows * runs; item += items.step) {
    const s32 first = static_cast<s32>(item % runs) * kCount;
    const PlainWindow w = plain_window(p, item / runs);
    const auto* weights = reinterpret_cast<const s8*>(p.weights) + first;
    s32 sums[kCount] = {};
    for (s32 ky = 0; ky < p.kernel_h; ++ky) {
      for (s32 kx = 0; kx < p.kernel_w; ++kx, weights += p.columns) {
        const u8* pixel = plain_pixel(p, w, ky, kx);
        const auto* from = reinterpret_cast<const Input*>(pixel != nullptr ? pixel : p.halo) + first;
        const Lanes<Input> input = load_lanes(from);
        for (int i = 0; i < kCount; ++i) sums[i] += input.value[i] * weights[i];
      }
    }
    for (int i = 0; i < kCount; ++i) plain_output<Output>(p, w, first + i, sums[i]);
  }
}

/// Any groups. An item is one output; weights [output channel][tap][channel of the group], halo [channel].
template <class Input, class Output>
OCTET_DEVICE void conv_direct(Thread& thread, const ConvParams& p) {
  const Items items = items_of(thread);
  const s32 taps = p.kernel_h * p.kernel_w;
  for (s64 item = items.first; item < p.rows * p.columns; item += items.step) {
    const auto channel = static_cast<s32>(item % p.columns);
    const PlainWindow w = plain_window(p, item / p.columns);
    const s32 first = channel / p.output_group * p.pieces;
    const auto* weights =
        reinterpret_cast<const s8*>(p.weights) + static_cast<s64>(channel) * taps * p.pieces;
    s32 sum = 0;
    for (s32 ky = 0; ky < p.kernel_h; ++ky) {
      for (s32 kx = 0; kx < p.kernel_w; ++kx, weights += p.pieces) {
        const u8* pixel = plain_pixel(p, w, ky, kx);
        const auto* from = reinterpret_cast<const Input*>(pixel != nullptr ? pixel : p.halo) + first;
        for (s32 c = 0; c < p.pieces; ++c) sum += from[c] * weights[c];
      }
    }
    plain_output<Output>(p, w, channel, sum);
  }
}

}  // namespace octet::cuda::device
