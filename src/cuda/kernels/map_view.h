// Maps and operands as device/map_view.h takes them.
#pragma once

#include "cuda/device/map_view.h"
#include "cuda/kernels/parameters.h"
#include "kernels/kernel.h"

namespace octet::cuda {

/// FP32 as device functions take it.
inline bool is_real_map(const kernels::FeatureMap& map) {
  return map.type == DataType::kFloat32 && map.layout == kernels::Layout::kNchw16c;
}

/// Of a kNhwc or kNchw16c map.
inline device::MapView view_of(const kernels::Operand& operand, const kernels::FeatureMap& map) {
  const bool blocked = map.layout == kernels::Layout::kNchw16c;
  const auto size = static_cast<std::int64_t>(size_of(map.type));
  return {operand.bytes(), operand.image_stride * size,
          kernels::kChannelBlock * (blocked ? map.pixels() : 1) * size,
          static_cast<std::int32_t>((blocked ? kernels::kChannelBlock : map.pixel_step()) * size)};
}

/// Groups of 16 bytes that the channels of a pixel are.
inline std::int32_t groups_of(const kernels::FeatureMap& map) {
  return static_cast<std::int32_t>(map.padded_channels() * static_cast<std::int64_t>(size_of(map.type)) / 16);
}

/// Launches a function whose items are groups of 16 bytes of a pixel of the output, with what its parameters
/// (`in`, `out`, `items`, `groups`) need of a call.
template <class Params>
void launch_on_views(const kernels::Call& call, Launcher& launcher, Function function, Params params,
                     const kernels::FeatureMap& in, const kernels::FeatureMap& out) {
  params.in = view_of(call.inputs[0], in);
  params.out = view_of(call.output, out);
  params.items = call.images * out.pixels() * params.groups;
  launcher.launch(function, grid_of_items(params.items, function), params);
}

}  // namespace octet::cuda
