// The micro-kernels of contract.h for any register width and dot product: rows x lanes sums that stay in
// registers over all taps. Included by instruction-set files only, after simd/narrow_avx2.h or its twin.
//
// `Dot` is the product of one group, for a register of kLanes output channels:
//
//   kElement            what is multiplied
//   Sum                 the register of sums: integers, of BF16 floats
//   load(p), store(p)   of sums
//   Weights, Input      kLanes x 4 bytes of weights, and 4 bytes of a pixel for all lanes, made ready by
//   weights(p), input(p)
//   multiply_add(sum, input, weights)
//   reals(sums)         16 lanes' sums as F32x16
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
    sums.start(block);
    sums.accumulate(block);
    sums.finish(block);
  }

 private:
  static constexpr int kBlockRegisters = 16 / Dot::kLanes;
  static constexpr int kRegisters = kBlocks * kBlockRegisters;
  static constexpr int kRegisterBytes = Dot::kLanes * 4, kGroupBytes = kBlocks * 64;

  typename Dot::Sum sums_[kRows][kRegisters];

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
      for (std::int64_t offset = 0; offset < tap_bytes; offset += 4, w += kGroupBytes) step(x, offset, w);
    }
  }

  [[gnu::always_inline]] void step(const std::byte* const (&x)[kRows], std::int64_t offset,
                                   const std::byte* w) {
    // A block of few rows waits for its weights: they come from far away, and the hardware's own prefetching
    // ends at each page.
    if constexpr (kRows <= 2) {
#pragma GCC unroll 4
      for (int line = 0; line < kGroupBytes; line += 64) __builtin_prefetch(w + 4096 + line);
    }
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
  [[gnu::always_inline]] static void each(const Block& b, F&& f) {
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int block = 0; block < kBlocks; ++block)
        if (block < b.blocks) f(r, block);
    }
  }

  [[gnu::always_inline]] F32x16 reals(int r, int block) const {
    return Dot::reals(&sums_[r][block * kBlockRegisters]);
  }

  [[gnu::always_inline]] void finish(const Block& b) const {
    if (b.epilogue->output == Output::kF32) {
      each(b, [&](int r, int block) {
        std::byte* to = b.output[r] + block * b.output_block_step;
        F32x16 t = reals(r, block);
        F32x16 residual = broadcast(0.0f);
        if (b.residual != nullptr) {
          residual = load(reinterpret_cast<const float*>(b.residual[r] + block * b.residual_block_step));
        }
        if constexpr (Dot::kElement == Element::kBf16) {
          t = t + residual;
        } else {
          t = fused_multiply_add(t, load(b.multipliers + block * 16), residual);
        }
        store(reinterpret_cast<float*>(to), rectify(t, *b.epilogue));
      });
    } else if constexpr (Dot::kElement == Element::kBf16) {
      each(b, [&](int r, int block) {
        F32x16 t = reals(r, block);
        if (b.residual != nullptr) t = t + load_bf16(b.residual[r] + block * b.residual_block_step);
        store_bf16(b.output[r] + block * b.output_block_step, rectify(t, *b.epilogue));
      });
    } else {
      each(b, [&](int r, int block) {
        F32x16 addend = broadcast(b.epilogue->addend);
        if (b.residual != nullptr) {
          const std::byte* from = b.residual[r] + block * b.residual_block_step;
          addend =
              residual_addend(Dot::kElement == Element::kU8 ? load_u8(from) : load_s16(from), *b.epilogue);
        }
        const F32x16 q = requantize(reals(r, block), load(b.multipliers + block * 16), addend, *b.epilogue);
        std::byte* to = b.output[r] + block * b.output_block_step;
        if constexpr (Dot::kElement == Element::kU8) {
          store_u8(to, q);
        } else {
          store_s16(to, q);
        }
      });
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
