// The family's vector code over F32x16, written once: each instruction set's file includes its narrow_*.h
// first, then this. Internal linkage throughout.
#pragma once

#include "kernels/eltwise_i8/contract.h"
#include "kernels/simd/narrow_types.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kLanes = 16;

/// Clamped, and with a leaky ReLU before that: what is left is rounding.
inline F32x16 clamp(F32x16 t, const EltwiseI8Finish& f) {
  if (f.leaky) {
    const F32x16 zero = broadcast(f.zero);
    t = where_less(t, zero, fused_multiply_add(t - zero, broadcast(f.slope), zero), t);
  }
  return min(max(t, broadcast(f.low)), broadcast(f.high));
}

template <class T>
struct Sum {
  static F32x16 first(const EltwiseI8Input& input, const std::byte* p) {
    return fused_multiply_add(T::load(p), broadcast(input.scale), broadcast(input.offset));
  }
  static F32x16 next(F32x16 t, const EltwiseI8Input& input, const std::byte* p) {
    return fused_multiply_add(T::load(p), broadcast(input.scale), t);
  }
  static F32x16 finish(F32x16 t, const EltwiseI8Run& run) { return clamp(t, run.finish); }
};

template <class T>
struct Product {
  static F32x16 first(const EltwiseI8Input& input, const std::byte* p) {
    return T::load(p) - broadcast(input.offset);
  }
  static F32x16 next(F32x16 t, const EltwiseI8Input& input, const std::byte* p) {
    return t * first(input, p);
  }
  static F32x16 finish(F32x16 t, const EltwiseI8Run& run) {
    return clamp(fused_multiply_add(t, broadcast(run.scale), broadcast(run.finish.zero)), run.finish);
  }
};

struct Larger {
  static F32x16 of(F32x16 a, F32x16 b) { return max(a, b); }
};
struct Smaller {
  static F32x16 of(F32x16 a, F32x16 b) { return min(a, b); }
};
/// A maximum or minimum.
template <class T, class Choice>
struct Chosen {
  static F32x16 first(const EltwiseI8Input& input, const std::byte* p) {
    return fused_multiply_add(T::load(p), broadcast(input.scale), broadcast(input.offset));
  }
  static F32x16 next(F32x16 t, const EltwiseI8Input& input, const std::byte* p) {
    return Choice::of(t, first(input, p));
  }
  static F32x16 finish(F32x16 t, const EltwiseI8Run& run) {
    const F32x16 q = round(min(max(t, broadcast(run.range_low)), broadcast(run.finish.high)));
    return clamp(q, run.finish);
  }
};

/// `count` channels of neighbouring memory in all operands, from element `offset` of each on.
template <class T, class Combine>
inline void combine(const EltwiseI8Run& run, std::int64_t pixel, std::int64_t count) {
  std::byte* to = run.output + pixel * run.output_step * T::kBytes;
  const auto from = [&](std::int64_t i) {
    return run.inputs[i].data + pixel * run.inputs[i].pixel_step * T::kBytes;
  };
  if (run.input_count == 2) {  // the common case, with all in registers
    const EltwiseI8Input a = run.inputs[0], b = run.inputs[1];
    const EltwiseI8Run copy = run;
    const std::byte *p = from(0), *q = from(1);
    for (std::int64_t c = 0; c < count * T::kBytes; c += kLanes * T::kBytes)
      T::store(to + c, Combine::finish(Combine::next(Combine::first(a, p + c), b, q + c), copy));
    return;
  }
  for (std::int64_t c = 0; c < count * T::kBytes; c += kLanes * T::kBytes) {
    F32x16 t = Combine::first(run.inputs[0], from(0) + c);
    for (std::int64_t i = 1; i < run.input_count; ++i) t = Combine::next(t, run.inputs[i], from(i) + c);
    T::store(to + c, Combine::finish(t, run));
  }
}

template <class T, class Combine>
void eltwise(const EltwiseI8Run& run) {
  bool dense = run.output_step == run.channels;
  for (std::int64_t i = 0; i < run.input_count; ++i) dense &= run.inputs[i].pixel_step == run.channels;
  if (dense) {
    combine<T, Combine>(run, 0, run.pixels * run.channels);
  } else {
    for (std::int64_t p = 0; p < run.pixels; ++p) combine<T, Combine>(run, p, run.channels);
  }
}

template <class T>
void affine(const AffineI8Run& run) {
  const EltwiseI8Finish finish = run.finish;
  for (std::int64_t p = 0; p < run.pixels; ++p) {
    const std::byte* from = run.input + p * run.input_step * T::kBytes;
    std::byte* to = run.output + p * run.output_step * T::kBytes;
    for (std::int64_t c = 0; c < run.channels; c += kLanes) {
      const F32x16 q = T::load(from + c * T::kBytes);
      const F32x16 t = fused_multiply_add(q, load(run.factors + c), load(run.offsets + c));
      T::store(to + c * T::kBytes, clamp(t, finish));
    }
  }
}

constexpr EltwiseI8Functions kFunctions = {eltwise<U8, Sum<U8>>,
                                           eltwise<S16, Sum<S16>>,
                                           eltwise<U8, Product<U8>>,
                                           eltwise<S16, Product<S16>>,
                                           eltwise<U8, Chosen<U8, Larger>>,
                                           eltwise<S16, Chosen<S16, Larger>>,
                                           eltwise<U8, Chosen<U8, Smaller>>,
                                           eltwise<S16, Chosen<S16, Smaller>>,
                                           affine<U8>,
                                           affine<S16>};

}  // namespace
}  // namespace octet::kernels
