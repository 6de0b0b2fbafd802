#include "kernels/pool_windows.h"

#include <algorithm>

namespace octet::kernels {
namespace {

PoolExtent extent_of(std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t pad_before,
                     std::int64_t pad_after, std::int64_t size, AverageDivisor divisor) {
  const std::int64_t start = out * stride - pad_before;
  PoolExtent extent;
  extent.begin = std::clamp<std::int64_t>(start, 0, size);
  extent.end = std::clamp(start + kernel, extent.begin, size);
  const std::int64_t padded = std::min(start + kernel, size + pad_after) - start;
  const std::int64_t valid = extent.end - extent.begin;
  extent.divisor = std::max<std::int64_t>(divisor == AverageDivisor::kPaddedWindow ? padded : valid, 1);
  return extent;
}

}  // namespace

PoolWindows::PoolWindows(const PoolDesc& desc) {
  const WindowDesc& w = desc.window;
  const std::int64_t last_start = desc.input.width + w.pad_left - w.kernel_w;
  interior_begin = std::min((w.pad_left + w.stride_w - 1) / w.stride_w, desc.output.width);
  interior_end = last_start < 0 ? 0 : std::min(last_start / w.stride_w + 1, desc.output.width);
  interior_end = std::max(interior_end, interior_begin);
  for (std::int64_t y = 0; y < desc.output.height; ++y) {
    rows.push_back(
        extent_of(y, w.kernel_h, w.stride_h, w.pad_top, w.pad_bottom, desc.input.height, desc.divisor));
  }
}

void PoolWindows::prepare_factors(const PoolDesc& desc, const std::function<float(std::int64_t)>& factor_of) {
  const WindowDesc& w = desc.window;
  std::vector<std::int64_t> divisors;
  for (const PoolExtent& row : rows) {
    const auto found = std::find(divisors.begin(), divisors.end(), row.divisor);
    factor_rows.push_back(found - divisors.begin());
    if (found != divisors.end()) continue;
    divisors.push_back(row.divisor);
    for (std::int64_t x = 0; x < desc.output.width; ++x) {
      const PoolExtent column =
          extent_of(x, w.kernel_w, w.stride_w, w.pad_left, w.pad_right, desc.input.width, desc.divisor);
      factors.push_back(factor_of(row.divisor * column.divisor));
    }
  }
}

}  // namespace octet::kernels
