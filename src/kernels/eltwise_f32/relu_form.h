// Which ReLU of contract.h a description asks for.
#pragma once

#include <optional>

#include "kernels/eltwise_f32/contract.h"
#include "kernels/op_desc.h"

namespace octet::kernels {

inline ReluForm form_of(const std::optional<ReluDesc>& relu) {
  return !relu ? kNoRelu : relu->slope == 0 ? kPlainRelu : kLeakyRelu;
}
inline ReluParameters parameters_of(const std::optional<ReluDesc>& relu) {
  return relu ? ReluParameters{relu->slope, relu->limit} : ReluParameters{};
}

}  // namespace octet::kernels
