// The ReLU that kernels fuse into their last step, in the form that costs least there: one maximum for none
// and for the plain ReLU, and a branch that predicts well for a slope. A NaN passes through.
#pragma once

namespace octet::kernels {

struct Activation {
  float lower_bound;  // -infinity: no ReLU
  float slope;        // of the negative side; 0: the bound alone decides
};

constexpr Activation make_activation(bool relu, float slope) {
  return {relu ? 0.0f : -__builtin_huge_valf(), relu ? slope : 0.0f};
}

/// Ops: one of vector_*.h beside this.
template <class Ops>
[[gnu::always_inline]] inline typename Ops::Vector activate(typename Ops::Vector x, Activation activation) {
  if (activation.slope == 0.0f) return Ops::at_least(Ops::all(activation.lower_bound), x);
  const auto zero = Ops::zero();
  return Ops::multiply_add(Ops::all(activation.slope), Ops::at_most(zero, x), Ops::at_least(zero, x));
}

}  // namespace octet::kernels
