// The family's vector code over F32x16, written once: each instruction set's file includes its F32x16 first,
// then this. Internal linkage throughout.
#pragma once

#include "kernels/activation_f32/contract.h"
#include "kernels/simd/exponential.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kLanes = 16;
constexpr float kLeastExponent = -87, kLargestExponent = 88;  // of exponential()

/// A NaN in x stays: where one operand is, the instructions take the second.
inline F32x16 bounded(F32x16 x, F32x16 low, F32x16 high) { return min(high, max(low, x)); }
inline F32x16 bounded(F32x16 x, float low, float high) { return bounded(x, broadcast(low), broadcast(high)); }

struct Sigmoid {
  explicit Sigmoid(const ActivationF32Run&) {}
  F32x16 operator()(F32x16 x) const {
    const F32x16 one = broadcast(1);
    return one / (one + exponential(bounded(broadcast(0) - x, kLeastExponent, kLargestExponent)));
  }
};

/// 1 - 2 / (e^2|x| + 1) loses the digits of a small x; there, the fifth convergent of the continued fraction
/// x / (1 + x^2 / (3 + x^2 / (5 + ...))), which is off by less than 1e-9 of the value.
struct HyperbolicTangent {
  explicit HyperbolicTangent(const ActivationF32Run&) {}
  F32x16 operator()(F32x16 x) const {
    constexpr float kSmall = 0.625f;
    const F32x16 zero = broadcast(0), one = broadcast(1), size = max(zero - x, x), square = x * x;
    const F32x16 above =
        fused_multiply_add(square, fused_multiply_add(square, one, broadcast(105)), broadcast(945));
    const F32x16 below =
        fused_multiply_add(square, fused_multiply_add(square, broadcast(15), broadcast(420)), broadcast(945));
    const F32x16 power = exponential(min(broadcast(kLargestExponent), size + size));
    const F32x16 large = one - broadcast(2) / (power + one);
    return where_less(size, broadcast(kSmall), x * above / below, where_less(x, zero, zero - large, large));
  }
};

struct HardSigmoid {
  explicit HardSigmoid(const ActivationF32Run& run) : a(broadcast(run.a)), b(broadcast(run.b)) {}
  F32x16 operator()(F32x16 x) const { return bounded(x * a + b, 0, 1); }
  F32x16 a, b;
};

struct HardSwish {
  explicit HardSwish(const ActivationF32Run&) {}
  F32x16 operator()(F32x16 x) const { return x * bounded(x * broadcast(1.0f / 6) + broadcast(0.5f), 0, 1); }
};

struct Clip {
  explicit Clip(const ActivationF32Run& run) : low(broadcast(run.a)), high(broadcast(run.b)) {}
  F32x16 operator()(F32x16 x) const { return bounded(x, low, high); }
  F32x16 low, high;
};

struct Rounding {
  explicit Rounding(const ActivationF32Run& run)
      : scale(broadcast(run.a)), low(broadcast(-run.b)), high(broadcast(255 - run.b)), zero(broadcast(0)) {}
  /// Plus 0, which makes 0 of the -0 that small negative quotients are rounded to: integers have one zero.
  F32x16 operator()(F32x16 x) const { return scale * (round(bounded(x / scale, low, high)) + zero); }
  F32x16 scale, low, high, zero;
};

template <class Function>
void activate(const ActivationF32Run& run) {
  const Function function(run);
  const F32x16 lanes = load(run.lanes);
  for (std::int64_t i = 0; i < run.vectors * kLanes; i += kLanes)
    store(run.output + i, function(load(run.input + i)) * lanes);
}

constexpr ActivationF32Functions kFunctions = {activate<Sigmoid>,     activate<HyperbolicTangent>,
                                               activate<HardSigmoid>, activate<HardSwish>,
                                               activate<Clip>,        activate<Rounding>};

}  // namespace
}  // namespace octet::kernels
