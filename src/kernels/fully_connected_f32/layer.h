// What the reference and the fast kernels of fully connected layers share: which layers they compute, the
// order of the depth, and what a layer costs.
#pragma once

#include <cstdint>

#include "kernels/op_desc.h"

namespace octet::kernels::fully_connected_f32 {

/// The family's description if the kernels can compute it, else null.
const FullyConnectedDesc* as_fully_connected(const OpDesc& op);

/// Estimated microseconds of one image on one core that multiplies at `gflops`: the arithmetic, or the
/// reading of the weights once for `images` images, whichever is longer.
double microseconds(const FullyConnectedDesc& desc, int images, double gflops);

/// Calls visit(place, feature) for every value of channels [begin, end) of an image: where it is stored, and
/// its number in NCHW order. Padding lanes are left out.
template <class Visit>
void for_each_feature(const FeatureMap& map, std::int64_t begin, std::int64_t end, Visit&& visit) {
  const std::int64_t pixels = map.pixels();
  const bool blocked = map.layout == Layout::kNchw16c;
  const std::int64_t step = blocked ? kChannelBlock : 1;
  for (std::int64_t c = begin; c < end; ++c) {
    const std::int64_t first = blocked ? c / step * step * pixels + c % step : c * pixels;
    for (std::int64_t p = 0; p < pixels; ++p) visit(first + p * step, c * pixels + p);
  }
}

}  // namespace octet::kernels::fully_connected_f32
