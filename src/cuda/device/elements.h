// Functions of every value by itself, of integers (kernels/eltwise_i8/contract.h, activation_i8/contract.h)
// and of FP32 (kernels/eltwise_f32/contract.h, activation_f32/contract.h). An item is 16 bytes of channels of
// one pixel; FP32 maps are blocks of 16 channels.
#pragma once

#include "cuda/device/integer.h"
#include "cuda/device/pixels.h"
#include "cuda/device/real.h"

namespace octet::cuda::device {

/// What an element-wise function combines at most.
inline constexpr s32 kMostInputs = 16;

struct ElementsInput {
  const u8* data;
  s64 image;  ///< bytes from one image to the next
  s32 step;   ///< elements from one pixel to the next; 0 where one pixel is repeated
  /// As in kernels::EltwiseI8Input. FP32: `scale` is a sum's coefficient.
  float scale, offset;
};

struct ElementsParams {
  ElementsInput inputs[kMostInputs];
  u8* output;
  s64 output_image;
  s64 items;
  s32 input_count, output_step;
  s32 pixels, groups;
  s32 channels;          ///< lanes behind them are padding
  s32 padding;           ///< what it holds
  float scale;           ///< of a product
  float range_low;       ///< of a maximum or minimum: the lower bound without a ReLU
  Finish finish;         ///< of integers
  Relu relu;             ///< of FP32
  const float* factors;  ///< of a channel affine function, one a padded channel; then as many offsets
  const u8* table;       ///< of a function of bytes: 256 of them
  float a, b;            ///< of a function of FP32
};

struct ElementsItem {
  Place place;
  s32 lane;  ///< the first channel
};
template <class T>
OCTET_DEVICE ElementsItem elements_item(const ElementsParams& p, s64 item) {
  const Place place = place_by_group(item, p.pixels, p.groups);
  return {place, place.group * Lanes<T>::kCount};
}
template <class T>
OCTET_DEVICE Lanes<T> elements_input(const ElementsParams& p, s32 n, const ElementsItem& item) {
  const ElementsInput& input = p.inputs[n];
  return load_lanes(reinterpret_cast<const T*>(input.data + item.place.image * input.image) +
                    static_cast<s64>(item.place.pixel) * input.step + item.lane);
}
template <class T>
OCTET_DEVICE void elements_store(const ElementsParams& p, const ElementsItem& item, Lanes<T> lanes) {
  for (s32 i = 0; i < Lanes<T>::kCount; ++i)
    if (item.lane + i >= p.channels) lanes.value[i] = static_cast<T>(p.padding);
  store_lanes(reinterpret_cast<T*>(p.output + item.place.image * p.output_image) +
                  static_cast<s64>(item.place.pixel) * p.output_step + item.lane,
              lanes);
}

// ---- integers

template <class T>
OCTET_DEVICE void elements_sum(Thread& thread, const ElementsParams& p) {
  const Items items = items_of(thread);
  for (s64 at = items.first; at < p.items; at += items.step) {
    const ElementsItem item = elements_item<T>(p, at);
    float t[Lanes<T>::kCount];
    for (float& value : t) value = p.inputs[0].offset;
    for (s32 n = 0; n < p.input_count; ++n) {
      const Lanes<T> q = elements_input<T>(p, n, item);
      for (s32 i = 0; i < Lanes<T>::kCount; ++i)
        t[i] = fused(static_cast<float>(q.value[i]), p.inputs[n].scale, t[i]);
    }
    Lanes<T> result;
    for (s32 i = 0; i < Lanes<T>::kCount; ++i) result.value[i] = static_cast<T>(finish(t[i], p.finish));
    elements_store(p, item, result);
  }
}

template <class T>
OCTET_DEVICE void elements_product(Thread& thread, const ElementsParams& p) {
  const Items items = items_of(thread);
  for (s64 at = items.first; at < p.items; at += items.step) {
    const ElementsItem item = elements_item<T>(p, at);
    float t[Lanes<T>::kCount];
    for (float& value : t) value = 1;
    for (s32 n = 0; n < p.input_count; ++n) {
      const Lanes<T> q = elements_input<T>(p, n, item);
      for (s32 i = 0; i < Lanes<T>::kCount; ++i) t[i] *= static_cast<float>(q.value[i]) - p.inputs[n].offset;
    }
    Lanes<T> result;
    for (s32 i = 0; i < Lanes<T>::kCount; ++i)
      result.value[i] = static_cast<T>(finish(fused(t[i], p.scale, p.finish.zero), p.finish));
    elements_store(p, item, result);
  }
}

/// The largest of requantised inputs, or the smallest.
template <class T, bool kLargest>
OCTET_DEVICE void elements_choice(Thread& thread, const ElementsParams& p) {
  const Items items = items_of(thread);
  for (s64 at = items.first; at < p.items; at += items.step) {
    const ElementsItem item = elements_item<T>(p, at);
    s32 best[Lanes<T>::kCount] = {};
    for (s32 n = 0; n < p.input_count; ++n) {
      const Lanes<T> q = elements_input<T>(p, n, item);
      for (s32 i = 0; i < Lanes<T>::kCount; ++i) {
        const float t = fused(static_cast<float>(q.value[i]), p.inputs[n].scale, p.inputs[n].offset);
        const s32 requantized = to_integer(t, p.range_low, p.finish.high);
        const bool better = kLargest ? requantized > best[i] : requantized < best[i];
        if (n == 0 || better) best[i] = requantized;
      }
    }
    Lanes<T> result;
    for (s32 i = 0; i < Lanes<T>::kCount; ++i)
      result.value[i] = static_cast<T>(finish(static_cast<float>(best[i]), p.finish));
    elements_store(p, item, result);
  }
}
template <class T>
OCTET_DEVICE void elements_max(Thread& thread, const ElementsParams& p) {
  elements_choice<T, true>(thread, p);
}
template <class T>
OCTET_DEVICE void elements_min(Thread& thread, const ElementsParams& p) {
  elements_choice<T, false>(thread, p);
}

/// Packed factors and offsets, four channels at a time.
struct AffineFour {
  Lanes<float> factors, offsets;
};
OCTET_DEVICE AffineFour affine_four(const ElementsParams& p, s32 lane, s32 padded_channels) {
  return {load_lanes(p.factors + lane), load_lanes(p.factors + padded_channels + lane)};
}

template <class T>
OCTET_DEVICE void elements_affine(Thread& thread, const ElementsParams& p) {
  const Items items = items_of(thread);
  for (s64 at = items.first; at < p.items; at += items.step) {
    const ElementsItem item = elements_item<T>(p, at);
    Lanes<T> lanes = elements_input<T>(p, 0, item);
    for (s32 quad = 0; quad < Lanes<T>::kCount; quad += 4) {
      const AffineFour affine = affine_four(p, item.lane + quad, p.groups * Lanes<T>::kCount);
      for (s32 i = 0; i < 4; ++i) {
        const float t = fused(static_cast<float>(lanes.value[quad + i]), affine.factors.value[i],
                              affine.offsets.value[i]);
        lanes.value[quad + i] = static_cast<T>(finish(t, p.finish));
      }
    }
    elements_store(p, item, lanes);
  }
}

inline constexpr s32 kTableBytes = 256;
OCTET_DEVICE void elements_table(Thread& thread, const ElementsParams& p) {
  u8* const table = thread.shared();
  for (s32 i = 16 * thread.index(); i < kTableBytes; i += 16 * thread.threads())
    *reinterpret_cast<Bytes16*>(table + i) = *reinterpret_cast<const Bytes16*>(p.table + i);
  thread.sync();
  const Items items = items_of(thread);
  for (s64 at = items.first; at < p.items; at += items.step) {
    const ElementsItem item = elements_item<u8>(p, at);
    Lanes<u8> lanes = elements_input<u8>(p, 0, item);
    for (u8& value : lanes.value) value = table[value];
    elements_store(p, item, lanes);
  }
}

// ---- FP32: an image is blocks of pixels, so an item's "pixel" is a vector of 16 channels, its group a
// quarter of one. A repeated input has one vector a block.

struct RealItem {
  s64 image;
  s32 block, pixel;
  s32 quarter;
};
OCTET_DEVICE RealItem real_item(const ElementsParams& p, s64 item) {
  const s64 vector = item / 4, plane = vector / p.pixels;
  return {plane / p.groups, static_cast<s32>(plane % p.groups), static_cast<s32>(vector % p.pixels),
          static_cast<s32>(item % 4)};
}
OCTET_DEVICE Lanes<float> real_input(const ElementsParams& p, s32 n, const RealItem& item) {
  const ElementsInput& input = p.inputs[n];
  const float* image = reinterpret_cast<const float*>(input.data + item.image * input.image);
  const s64 vector = input.step == 0 ? item.block : static_cast<s64>(item.block) * p.pixels + item.pixel;
  return load_lanes(image + vector * 16 + 4 * item.quarter);
}
OCTET_DEVICE void real_store(const ElementsParams& p, const RealItem& item, const Lanes<float>& lanes) {
  float* image = reinterpret_cast<float*>(p.output + item.image * p.output_image);
  const s64 vector = static_cast<s64>(item.block) * p.pixels + item.pixel;
  store_lanes(image + vector * 16 + 4 * item.quarter, lanes);
}

/// Combines inputs in their order.
template <class Combine>
OCTET_DEVICE void elements_real(Thread& thread, const ElementsParams& p) {
  const Items items = items_of(thread);
  for (s64 at = items.first; at < p.items; at += items.step) {
    const RealItem item = real_item(p, at);
    Lanes<float> result = real_input(p, 0, item);
    for (float& value : result.value) value = Combine::first(value, p.inputs[0].scale);
    for (s32 n = 1; n < p.input_count; ++n) {
      const Lanes<float> x = real_input(p, n, item);
      for (s32 i = 0; i < 4; ++i)
        result.value[i] = Combine::next(result.value[i], x.value[i], p.inputs[n].scale);
    }
    for (s32 i = 0; i < 4; ++i) {
      const bool padding = item.block * 16 + 4 * item.quarter + i >= p.channels;
      result.value[i] = Combine::kWritesPadding && padding ? 0.0f : relu(result.value[i], p.relu);
    }
    real_store(p, item, result);
  }
}
struct Unscaled {
  static constexpr bool kWritesPadding = false;
  static OCTET_DEVICE float first(float x, float) { return x; }
};
struct RealSum : Unscaled {
  static OCTET_DEVICE float next(float sum, float x, float) { return sum + x; }
};
struct RealWeightedSum : Unscaled {
  static OCTET_DEVICE float first(float x, float coefficient) { return x * coefficient; }
  static OCTET_DEVICE float next(float sum, float x, float coefficient) { return sum + x * coefficient; }
};
struct RealProduct : Unscaled {
  static OCTET_DEVICE float next(float product, float x, float) { return product * x; }
};
struct RealMaximum : Unscaled {
  static OCTET_DEVICE float next(float most, float x, float) { return x != x || most < x ? x : most; }
};
struct RealMinimum : Unscaled {
  static OCTET_DEVICE float next(float least, float x, float) { return x != x || x < least ? x : least; }
};
/// Of padding lanes it is 0 / 0.
struct RealQuotient : Unscaled {
  static constexpr bool kWritesPadding = true;
  static OCTET_DEVICE float next(float quotient, float x, float) { return divide(quotient, x); }
};

OCTET_DEVICE void elements_real_affine(Thread& thread, const ElementsParams& p) {
  const Items items = items_of(thread);
  for (s64 at = items.first; at < p.items; at += items.step) {
    const RealItem item = real_item(p, at);
    Lanes<float> lanes = real_input(p, 0, item);
    const AffineFour affine = affine_four(p, item.block * 16 + 4 * item.quarter, p.groups * 16);
    for (s32 i = 0; i < 4; ++i)
      lanes.value[i] = relu(lanes.value[i] * affine.factors.value[i] + affine.offsets.value[i], p.relu);
    real_store(p, item, lanes);
  }
}

/// A function of every value, times 1, of padding lanes times 0.
template <class Function>
OCTET_DEVICE void elements_real_function(Thread& thread, const ElementsParams& p) {
  const Items items = items_of(thread);
  for (s64 at = items.first; at < p.items; at += items.step) {
    const RealItem item = real_item(p, at);
    Lanes<float> lanes = real_input(p, 0, item);
    for (s32 i = 0; i < 4; ++i) {
      const bool padding = item.block * 16 + 4 * item.quarter + i >= p.channels;
      lanes.value[i] = Function::of(lanes.value[i], p.a, p.b) * (padding ? 0.0f : 1.0f);
    }
    real_store(p, item, lanes);
  }
}

}  // namespace octet::cuda::device
