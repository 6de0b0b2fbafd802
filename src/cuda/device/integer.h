// The integer arithmetic of kernels/integer/arithmetic.h, which has the reasons, on a device.
#pragma once

#include "cuda/device/base.h"

namespace octet::cuda::device {

/// round_half_even(min(max(t, low), high)); a NaN becomes `low`.
OCTET_DEVICE s32 to_integer(float t, float low, float high) {
  return static_cast<s32>(round_even(smaller(larger(low, t), high)));
}

/// How a real in units of the output's integers becomes one of them.
struct Finish {
  float low, high;  ///< bounds, a ReLU's among them
  float zero;       ///< the output's zero point
  float slope;      ///< of a leaky ReLU
  s32 leaky;        ///< 0 or 1
};
OCTET_DEVICE s32 finish(float t, const Finish& f) {
  if (f.leaky != 0 && t < f.zero) t = fused(t - f.zero, f.slope, f.zero);
  return to_integer(t, f.low, f.high);
}

}  // namespace octet::cuda::device
