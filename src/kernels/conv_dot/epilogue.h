// How 16 sums become 16 outputs: the arithmetic of kernels/integer/arithmetic.h over F32x16. Included by
// instruction-set files only, after simd/narrow_avx2.h or its twin, so that everything has internal linkage.
#pragma once

#include "kernels/conv_dot/contract.h"

namespace octet::kernels::conv_dot {
namespace {

/// Rounded and written as u8 or s16 by the caller. `addend`: the epilogue's, or what a residual makes of it.
inline F32x16 requantize(F32x16 sums, F32x16 multipliers, F32x16 addend, const Epilogue& e) {
  F32x16 t = fused_multiply_add(sums, multipliers, addend);
  if (e.leaky) {
    const F32x16 zero = broadcast(e.zero);
    t = where_less(t, zero, fused_multiply_add(t - zero, broadcast(e.slope), zero), t);
  }
  return min(max(t, broadcast(e.low)), broadcast(e.high));
}

inline F32x16 residual_addend(F32x16 residual, const Epilogue& e) {
  return fused_multiply_add(residual, broadcast(e.residual_scale), broadcast(e.residual_offset));
}

/// The ReLU of FP32 and BF16 outputs; a NaN stays.
inline F32x16 rectify(F32x16 t, const Epilogue& e) {
  if (!e.rectified) return t;
  const F32x16 zero = broadcast(0.0f), positive = max(zero, t);
  return min(broadcast(e.high), e.slope == 0.0f ? positive : positive + broadcast(e.slope) * min(zero, t));
}

/// Whether a BF16 output's ReLU, if any, is just a maximum.
inline bool only_has_floor(const Epilogue& e) {
  return !e.rectified || (e.slope == 0 && e.high == __builtin_inff());
}
/// Of such: max(bf16_floor(e), t), in which a NaN stays.
[[gnu::always_inline]] inline F32x16 bf16_floor(const Epilogue& e) {
  return broadcast(e.rectified ? 0.0f : -__builtin_inff());
}

template <Element kElement>
[[gnu::always_inline]] inline F32x16 load_integers(const std::byte* p) {
  return kElement == Element::kU8 ? load_u8(p) : load_s16(p);
}
template <Element kElement>
[[gnu::always_inline]] inline void store_integers(std::byte* p, F32x16 t) {
  if constexpr (kElement == Element::kU8) {
    store_u8(p, t);
  } else {
    store_s16(p, t);
  }
}

/// Outputs of any kind from `sums`, [rows][blocks][16].
template <Element kElement>
[[gnu::noinline]] void finish_any(const Block& b, const float* sums, int rows, int blocks) {
  const Epilogue& e = *b.epilogue;
  for (int r = 0; r < rows; ++r, sums += blocks * 16) {
    for (int block = 0; block < b.blocks; ++block) {
      F32x16 t = load(sums + block * 16);
      std::byte* to = b.output[r] + block * b.output_block_step;
      const std::byte* residual =
          b.residual != nullptr ? b.residual[r] + block * b.residual_block_step : nullptr;
      if (e.output == Output::kF32) {
        const F32x16 addend =
            residual != nullptr ? load(reinterpret_cast<const float*>(residual)) : broadcast(0.0f);
        if constexpr (kElement == Element::kBf16) {
          t = t + addend;
        } else {
          t = fused_multiply_add(t, load(b.multipliers + block * 16), addend);
        }
        store(reinterpret_cast<float*>(to), rectify(t, e));
      } else if constexpr (kElement == Element::kBf16) {
        if (residual != nullptr) t = t + load_bf16(residual);
        store_bf16(to, rectify(t, e));
      } else {
        const F32x16 addend =
            residual != nullptr ? residual_addend(load_integers<kElement>(residual), e) : broadcast(e.addend);
        store_integers<kElement>(to, requantize(t, load(b.multipliers + block * 16), addend, e));
      }
    }
  }
}

}  // namespace
}  // namespace octet::kernels::conv_dot
