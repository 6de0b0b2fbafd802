// The family's vector code over F32x16, written once: each instruction set's file includes its F32x16 first,
// then this. Internal linkage throughout.
#pragma once

#include "kernels/eltwise_f32/contract.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kLanes = 16;

/// A NaN passes through.
template <ReluForm form>
inline F32x16 relu(F32x16 x, ReluParameters parameters) {
  if constexpr (form == kNoRelu) return x;
  const F32x16 positive = max(broadcast(0), x), limit = broadcast(parameters.limit);
  if constexpr (form == kPlainRelu) return min(limit, positive);
  return min(limit, positive + broadcast(parameters.slope) * min(broadcast(0), x));
}

struct Sum {
  static F32x16 first(F32x16 x, const float*) { return x; }
  static F32x16 next(F32x16 value, F32x16 x, const float*) { return value + x; }
};
struct WeightedSum {
  static F32x16 first(F32x16 x, const float* coefficient) { return x * broadcast(*coefficient); }
  static F32x16 next(F32x16 value, F32x16 x, const float* coefficient) {
    return value + x * broadcast(*coefficient);
  }
};
struct Product {
  static F32x16 first(F32x16 x, const float*) { return x; }
  static F32x16 next(F32x16 value, F32x16 x, const float*) { return value * x; }
};
struct Maximum {
  static F32x16 first(F32x16 x, const float*) { return x; }
  static F32x16 next(F32x16 value, F32x16 x, const float*) { return max_or_nan(value, x); }
};

struct Minimum {
  static F32x16 first(F32x16 x, const float*) { return x; }
  static F32x16 next(F32x16 value, F32x16 x, const float*) { return min_or_nan(value, x); }
};
struct Quotient {
  static F32x16 first(F32x16 x, const float*) { return x; }
  static F32x16 next(F32x16 value, F32x16 x, const float*) { return value / x; }
};

/// Two inputs are the common case (a residual sum); with the pointers in registers it runs at memory speed.
template <class Combine, ReluForm form>
void two_inputs(const EltwiseRun& run) {
  const float* a = run.inputs[0];
  const float* b = run.inputs[1];
  for (std::int64_t i = 0; i < run.vectors * kLanes; i += kLanes) {
    const F32x16 value =
        Combine::next(Combine::first(load(a + i), run.coefficients), load(b + i), run.coefficients + 1);
    store(run.output + i, relu<form>(value, run.relu));
  }
}

template <class Combine, ReluForm form>
void eltwise(const EltwiseRun& run) {
  if (run.input_count == 2) return two_inputs<Combine, form>(run);
  for (std::int64_t i = 0; i < run.vectors * kLanes; i += kLanes) {
    F32x16 value = Combine::first(load(run.inputs[0] + i), run.coefficients);
    for (std::int64_t n = 1; n < run.input_count; ++n)
      value = Combine::next(value, load(run.inputs[n] + i), run.coefficients + n);
    store(run.output + i, relu<form>(value, run.relu));
  }
}

template <ReluForm form>
void affine(const AffineRun& run) {
  const F32x16 scale = load(run.scale), shift = load(run.shift);
  for (std::int64_t i = 0; i < run.vectors * kLanes; i += kLanes)
    store(run.output + i, relu<form>(load(run.input + i) * scale + shift, run.relu));
}

constexpr EltwiseF32Functions kFunctions = {
    {eltwise<Sum, kNoRelu>, eltwise<Sum, kPlainRelu>, eltwise<Sum, kLeakyRelu>},
    {eltwise<WeightedSum, kNoRelu>, eltwise<WeightedSum, kPlainRelu>, eltwise<WeightedSum, kLeakyRelu>},
    {eltwise<Product, kNoRelu>, eltwise<Product, kPlainRelu>, eltwise<Product, kLeakyRelu>},
    {eltwise<Maximum, kNoRelu>, eltwise<Maximum, kPlainRelu>, eltwise<Maximum, kLeakyRelu>},
    {eltwise<Minimum, kNoRelu>, eltwise<Minimum, kPlainRelu>, eltwise<Minimum, kLeakyRelu>},
    {eltwise<Quotient, kNoRelu>, eltwise<Quotient, kPlainRelu>, eltwise<Quotient, kLeakyRelu>},
    {affine<kNoRelu>, affine<kPlainRelu>, affine<kLeakyRelu>}};

}  // namespace
}  // namespace octet::kernels
