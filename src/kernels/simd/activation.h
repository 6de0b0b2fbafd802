// The ReLU that kernels fuse into their last step, in the form that costs least there: one maximum and one
// minimum for none and for a ReLU without a slope, and a branch that predicts well for a slope. A NaN passes
// through.
#pragma once

namespace octet::kernels {

struct Activation {
  float lower_bound;  // -infinity: no ReLU
  float upper_bound;  // infinity: no limit
  float slope;        // of the negative side; 0: the bounds alone decide
};

inline constexpr Activation kNoActivation{-__builtin_huge_valf(), __builtin_huge_valf(), 0};

/// Ops: one of vector_*.h beside this.
template <class Ops>
[[gnu::always_inline]] inline typename Ops::Vector activate(typename Ops::Vector x, Activation activation) {
  const auto upper = Ops::all(activation.upper_bound);
  if (activation.slope == 0.0f)
    return Ops::at_most(upper, Ops::at_least(Ops::all(activation.lower_bound), x));
  const auto zero = Ops::zero();
  return Ops::at_most(
      upper, Ops::multiply_add(Ops::all(activation.slope), Ops::at_most(zero, x), Ops::at_least(zero, x)));
}

}  // namespace octet::kernels
