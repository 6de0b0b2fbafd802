// Factors of the family's inputs, from their quantisations (kernels/integer/arithmetic.h).
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "kernels/eltwise_i8/contract.h"
#include "kernels/integer/arithmetic.h"
#include "kernels/op_desc.h"

namespace octet::kernels {

/// Sets pixel_step, scale and offset of each input; returns EltwiseI8Run::scale.
inline float set_factors(const EltwiseDesc& desc, std::span<EltwiseI8Input> inputs) {
  const Quantization& out = desc.map.quantization;
  float constant = static_cast<float>(out.zero_point), product = 1;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const FeatureMap& map = desc.input_maps[i];
    const Quantization& q = map.quantization;
    EltwiseI8Input& input = inputs[i];
    input.pixel_step = is_repeated_over(map, desc.map) ? 0 : map.pixel_step();
    if (desc.kind == EltwiseKind::kSum) {
      input.scale = (desc.coefficients.empty() ? 1.0f : desc.coefficients[i]) * (q.scale / out.scale);
      constant = std::fmaf(-input.scale, static_cast<float>(q.zero_point), constant);
    } else if (desc.kind == EltwiseKind::kProduct) {
      input.offset = static_cast<float>(q.zero_point);
      product = i == 0 ? q.scale / out.scale : product * q.scale;
    } else {
      const integer::Rescale rescale = integer::rescale(q, out);
      input.scale = rescale.scale, input.offset = rescale.offset;
    }
  }
  if (desc.kind == EltwiseKind::kSum) inputs[0].offset = constant;
  return product;
}

}  // namespace octet::kernels
