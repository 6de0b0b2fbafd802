// Pooling in plain loops: runs everywhere, and what the fast files are compared with.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/layout.h"
#include "kernels/pool_f32/contract.h"

namespace octet::kernels {
namespace {

float max_or_nan(float a, float b) { return std::isnan(b) ? b : std::max(a, b); }

struct Columns {
  std::int64_t begin, end;
};
Columns columns_of(const PoolRow& row, std::int64_t out_x) {
  const std::int64_t x = out_x * row.stride_w - row.pad_left;
  return {std::max<std::int64_t>(x, 0), std::min(x + row.kernel_w, row.width)};
}

void max_row(const PoolRow& row) {
  for (std::int64_t out_x = 0; out_x < row.out_width; ++out_x) {
    const Columns columns = columns_of(row, out_x);
    const bool empty = columns.begin >= columns.end;
    float best[kChannelBlock];
    std::fill_n(best, kChannelBlock, empty ? 0.0f : -std::numeric_limits<float>::infinity());
    for (std::int64_t y = 0; y < row.rows; ++y)
      for (std::int64_t x = columns.begin; x < columns.end; ++x)
        for (std::int64_t lane = 0; lane < kChannelBlock; ++lane)
          best[lane] = max_or_nan(best[lane], row.input[y * row.row_pitch + x * kChannelBlock + lane]);
    std::copy_n(best, kChannelBlock, row.output + out_x * kChannelBlock);
  }
}

void average_row(const PoolRow& row) {
  for (std::int64_t out_x = 0; out_x < row.out_width; ++out_x) {
    const Columns columns = columns_of(row, out_x);
    float sum[kChannelBlock] = {};
    for (std::int64_t y = 0; y < row.rows; ++y)
      for (std::int64_t x = columns.begin; x < columns.end; ++x)
        for (std::int64_t lane = 0; lane < kChannelBlock; ++lane)
          sum[lane] += row.input[y * row.row_pitch + x * kChannelBlock + lane];
    for (std::int64_t lane = 0; lane < kChannelBlock; ++lane)
      row.output[out_x * kChannelBlock + lane] = sum[lane] * row.reciprocals[out_x];
  }
}

}  // namespace

const PoolF32Functions kPoolF32Generic = {max_row, average_row};

}  // namespace octet::kernels
