// The last step of the family's operations, from a layer's output map and ReLU.
#pragma once

#include <optional>

#include "kernels/eltwise_i8/contract.h"
#include "kernels/integer/arithmetic.h"
#include "kernels/op_desc.h"

namespace octet::kernels {

inline EltwiseI8Finish finish_of(const FeatureMap& output, const std::optional<ReluDesc>& relu) {
  const bool leaky = relu && relu->slope != 0;
  const integer::Range range = integer::range_of(output, relu);
  return {range.low, range.high, static_cast<float>(output.quantization.zero_point), leaky ? relu->slope : 0,
          leaky};
}

/// Maps of the same sizes, both kUInt8 or both kInt16.
inline bool are_alike(const FeatureMap& a, const FeatureMap& b) {
  return a.same_sizes(b) && a.type == b.type && (a.type == DataType::kUInt8 || a.type == DataType::kInt16);
}

}  // namespace octet::kernels
