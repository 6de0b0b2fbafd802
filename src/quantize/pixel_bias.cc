#include "quantize/pixel_bias.h"

#include <algorithm>

namespace octet::quantize {
namespace {

/// Outputs o in [begin, end) whose tap at `offset` (input position of output 0's tap) lies inside [0, size).
struct Inside {
  std::int64_t begin, end;
};
Inside outputs_inside(std::int64_t offset, std::int64_t stride, std::int64_t size, std::int64_t outputs) {
  const std::int64_t begin = offset < 0 ? (-offset + stride - 1) / stride : 0;
  const std::int64_t end = offset >= size ? 0 : (size - 1 - offset) / stride + 1;
  return {begin, std::min(end, outputs)};
}

}  // namespace

double channel_mean_bias(const PixelGeometry& geometry, std::int64_t k, std::span<const std::int8_t> weights,
                         std::span<const float> mean) {
  const std::int64_t window_taps = geometry.window.kernel_h * geometry.window.kernel_w;
  double bias = 0;
  for (std::int64_t c = 0; c < geometry.group_channels; ++c) {
    std::int64_t sum = 0;
    for (std::int64_t t = 0; t < window_taps; ++t)
      sum += weights[static_cast<std::size_t>(c * window_taps + t)];
    bias -= static_cast<double>(sum) *
            static_cast<double>(mean[static_cast<std::size_t>(geometry.first_channel(k) + c)]);
  }
  return bias;
}

void add_mean_image_bias(const PixelGeometry& g, std::int64_t k, std::span<const std::int8_t> weights,
                         std::span<const float> mean, std::span<double> map) {
  const graph::Window& w = g.window;
  const std::int8_t* weight = weights.data();
  for (std::int64_t c = 0; c < g.group_channels; ++c) {
    const float* plane = mean.data() + (g.first_channel(k) + c) * g.in_height * g.in_width;
    for (std::int64_t ky = 0; ky < w.kernel_h; ++ky) {
      const std::int64_t top = ky * w.dilation_h - w.pad_top;
      const Inside rows = outputs_inside(top, w.stride_h, g.in_height, g.out_height);
      for (std::int64_t kx = 0; kx < w.kernel_w; ++kx) {
        const auto factor = static_cast<double>(*weight++);
        const std::int64_t left = kx * w.dilation_w - w.pad_left;
        const Inside columns = outputs_inside(left, w.stride_w, g.in_width, g.out_width);
        for (std::int64_t y = rows.begin; y < rows.end; ++y) {
          const float* row = plane + (y * w.stride_h + top) * g.in_width + left;
          double* out = map.data() + y * g.out_width;
          for (std::int64_t x = columns.begin; x < columns.end; ++x)
            out[x] -= factor * static_cast<double>(row[x * w.stride_w]);
        }
      }
    }
  }
}

}  // namespace octet::quantize
