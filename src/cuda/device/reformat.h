// Copies between layouts and types (kernels/reformat_i8/contract.h, reformat_f32/contract.h). An item is 16
// bytes of the narrow side's channels of one pixel; where there is none and of pictures to FP32 4 channels,
// of pictures to bytes a pixel.
#pragma once

#include "cuda/device/integer.h"
#include "cuda/device/pixels.h"

namespace octet::cuda::device {

struct ReformatParams {
  const u8* input;  ///< narrow side: the copy's first channel; FP32: the first block or plane
  u8* output;
  s64 input_image, output_image;  ///< bytes from one image to the next
  s64 items;
  s32 pixels, groups;
  s32 channels;                 ///< that are copied
  s32 lanes;                    ///< that are written: `channels`, and padding where the copy ends a tensor
  s32 input_step, output_step;  ///< narrow side: elements from one pixel to the next
  s32 input_lane, output_lane;  ///< FP32 in blocks: channel from the first block on
  s32 planar_input, planar_output;    ///< 1: FP32 as planes
  s32 input_aligned, output_aligned;  ///< 1: groups may be loaded, stored 16 bytes at once
  float scale, offset, low, high;     ///< as in kernels::ReformatRun
  s32 padding;                        ///< what padding lanes of a narrow output hold
  const float* mean;                  ///< of pictures, or null
  const s32* mean_per_pixel;          ///< 0: one value a channel
};

OCTET_DEVICE float reformat_mean(const ReformatParams& p, s32 channel, s32 pixel) {
  return p.mean[*p.mean_per_pixel != 0 ? static_cast<s64>(channel) * p.pixels + pixel : channel];
}

OCTET_DEVICE s32 reformat_quantized(float x, const ReformatParams& p) {
  return to_integer(round_even(divide(x, p.scale)) + p.offset, p.low, p.high);
}

/// Channels `first` and after of an FP32 input; 0 or a block's padding behind the last one. `first` is a
/// multiple of their count.
template <int kCount>
OCTET_DEVICE void load_reals(const ReformatParams& p, const float* image, s32 first, s32 pixel,
                             float (&values)[kCount]) {
  if (p.planar_input != 0 || first >= p.channels) {
    for (s32 i = 0; i < kCount; ++i)
      values[i] = first + i < p.channels ? image[static_cast<s64>(first + i) * p.pixels + pixel] : 0.0f;
    return;
  }
  const float* from = image + place_in_blocks(first, pixel, p.pixels);
  for (s32 quad = 0; quad < kCount / 4; ++quad) {
    const Lanes<float> lanes = load_lanes(from + 4 * quad);
    for (s32 i = 0; i < 4; ++i) values[4 * quad + i] = lanes.value[i];
  }
}

/// Lane `first` of the copy and after to an FP32 output: `count` of them at most.
template <class T>
OCTET_DEVICE void store_reals(const ReformatParams& p, T* image, s32 first, s32 pixel, const Lanes<T>& lanes,
                              s32 count) {
  if (p.planar_output != 0) {
    for (s32 i = 0; i < Lanes<T>::kCount; ++i)
      if (i < count) image[static_cast<s64>(first + i) * p.pixels + pixel] = lanes.value[i];
    return;
  }
  const s32 channel = p.output_lane + first;
  if (p.output_aligned != 0) {
    store_some(image + place_in_blocks(channel, pixel, p.pixels), lanes, count, 1);
    return;
  }
  for (s32 i = 0; i < Lanes<T>::kCount; ++i)
    if (i < count) image[place_in_blocks(channel + i, pixel, p.pixels)] = lanes.value[i];
}

/// FP32 -> T.
template <class T>
OCTET_DEVICE void reformat_quantize(Thread& thread, const ReformatParams& p) {
  const Items items = items_of(thread);
  for (s64 item = items.first; item < p.items; item += items.step) {
    const Place place = place_by_run(item, p.pixels, p.groups);
    if (place.pixel >= p.pixels) continue;
    const s32 first = place.group * Lanes<T>::kCount;
    float x[Lanes<T>::kCount];
    load_reals(p, reinterpret_cast<const float*>(p.input + place.image * p.input_image), first, place.pixel,
               x);
    Lanes<T> result;
    for (s32 i = 0; i < Lanes<T>::kCount; ++i)
      result.value[i] = static_cast<T>(first + i < p.channels ? reformat_quantized(x[i], p) : p.padding);
    T* image = reinterpret_cast<T*>(p.output + place.image * p.output_image);
    store_some(image + static_cast<s64>(place.pixel) * p.output_step + first, result, p.lanes - first,
               p.output_aligned);
  }
}

/// T -> FP32.
template <class T>
OCTET_DEVICE void reformat_dequantize(Thread& thread, const ReformatParams& p) {
  const Items items = items_of(thread);
  for (s64 item = items.first; item < p.items; item += items.step) {
    const Place place = place_by_run(item, p.pixels, p.groups);
    if (place.pixel >= p.pixels) continue;
    const s32 first = place.group * Lanes<T>::kCount;
    const T* from = reinterpret_cast<const T*>(p.input + place.image * p.input_image) +
                    static_cast<s64>(place.pixel) * p.input_step + first;
    const Lanes<T> q = load_some(from, p.channels - first, p.input_aligned);
    float* image = reinterpret_cast<float*>(p.output + place.image * p.output_image);
    for (s32 quad = 0; quad < Lanes<T>::kCount; quad += 4) {
      Lanes<float> x;
      for (s32 i = 0; i < 4; ++i) {
        const bool inside = first + quad + i < p.channels;
        x.value[i] = inside ? (static_cast<float>(q.value[quad + i]) - p.offset) * p.scale : 0.0f;
      }
      store_reals(p, image, first + quad, place.pixel, x, p.lanes - first - quad);
    }
  }
}

/// T -> T; with a scale of 1, an offset of 0 and bounds that are the type's a copy.
template <class T>
OCTET_DEVICE void reformat_requantize(Thread& thread, const ReformatParams& p) {
  const Items items = items_of(thread);
  for (s64 item = items.first; item < p.items; item += items.step) {
    const Place place = place_by_group(item, p.pixels, p.groups);
    const s32 first = place.group * Lanes<T>::kCount;
    const T* from = reinterpret_cast<const T*>(p.input + place.image * p.input_image) +
                    static_cast<s64>(place.pixel) * p.input_step + first;
    T* to = reinterpret_cast<T*>(p.output + place.image * p.output_image) +
            static_cast<s64>(place.pixel) * p.output_step + first;
    Lanes<T> lanes = load_some(from, p.channels - first, p.input_aligned);
    for (s32 i = 0; i < Lanes<T>::kCount; ++i) {
      const float t = fused(static_cast<float>(lanes.value[i]), p.scale, p.offset);
      lanes.value[i] = static_cast<T>(first + i < p.channels ? to_integer(t, p.low, p.high) : p.padding);
    }
    store_some(to, lanes, p.lanes - first, p.output_aligned);
  }
}

/// FP32 -> FP32, bits untouched.
OCTET_DEVICE void reformat_copy(Thread& thread, const ReformatParams& p) {
  const Items items = items_of(thread);
  for (s64 item = items.first; item < p.items; item += items.step) {
    const Place place = place_by_run(item, p.pixels, p.groups);
    if (place.pixel >= p.pixels) continue;
    const s32 first = place.group * 4;
    const u32* from = reinterpret_cast<const u32*>(p.input + place.image * p.input_image);
    Lanes<u32> lanes = {};
    if (p.input_aligned != 0 && first < p.channels)
      lanes = load_lanes(from + place_in_blocks(p.input_lane + first, place.pixel, p.pixels));
    for (s32 i = 0; i < 4; ++i) {
      const s32 channel = first + i;
      if (channel >= p.channels) {
        lanes.value[i] = 0;
      } else if (p.planar_input != 0) {
        lanes.value[i] = from[static_cast<s64>(channel) * p.pixels + place.pixel];
      } else if (p.input_aligned == 0) {
        lanes.value[i] = from[place_in_blocks(p.input_lane + channel, place.pixel, p.pixels)];
      }
    }
    store_reals(p, reinterpret_cast<u32*>(p.output + place.image * p.output_image), first, place.pixel, lanes,
                p.lanes - first);
  }
}

/// A picture's value: FP32 planes or bytes as they are.
OCTET_DEVICE s32 reformat_picture(const ReformatParams& p, const float* image, s32 channel, s32 pixel) {
  const float x = image[static_cast<s64>(channel) * p.pixels + pixel];
  if (p.mean == nullptr) return reformat_quantized(x, p);
  return to_integer(x + reformat_mean(p, channel, pixel), p.low, p.high);
}
OCTET_DEVICE s32 reformat_picture(const ReformatParams& p, const u8* image, s32 channel, s32 pixel) {
  return image[static_cast<s64>(pixel) * p.input_step + channel];
}

/// Pictures to pixels of 4 bytes, all of them written.
template <class From>
OCTET_DEVICE void reformat_pixels(Thread& thread, const ReformatParams& p) {
  const Items items = items_of(thread);
  for (s64 item = items.first; item < p.items; item += items.step) {
    const Place place = place_by_group(item, p.pixels, 1);
    const From* image = reinterpret_cast<const From*>(p.input + place.image * p.input_image);
    u32 word = 0;
    for (s32 c = 0; c < 4; ++c) {
      const s32 q = c < p.channels ? reformat_picture(p, image, c, place.pixel) : p.padding;
      word |= static_cast<u32>(q) << 8 * c;
    }
    reinterpret_cast<u32*>(p.output + place.image * p.output_image)[place.pixel] = word;
  }
}

/// Pictures' bytes to FP32, less their mean.
OCTET_DEVICE void reformat_less_mean(Thread& thread, const ReformatParams& p) {
  const Items items = items_of(thread);
  for (s64 item = items.first; item < p.items; item += items.step) {
    const Place place = place_by_run(item, p.pixels, p.groups);
    if (place.pixel >= p.pixels) continue;
    const s32 first = place.group * 4;
    const u8* image = p.input + place.image * p.input_image;
    Lanes<float> x;
    for (s32 i = 0; i < 4; ++i) {
      const s32 channel = first + i;
      x.value[i] = channel < p.channels
                       ? static_cast<float>(reformat_picture(p, image, channel, place.pixel)) -
                             reformat_mean(p, channel, place.pixel)
                       : 0.0f;
    }
    store_reals(p, reinterpret_cast<float*>(p.output + place.image * p.output_image), first, place.pixel, x,
                p.lanes - first);
  }
}

}  // namespace octet::cuda::device
