// What subtracting the mean from a picture adds to a first layer's sums, so that the layer can work on the
// picture's bytes: -sum over taps of weight * mean, one number an output channel or, with a mean image, one
// an output pixel. In units of a weight's integer times a byte.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "graph/graph.h"

namespace octet::quantize {

/// A first layer as the mean sees it. A fully connected layer is a window as large as the input.
struct PixelGeometry {
  std::int64_t in_channels = 0, in_height = 0, in_width = 0;
  std::int64_t out_channels = 1, out_height = 1, out_width = 1;
  std::int64_t group_channels = 0;  // input channels that one output channel reads
  graph::Window window = {};

  std::int64_t taps() const { return group_channels * window.kernel_h * window.kernel_w; }
  std::int64_t out_pixels() const { return out_height * out_width; }
  /// Input channel of the first tap of output channel k.
  std::int64_t first_channel(std::int64_t k) const {
    return k / (out_channels * group_channels / in_channels) * group_channels;
  }
};

/// -sum of weights * mean for output channel k; `mean`: one value a channel; `weights`: taps() integers.
double channel_mean_bias(const PixelGeometry& geometry, std::int64_t k, std::span<const std::int8_t> weights,
                         std::span<const float> mean);

/// The same for every output pixel with a mean image {C, H, W}; taps in the halo count nothing. Adds to
/// `map` (out_pixels() values).
void add_mean_image_bias(const PixelGeometry& geometry, std::int64_t k, std::span<const std::int8_t> weights,
                         std::span<const float> mean, std::span<double> map);

}  // namespace octet::quantize
