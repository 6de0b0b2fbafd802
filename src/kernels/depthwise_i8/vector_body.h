// The family's vector code over units, written once: each instruction set's file includes its units first,
// then this. Internal linkage throughout.
#pragma once

#include "kernels/depthwise_i8/contract.h"

namespace octet::kernels {
namespace {

/// kPixels pixels of one unit: as many accumulators as the registers hold, so that weights are loaded once.
constexpr int kPixels = 4;

template <class Unit>
inline typename Unit::Floats requantize(typename Unit::Floats t, const DepthwiseI8Run& run) {
  if (run.leaky) {
    const auto zero = Unit::all(run.zero);
    const auto bent = Unit::multiply_add(Unit::subtract(t, zero), Unit::all(run.slope), zero);
    t = Unit::where_less(t, zero, bent, t);
  }
  return Unit::min(Unit::max(t, Unit::all(run.low)), Unit::all(run.high));
}

template <class Unit>
inline typename Unit::Floats rectify(typename Unit::Floats t, const DepthwiseI8Run& run) {
  if (!run.rectified) return t;
  const auto zero = Unit::all(0);
  const auto bent = Unit::add(Unit::max(t, zero), Unit::multiply(Unit::all(run.slope), Unit::min(t, zero)));
  return Unit::min(bent, Unit::all(run.high));
}

template <class Unit>
inline void finish(const DepthwiseI8Run& run, std::int64_t channel, std::int64_t pixel,
                   typename Unit::Integers low, typename Unit::Integers high) {
  const float* multipliers = run.multipliers + channel;
  const auto m_low = Unit::load(multipliers), m_high = Unit::load(multipliers + Unit::kChannels / 2);
  if (run.real_output) {
    float* to = reinterpret_cast<float*>(run.output) + channel / 16 * run.output_plane + pixel * 16;
    typename Unit::Halves addend{Unit::all(0), Unit::all(0)};
    if (run.residual != nullptr) {
      const float* residual = reinterpret_cast<const float*>(run.residual);
      addend =
          Unit::load_blocks(residual + channel / 16 * run.residual_plane + pixel * 16, run.residual_plane);
    }
    const auto t_low = Unit::multiply_add(Unit::to_float(low), m_low, addend.low);
    const auto t_high = Unit::multiply_add(Unit::to_float(high), m_high, addend.high);
    Unit::store_blocks(to, run.output_plane, rectify<Unit>(t_low, run), rectify<Unit>(t_high, run));
    return;
  }
  typename Unit::Halves addend{Unit::all(run.addend), Unit::all(run.addend)};
  if (run.residual != nullptr) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(run.residual) + pixel * run.residual_step;
    const auto r = Unit::widen(bytes + channel);
    const auto scale = Unit::all(run.residual_scale), offset = Unit::all(run.residual_offset);
    addend.low = Unit::multiply_add(Unit::to_float(Unit::low_pairs(r, Unit::zero())), scale, offset);
    addend.high = Unit::multiply_add(Unit::to_float(Unit::high_pairs(r, Unit::zero())), scale, offset);
  }
  const auto t_low = Unit::multiply_add(Unit::to_float(low), m_low, addend.low);
  const auto t_high = Unit::multiply_add(Unit::to_float(high), m_high, addend.high);
  Unit::store_bytes(run.output + pixel * run.output_step + channel, requantize<Unit>(t_low, run),
                    requantize<Unit>(t_high, run));
}

template <class Unit, int kCount>
inline void run_pixels(const DepthwiseI8Run& run, std::int64_t channel, std::int64_t pixel) {
  constexpr std::int64_t kHalf = Unit::kChannels / 2;
  typename Unit::Integers low[kCount], high[kCount];
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i) {
    const std::int32_t* bias = run.bias + (pixel + i) * run.bias_step + channel;
    low[i] = Unit::load(bias), high[i] = Unit::load(bias + kHalf);
  }
  const std::int16_t* weights = run.weights + channel * 2 * run.pairs;
  for (std::int64_t pair = 0; pair < run.pairs; ++pair, weights += 2 * Unit::kChannels) {
    const DepthwiseI8Tap first = run.taps[2 * pair], second = run.taps[2 * pair + 1];
    const auto w_low = Unit::load(weights), w_high = Unit::load(weights + Unit::kChannels);
    const std::uint8_t* p = first.data + pixel * first.step + channel;
    const std::uint8_t* q = second.data + pixel * second.step + channel;
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) {
      const auto a = Unit::widen(p + i * first.step), b = Unit::widen(q + i * second.step);
      low[i] = Unit::multiply_add_pairs(Unit::low_pairs(a, b), w_low, low[i]);
      high[i] = Unit::multiply_add_pairs(Unit::high_pairs(a, b), w_high, high[i]);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < kCount; ++i) finish<Unit>(run, channel, pixel + i, low[i], high[i]);
}

/// The units from `channel` on that lie inside the map; returns the first channel left.
template <class Unit>
std::int64_t run_units(const DepthwiseI8Run& run, std::int64_t channel) {
  for (; channel + Unit::kChannels <= run.channels; channel += Unit::kChannels) {
    std::int64_t pixel = 0;
    for (; pixel + kPixels <= run.pixels; pixel += kPixels) run_pixels<Unit, kPixels>(run, channel, pixel);
    for (; pixel < run.pixels; ++pixel) run_pixels<Unit, 1>(run, channel, pixel);
  }
  return channel;
}

}  // namespace
}  // namespace octet::kernels
