// The fused ReLU of a description, as the FP32 kernels' last step takes it.
#pragma once

#include <optional>

#include "kernels/op_desc.h"
#include "kernels/simd/activation.h"

namespace octet::kernels {

inline Activation activation_of(const std::optional<ReluDesc>& relu) {
  return relu ? Activation{0, relu->limit, relu->slope} : kNoActivation;
}

}  // namespace octet::kernels
