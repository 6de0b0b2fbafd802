// How a pooling's windows meet the border, which does not depend on the type of the values: both pooling
// families walk their rows by it.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/op_desc.h"

namespace octet::kernels {

/// One axis of the window: [begin, end) of input positions under an output position, clipped to the input,
/// and what an average divides by along this axis.
struct PoolExtent {
  std::int64_t begin, end;
  std::int64_t divisor;
};

struct PoolWindows {
  explicit PoolWindows(const PoolDesc& desc);

  std::vector<PoolExtent> rows;  ///< one an output row
  /// Output columns whose windows lie inside the input.
  std::int64_t interior_begin = 0, interior_end = 0;

  // Of averages, after prepare_factors(): a row of factors for each divisor that occurs along the vertical
  // axis (few: the borders' and one).
  std::vector<float> factors;
  std::vector<std::int64_t> factor_rows;  ///< of each output row

  /// `factor_of`: what a sum is multiplied by, given how many values it is divided by.
  void prepare_factors(const PoolDesc& desc, const std::function<float(std::int64_t)>& factor_of);
};

}  // namespace octet::kernels
