// The micro-kernels of contract.h for any register width and dot product: rows x lanes sums that stay in
// registers over all taps. Included by instruction-set files only, after simd/narrow_avx2.h or its twin.
//
// `Dot` is the product of one group, for a register of kLanes output channels:
//
//   kElement            what is multiplied
//   Sum                 the register of sums: integers, of BF16 floats
//   load(p)             of sums
//   Weights, Input      kLanes x 4 bytes of weights, and 4 bytes of a pixel for all lanes, made ready by
//   weights(p), input(p)
//   multiply_add(sum, input, weights)
//   reals(sums)         16 lanes' sums as F32x16
//   store(p, values)    BF16: rounds 16 outputs
#pragma once

#include "kernels/conv_dot/contract.h"
#include "kernels/conv_dot/epilogue.h"

namespace octet::kernels::conv_dot {
namespace {

template <class Dot, int kRows, int kBlocks>
class DotBlock {
 public:
  static void run(const Block& block) {
    DotBlock sums;
    prefetch(block);
    sums.start(block);
    sums.accumulate(block);
    sums.finish(block);
  }

 private:
  static constexpr int kBlockRegisters = 16 / Dot::kLanes;
  static constexpr int kRegisters = kBlocks * kBlockRegisters;
  static constexpr int kRegisterBytes = Dot::kLanes * 4, kGroupBytes = kBlocks * 64;

  typename Dot::Sum sums_[kRows][kRegisters];

  // What the end of the block reads and writes is on its way while the products are summed: the rows of a
  // panel lie far apart, so that no hardware prefetcher sees them coming. Short sums do not make up for it;
  // maps of bytes, and those of layers without a residual, are mostly in the second-level cache.
  [[gnu::always_inline]] static void prefetch(const Block& b) {
    constexpr std::int64_t kWorthwhileGroups = 64, kBytes = kBlocks * 16 * 2;
    if (Dot::kElement == Element::kU8 || b.residual == nullptr) return;
    if (b.tap_count * b.groups < kWorthwhileGroups) return;
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      for (std::int64_t line = 0; line < kBytes; line += 64) {
        __builtin_prefetch(b.residual[r] + line, 0);
        __builtin_prefetch(b.output[r] + line, 1);
      }
    }
  }

  [[gnu::always_inline]] void start(const Block& b) {
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kRegisters; ++v) sums_[r][v] = Dot::load(b.bias[r] + v * kRegisterBytes);
    }
  }

  [[gnu::always_inline]] void accumulate(const Block& b) {
    const std::byte* w = b.weights;
    const std::int64_t tap_bytes = b.groups * 4;
    for (std::int64_t t = 0; t < b.tap_count; ++t) {
      const std::byte* x[kRows];
#pragma GCC unroll 12
      for (int r = 0; r < kRows; ++r) x[r] = b.input[r] + b.taps[t];
      for (std::int64_t offset = 0; offset < tap_bytes; offset += 4, w += kGroupBytes) {
        if constexpr (Dot::kElement == Element::kS16) __builtin_prefetch(w + b.ahead, 0, 2);
        step(x, offset, w);
      }
    }
  }

  [[gnu::always_inline]] void step(const std::byte* const (&x)[kRows], std::int64_t offset,
                                   const std::byte* w) {
    typename Dot::Weights weights[kRegisters];
#pragma GCC unroll 4
    for (int v = 0; v < kRegisters; ++v) weights[v] = Dot::weights(w + v * kRegisterBytes);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const typename Dot::Input input = Dot::input(x[r] + offset);
#pragma GCC unroll 4
      for (int v = 0; v < kRegisters; ++v) sums_[r][v] = Dot::multiply_add(sums_[r][v], input, weights[v]);
    }
    // Keeps GCC 12 from loading the next step's operands early and spilling sums for them.
    asm volatile("" ::: "memory");
  }

  template <class F>
  [[gnu::always_inline]] static void each(F&& f) {
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int block = 0; block < kBlocks; ++block) f(r, block);
    }
  }

  [[gnu::always_inline]] F32x16 reals(int r, int block) const {
    return Dot::reals(&sums_[r][block * kBlockRegisters]);
  }

  // What most layers of a network do stays in registers; the code of the rest is not worth its copies.
  [[gnu::always_inline]] void finish(const Block& b) const {
    const Epilogue& e = *b.epilogue;
    if (e.output == Output::kSums) return store_sums(b);
    if constexpr (Dot::kElement == Element::kBf16) {
      if (e.output == Output::kBf16 && b.blocks == kBlocks && only_has_floor(e)) return finish_bf16(b);
    }
    const bool common = Dot::kElement == Element::kU8    ? e.bounded
                        : Dot::kElement == Element::kS16 ? e.output == Output::kS16 && !e.leaky
                                                         : false;
    if (common && b.blocks == kBlocks) {
      if (b.residual == nullptr) {
        const F32x16 addend = broadcast(e.addend);
        return finish_integers(b, [&](int, int) { return addend; });
      }
      const F32x16 scale = broadcast(e.residual_scale), offset = broadcast(e.residual_offset);
      return finish_integers(b, [&](int r, int block) {
        const F32x16 residual = load_integers<Dot::kElement>(b.residual[r] + block * b.residual_block_step);
        return fused_multiply_add(residual, scale, offset);
      });
    }
    alignas(64) float sums[kRows][kBlocks][16];
    each([&](int r, int block) { store(sums[r][block], reals(r, block)); });
    finish_any<Dot::kElement>(b, sums[0][0], kRows, kBlocks);
  }

  [[gnu::always_inline]] void store_sums(const Block& b) const {
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kRegisters; ++v) {
        // A copy, so that no address is taken of registers.
        const typename Dot::Sum sum = sums_[r][v];
        __builtin_memcpy(b.output[r] + v * kRegisterBytes, &sum, kRegisterBytes);
      }
    }
  }

  [[gnu::always_inline]] void finish_bf16(const Block& b) const {
    const F32x16 low = bf16_floor(*b.epilogue);
    each([&](int r, int block) {
      F32x16 t = reals(r, block);
      if (b.residual != nullptr) t = t + load_bf16(b.residual[r] + block * b.residual_block_step);
      Dot::store(b.output[r] + block * b.output_block_step, max(low, t));
    });
  }

  template <class Addend>
  [[gnu::always_inline]] void finish_integers(const Block& b, Addend addend) const {
    const F32x16 low = broadcast(b.epilogue->low), high = broadcast(b.epilogue->high);
    const SaturatedBytes bytes(b.epilogue->low);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      F32x16 t[kBlocks];
#pragma GCC unroll 4
      for (int block = 0; block < kBlocks; ++block) {
        t[block] = fused_multiply_add(reals(r, block), load(b.multipliers + block * 16), addend(r, block));
      }
      if constexpr (Dot::kElement == Element::kU8) {
        bytes.store(b.output[r], t);  // 16 channels and the next lie next to each other in kNhwc
      } else {
#pragma GCC unroll 4
        for (int block = 0; block < kBlocks; ++block) {
          store_s16(b.output[r] + block * b.output_block_step, min(max(t[block], low), high));
        }
      }
    }
  }
};

/// Fills the table for panels of kBlocks * 16 lanes with blocks of 1 .. kRows rows.
template <class Dot, int kRows, int kBlocks>
constexpr void set_blocks(MicroKernels& kernels) {
  kernels.block[kBlocks - 1][kRows - 1] = DotBlock<Dot, kRows, kBlocks>::run;
  if constexpr (kRows > 1) set_blocks<Dot, kRows - 1, kBlocks>(kernels);
}

}  // namespace
}  // namespace octet::kernels::conv_dot
