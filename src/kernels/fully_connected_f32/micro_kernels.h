// The micro-kernels of fully connected layers for any vector register: included by the instruction-set files
// only, whose Ops (vector_*.h) has internal linkage, and with it all that is made from these templates.
#pragma once

#include "kernels/fully_connected_f32/contract.h"

namespace octet::kernels::fully_connected_f32 {

/// kImages images times kVectors registers of output features, all sums in registers.
template <class Ops, int kImages, int kVectors>
void multiply(const Block& block) {
  using Vector = typename Ops::Vector;
  constexpr int kColumns = kVectors * Ops::kLanes;
  constexpr int kLine = 64 / sizeof(float);

  Vector sums[kImages][kVectors];
#pragma GCC unroll 16
  for (int n = 0; n < kImages; ++n)
#pragma GCC unroll 2
    for (int k = 0; k < kVectors; ++k)
      sums[n][k] = Ops::load(block.start + n * block.start_stride + k * Ops::kLanes);

  const float* x = block.inputs;
  const float* w = block.weights;
  const float* ahead = block.ahead;
#pragma GCC unroll 4
  for (std::int64_t d = block.depth; d > 0; --d, x += kImages, w += kColumns, ahead += block.ahead_step) {
    Vector weights[kVectors];
#pragma GCC unroll 2
    for (int k = 0; k < kVectors; ++k) weights[k] = Ops::load(w + k * Ops::kLanes);
#pragma GCC unroll 2
    for (int line = 0; line < kColumns; line += kLine) __builtin_prefetch(ahead + line);
#pragma GCC unroll 16
    for (int n = 0; n < kImages; ++n) {
      const Vector value = Ops::all(x[n]);
#pragma GCC unroll 2
      for (int k = 0; k < kVectors; ++k) sums[n][k] = Ops::multiply_add(value, weights[k], sums[n][k]);
    }
  }

#pragma GCC unroll 16
  for (int n = 0; n < kImages; ++n)
#pragma GCC unroll 2
    for (int k = 0; k < kVectors; ++k)
      Ops::store(block.output + n * block.output_stride + k * Ops::kLanes,
                 activate<Ops>(sums[n][k], block.activation));
}

/// Fills the table's column of blocks of 1..kImages images.
template <class Ops, int kImages, int kColumnBlocks>
constexpr void set_blocks(MicroKernels& kernels) {
  kernels.multiply[kColumnBlocks - 1][kImages - 1] = multiply<Ops, kImages, kColumnBlocks * 16 / Ops::kLanes>;
  if constexpr (kImages > 1) set_blocks<Ops, kImages - 1, kColumnBlocks>(kernels);
}

}  // namespace octet::kernels::fully_connected_f32
