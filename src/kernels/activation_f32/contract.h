// Functions of every value by itself, on kNchw16c maps: the functions of ActivationDesc.
//
//   sigmoid       1 / (1 + e^-x)                     relative error below 1e-6; no output is below 1e-38
//   tanh          (e^x - e^-x) / (e^x + e^-x)        relative error below 1e-6
//   hard sigmoid  min(max(a * x + b, 0), 1)          product and sum rounded
//   hard swish    x * min(max(x * (1 / 6) + 0.5, 0), 1)
//   clip          min(max(x, a), b)                  exact
//   rounding      a * round(min(max(x / a, -b), 255 - b))   quotient, then to nearest even, then product
//
// The vector code of all instruction sets does the same operations and gives the same bits; the generic code
// computes in double and rounds once. A NaN stays one. The unit of work is a run of vectors of 16 floats
// (pixels of a channel block). Input and output may be the same memory. f(0) need not be 0, so the outputs
// are multiplied by `lanes`, which keeps zeros in padding lanes.
#pragma once

#include <cstdint>

namespace octet::kernels {

struct ActivationF32Run {
  const float* input;
  float* output;
  std::int64_t vectors;
  const float* lanes;  // 16 factors: 1 for a channel, 0 for padding
  float a, b;
};
using ActivationF32Function = void (*)(const ActivationF32Run& run);

struct ActivationF32Functions {
  ActivationF32Function sigmoid, hyperbolic_tangent, hard_sigmoid, hard_swish, clip, rounding;
};

extern const ActivationF32Functions kActivationF32Generic;
extern const ActivationF32Functions kActivationF32Avx2;
extern const ActivationF32Functions kActivationF32Avx512;

}  // namespace octet::kernels
