// The family's vector code over F32x16, written once: each instruction set's file includes its sums_*.h
// first, then this. Internal linkage throughout.
#pragma once

#include "kernels/reformat_i8/contract.h"
#include "kernels/simd/narrow_types.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kLanes = 16;

inline std::int64_t at_most_16(std::int64_t count) { return count < kLanes ? count : kLanes; }

/// `count` <= 16 elements, no others touched.
template <class T>
inline F32x16 load_lanes(const std::byte* p, std::int64_t count) {
  return count == kLanes ? T::load(p) : load_first<T>(p, count);
}
template <class T>
inline void store_lanes(std::byte* p, F32x16 v, std::int64_t count) {
  if (count == kLanes) {
    T::store(p, v);
  } else {
    store_first<T>(p, v, count);
  }
}

inline F32x16 clamp(F32x16 t, const ReformatRun& run) {
  return min(max(t, broadcast(run.low)), broadcast(run.high));
}
template <class T>
struct Quantize {
  static F32x16 convert(F32x16 x, const ReformatRun& run) {
    return clamp(round(x / broadcast(run.scale)) + broadcast(run.offset), run);
  }
};
template <>
struct Quantize<Bf16> {
  static F32x16 convert(F32x16 x, const ReformatRun&) { return x; }
};
template <class T>
struct Dequantize {
  static F32x16 convert(F32x16 q, const ReformatRun& run) {
    return (q - broadcast(run.offset)) * broadcast(run.scale);
  }
};
template <>
struct Dequantize<Bf16> {
  static F32x16 convert(F32x16 x, const ReformatRun&) { return x; }
};

/// Planar maps go by tiles of 16 pixels x 16 channels, which are turned in memory.
template <class T>
void quantize_planar(const ReformatRun& run) {
  constexpr std::int64_t kRow = kLanes * T::kBytes;
  alignas(64) std::byte tile[kLanes * kRow];
  for (std::int64_t p = 0; p < run.pixels; p += kLanes)
    for (std::int64_t c = 0; c < run.channels; c += kLanes) {
      const std::int64_t pixels = at_most_16(run.pixels - p), channels = at_most_16(run.channels - c);
      for (std::int64_t i = 0; i < channels; ++i) {
        const std::byte* from = run.input + ((c + i) * run.plane + p) * F32::kBytes;
        T::store(tile + i * kRow, Quantize<T>::convert(load_lanes<F32>(from, pixels), run));
      }
      for (std::int64_t i = 0; i < pixels; ++i) {
        std::byte* to = run.output + ((p + i) * run.output_step + c) * T::kBytes;
        for (std::int64_t j = 0; j < channels; ++j)
          __builtin_memcpy(to + j * T::kBytes, tile + j * kRow + i * T::kBytes, T::kBytes);
      }
    }
}

template <class T>
void dequantize_planar(const ReformatRun& run) {
  alignas(64) float tile[kLanes * kLanes];
  float* output = reinterpret_cast<float*>(run.output);
  for (std::int64_t p = 0; p < run.pixels; p += kLanes)
    for (std::int64_t c = 0; c < run.channels; c += kLanes) {
      const std::int64_t pixels = at_most_16(run.pixels - p), channels = at_most_16(run.channels - c);
      for (std::int64_t i = 0; i < pixels; ++i) {
        const std::byte* from = run.input + ((p + i) * run.input_step + c) * T::kBytes;
        store(tile + i * kLanes, Dequantize<T>::convert(load_lanes<T>(from, channels), run));
      }
      for (std::int64_t i = 0; i < channels; ++i)
        for (std::int64_t j = 0; j < pixels; ++j) output[(c + i) * run.plane + p + j] = tile[j * kLanes + i];
    }
}

template <class T>
void quantize(const ReformatRun& run) {
  if (run.planar) return quantize_planar<T>(run);
  for (std::int64_t c = 0; c < run.channels; c += kLanes) {
    const std::int64_t channels = at_most_16(run.channels - c);
    const std::byte* from = run.input + c / kLanes * run.plane * F32::kBytes;
    std::byte* to = run.output + c * T::kBytes;
    for (std::int64_t p = 0; p < run.pixels; ++p) {
      const F32x16 x = load_lanes<F32>(from + p * kLanes * F32::kBytes, run.whole_blocks ? kLanes : channels);
      store_lanes<T>(to + p * run.output_step * T::kBytes, Quantize<T>::convert(x, run), channels);
    }
  }
}

