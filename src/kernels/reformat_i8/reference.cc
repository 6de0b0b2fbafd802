// Copies between FP32 and narrow maps in plain loops: runs everywhere, and what the fast files are compared
// with.
#include <cmath>

#include "kernels/bfloat16.h"
#include "kernels/integer/arithmetic.h"
#include "kernels/layout.h"
#include "kernels/reformat_i8/contract.h"

namespace octet::kernels {
namespace {

struct BFloat16 {
  std::uint16_t bits;
};

template <class T>
T narrow(float x, const ReformatRun& run) {
  return static_cast<T>(
      integer::to_integer(std::nearbyintf(x / run.scale) + run.offset, {run.low, run.high}));
}
template <>
BFloat16 narrow<BFloat16>(float x, const ReformatRun&) {
  return {to_bfloat16(x)};
}
template <class T>
float widen(T q, const ReformatRun& run) {
  return (static_cast<float>(q) - run.offset) * run.scale;  // the difference is exact
}
float widen(BFloat16 x, const ReformatRun&) { return from_bfloat16(x.bits); }

/// Where the FP32 side keeps channel c of the copy, in floats from the run's start.
std::int64_t place_of(const ReformatRun& run, std::int64_t channel, std::int64_t pixel) {
  if (run.planar) return channel * run.plane + pixel;
  const std::int64_t lane = run.first_lane + channel;
  return lane / kChannelBlock * run.plane + pixel * kChannelBlock + lane % kChannelBlock;
}

template <class T>
void quantize(const ReformatRun& run) {
  const float* from = reinterpret_cast<const float*>(run.input);
  T* to = reinterpret_cast<T*>(run.output);
  for (std::int64_t p = 0; p < run.pixels; ++p)
    for (std::int64_t c = 0; c < run.channels; ++c)
      to[p * run.output_step + c] = narrow<T>(from[place_of(run, c, p)], run);
}

template <class T>
void dequantize(const ReformatRun& run) {
  const T* from = reinterpret_cast<const T*>(run.input);
  float* to = reinterpret_cast<float*>(run.output);
  for (std::int64_t p = 0; p < run.pixels; ++p)
    for (std::int64_t c = 0; c < run.channels; ++c)
      to[place_of(run, c, p)] = widen(from[p * run.input_step + c], run);
}

template <class T>
void requantize(const ReformatRun& run) {
  const T* from = reinterpret_cast<const T*>(run.input);
  T* to = reinterpret_cast<T*>(run.output);
  for (std::int64_t p = 0; p < run.pixels; ++p)
    for (std::int64_t c = 0; c < run.channels; ++c) {
      const float t = std::fmaf(static_cast<float>(from[p * run.input_step + c]), run.scale, run.offset);
      to[p * run.output_step + c] = static_cast<T>(integer::to_integer(t, {run.low, run.high}));
    }
}

void quantize_pixels(const ReformatRun& run) {
  const float* from = reinterpret_cast<const float*>(run.input);
  std::uint8_t* to = reinterpret_cast<std::uint8_t*>(run.output);
  for (std::int64_t p = 0; p < run.pixels; ++p)
    for (std::int64_t c = 0; c < kChannelQuad; ++c) {
      std::uint8_t& q = to[p * kChannelQuad + c];
      if (c >= run.channels) {
        q = run.padding;
      } else if (run.mean == nullptr) {
        q = narrow<std::uint8_t>(from[c * run.plane + p], run);
      } else {
        const float t = from[c * run.plane + p] + run.mean[c * run.mean_plane + p * run.mean_step];
        q = static_cast<std::uint8_t>(integer::to_integer(t, {run.low, run.high}));
      }
    }
}

void quantize_bf16_pixels(const ReformatRun& run) {
  const float* from = reinterpret_cast<const float*>(run.input);
  auto* to = reinterpret_cast<BFloat16*>(run.output);
  for (std::int64_t p = 0; p < run.pixels; ++p)
    for (std::int64_t c = 0; c < kChannelQuad; ++c)
      to[p * kChannelQuad + c] = narrow<BFloat16>(c < run.channels ? from[c * run.plane + p] : 0.0f, run);
}

}  // namespace

const ReformatI8Functions kReformatI8Generic = {
    quantize<std::uint8_t>,   quantize<std::int16_t>, quantize<BFloat16>,       dequantize<std::uint8_t>,
    dequantize<std::int16_t>, dequantize<BFloat16>,   requantize<std::uint8_t>, requantize<std::int16_t>,
    quantize_pixels,          quantize_bf16_pixels};

}  // namespace octet::kernels
