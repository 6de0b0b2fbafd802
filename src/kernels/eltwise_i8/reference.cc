// Element-wise integer operations in plain loops: runs everywhere, and what the fast files are compared with.
#include <algorithm>
#include <cmath>

#include "kernels/eltwise_i8/contract.h"
#include "kernels/integer/arithmetic.h"

namespace octet::kernels {
namespace {

template <class T>
T finish(float t, const EltwiseI8Finish& f) {
  if (f.leaky) t = integer::leaky(t, f.zero, f.slope);
  return static_cast<T>(integer::to_integer(t, {f.low, f.high}));
}

template <class T>
float value_of(const EltwiseI8Input& input, std::int64_t pixel, std::int64_t channel) {
  return static_cast<float>(reinterpret_cast<const T*>(input.data)[pixel * input.pixel_step + channel]);
}

template <class T>
void sum(const EltwiseI8Run& run) {
  T* output = reinterpret_cast<T*>(run.output);
  for (std::int64_t p = 0; p < run.pixels; ++p)
    for (std::int64_t c = 0; c < run.channels; ++c) {
      float t = run.inputs[0].offset;
      for (std::int64_t i = 0; i < run.input_count; ++i)
        t = std::fmaf(value_of<T>(run.inputs[i], p, c), run.inputs[i].scale, t);
      output[p * run.output_step + c] = finish<T>(t, run.finish);
    }
}

template <class T>
void product(const EltwiseI8Run& run) {
  T* output = reinterpret_cast<T*>(run.output);
  for (std::int64_t p = 0; p < run.pixels; ++p)
    for (std::int64_t c = 0; c < run.channels; ++c) {
      float t = value_of<T>(run.inputs[0], p, c) - run.inputs[0].offset;
      for (std::int64_t i = 1; i < run.input_count; ++i)
        t *= value_of<T>(run.inputs[i], p, c) - run.inputs[i].offset;
      output[p * run.output_step + c] = finish<T>(std::fmaf(t, run.scale, run.finish.zero), run.finish);
    }
}

std::int32_t larger(std::int32_t a, std::int32_t b) { return std::max(a, b); }
std::int32_t smaller(std::int32_t a, std::int32_t b) { return std::min(a, b); }

template <class T, std::int32_t (*choose)(std::int32_t, std::int32_t)>
void chosen(const EltwiseI8Run& run) {
  T* output = reinterpret_cast<T*>(run.output);
  for (std::int64_t p = 0; p < run.pixels; ++p)
    for (std::int64_t c = 0; c < run.channels; ++c) {
      std::int32_t best = 0;
      for (std::int64_t i = 0; i < run.input_count; ++i) {
        const EltwiseI8Input& input = run.inputs[i];
        const float t = std::fmaf(value_of<T>(input, p, c), input.scale, input.offset);
        const std::int32_t q = integer::to_integer(t, {run.range_low, run.finish.high});
        best = i == 0 ? q : choose(best, q);
      }
      output[p * run.output_step + c] = finish<T>(static_cast<float>(best), run.finish);
    }
}

template <class T>
void affine(const AffineI8Run& run) {
  const T* input = reinterpret_cast<const T*>(run.input);
  T* output = reinterpret_cast<T*>(run.output);
  for (std::int64_t p = 0; p < run.pixels; ++p)
    for (std::int64_t c = 0; c < run.channels; ++c) {
      const float q = static_cast<float>(input[p * run.input_step + c]);
      output[p * run.output_step + c] = finish<T>(std::fmaf(q, run.factors[c], run.offsets[c]), run.finish);
    }
}

}  // namespace

const EltwiseI8Functions kEltwiseI8Generic = {sum<std::uint8_t>,
                                              sum<std::int16_t>,
                                              product<std::uint8_t>,
                                              product<std::int16_t>,
                                              chosen<std::uint8_t, larger>,
                                              chosen<std::int16_t, larger>,
                                              chosen<std::uint8_t, smaller>,
                                              chosen<std::int16_t, smaller>,
                                              affine<std::uint8_t>,
                                              affine<std::int16_t>};

}  // namespace octet::kernels
