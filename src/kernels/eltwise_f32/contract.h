// Two families of operations that treat every value by itself, on kNchw16c maps:
//
//   eltwise         y = relu(a combination of two or more maps): sum, weighted sum, product,
//                   maximum, minimum or quotient
//   channel affine  y = relu(x * scale[c] + shift[c])
//
// The unit of work is a run of vectors of 16 floats (pixels of a channel block); the Kernel classes split the
// images into such runs. Output and any input may be the same memory. Inputs are combined in their order and
// every product and sum is rounded by itself, so the result is the same to the bit on every instruction set
// (but for the sign of a zero that is the maximum or minimum of zeros). A NaN stays one. Padding lanes are
// zero because the inputs' are: a combination of zeros is zero, and scale and shift are packed with zeros
// there. Only behind a quotient the driver writes them.
#pragma once

#include <cstdint>

namespace octet::kernels {

/// Which ReLU ends the operation: an index into the tables below. Those that are one have a limit, which may
/// be infinity.
enum ReluForm { kNoRelu, kPlainRelu, kLeakyRelu, kReluForms };
struct ReluParameters {
  float slope;  // of a leaky ReLU
  float limit;
};

struct EltwiseRun {
  const float* const* inputs;
  const float* coefficients;  // of a weighted sum, one an input
  std::int64_t input_count;   // >= 2
  float* output;
  std::int64_t vectors;
  ReluParameters relu;
};
using EltwiseFunction = void (*)(const EltwiseRun& run);

struct AffineRun {
  const float* input;
  float* output;
  const float* scale;  // 16 floats, those of the channel block
  const float* shift;
  std::int64_t vectors;
  ReluParameters relu;
};
using AffineFunction = void (*)(const AffineRun& run);

struct EltwiseF32Functions {
  EltwiseFunction sum[kReluForms];
  EltwiseFunction weighted_sum[kReluForms];
  EltwiseFunction product[kReluForms];
  EltwiseFunction max[kReluForms];
  EltwiseFunction min[kReluForms];
  EltwiseFunction quotient[kReluForms];
  AffineFunction affine[kReluForms];
};

extern const EltwiseF32Functions kEltwiseF32Generic;
extern const EltwiseF32Functions kEltwiseF32Avx2;
extern const EltwiseF32Functions kEltwiseF32Avx512;

}  // namespace octet::kernels