template <class T>
void dequantize(const ReformatRun& run) {
  if (run.planar) return dequantize_planar<T>(run);
  for (std::int64_t c = 0; c < run.channels; c += kLanes) {
    const std::int64_t channels = at_most_16(run.channels - c);
    const std::byte* from = run.input + c * T::kBytes;
    std::byte* to = run.output + c / kLanes * run.plane * F32::kBytes;
    for (std::int64_t p = 0; p < run.pixels; ++p) {
      const F32x16 q = load_lanes<T>(from + p * run.input_step * T::kBytes, channels);
      store_lanes<F32>(to + p * kLanes * F32::kBytes, Dequantize<T>::convert(q, run), channels);
    }
  }
}

template <class T>
void requantize(const ReformatRun& run) {
  const bool dense = run.input_step == run.channels && run.output_step == run.channels;
  const std::int64_t rows = dense ? 1 : run.pixels, row = dense ? run.pixels * run.channels : run.channels;
  const F32x16 scale = broadcast(run.scale), offset = broadcast(run.offset);
  for (std::int64_t p = 0; p < rows; ++p) {
    const std::byte* from = run.input + p * run.input_step * T::kBytes;
    std::byte* to = run.output + p * run.output_step * T::kBytes;
    for (std::int64_t c = 0; c < row; c += kLanes) {
      const std::int64_t channels = at_most_16(row - c);
      const F32x16 q = load_lanes<T>(from + c * T::kBytes, channels);
      store_lanes<T>(to + c * T::kBytes, clamp(fused_multiply_add(q, scale, offset), run), channels);
    }
  }
}

/// Bytes of 16 pixels of one channel, each in the lowest byte of a lane. kMean: what pictures are less of.
template <bool kMean>
inline S32x16 bytes_of(const ReformatRun& run, std::int64_t channel, std::int64_t pixel, std::int64_t count) {
  const F32x16 x = load_lanes<F32>(run.input + (channel * run.plane + pixel) * F32::kBytes, count);
  if constexpr (!kMean) return to_integers(Quantize<U8>::convert(x, run));
  const float* mean = run.mean + channel * run.mean_plane + pixel * run.mean_step;
  if (run.mean_step == 0) return to_integers(clamp(x + broadcast(*mean), run));
  return to_integers(clamp(x + load_lanes<F32>(reinterpret_cast<const std::byte*>(mean), count), run));
}
template <bool kMean>
void quantize_quads(const ReformatRun& run) {
  std::uint32_t padding = 0;
  for (std::int64_t c = run.channels; c < 4; ++c) padding |= std::uint32_t{run.padding} << (8 * c);
  for (std::int64_t p = 0; p < run.pixels; p += kLanes) {
    const std::int64_t count = at_most_16(run.pixels - p);
    S32x16 quads = all_sums(static_cast<std::int32_t>(padding));
    for (int c = 0; c < run.channels; ++c)
      quads = quads | shift_left(bytes_of<kMean>(run, c, p, count), 8 * c);
    alignas(64) std::int32_t whole[kLanes];
    if (count == kLanes) {
      store_sums(reinterpret_cast<std::int32_t*>(run.output + p * 4), quads);
    } else {
      store_sums(whole, quads);
      __builtin_memcpy(run.output + p * 4, whole, static_cast<std::size_t>(count * 4));
    }
  }
}
void quantize_pixels(const ReformatRun& run) {
  if (run.mean == nullptr) {
    quantize_quads<false>(run);
  } else {
    quantize_quads<true>(run);
  }
}

void quantize_bf16_pixels(const ReformatRun& run) {
  alignas(64) std::uint16_t tile[4][kLanes] = {};
  for (std::int64_t p = 0; p < run.pixels; p += kLanes) {
    const std::int64_t count = at_most_16(run.pixels - p);
    for (std::int64_t c = 0; c < run.channels; ++c) {
      const F32x16 x = load_lanes<F32>(run.input + (c * run.plane + p) * F32::kBytes, count);
      Bf16::store(reinterpret_cast<std::byte*>(tile[c]), x);
    }
    alignas(64) std::uint16_t pixels[kLanes][4];
    for (int i = 0; i < kLanes; ++i)
      for (int c = 0; c < 4; ++c) pixels[i][c] = tile[c][i];
    __builtin_memcpy(run.output + p * 8, pixels, static_cast<std::size_t>(count * 8));
  }
}

constexpr ReformatI8Functions kFunctions = {
    quantize<U8>,     quantize<S16>,  quantize<Bf16>,  dequantize<U8>,  dequantize<S16>,
    dequantize<Bf16>, requantize<U8>, requantize<S16>, quantize_pixels, quantize_bf16_pixels};

}  // namespace
}  // namespace octet::kernels
