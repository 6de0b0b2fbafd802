#include "kernels/fully_connected_f32/layer.h"

#include <algorithm>

namespace octet::kernels::fully_connected_f32 {

const FullyConnectedDesc* as_fully_connected(const OpDesc& op) {
  const auto* desc = std::get_if<FullyConnectedDesc>(&op);
  if (!desc || desc->input.type != DataType::kFloat32 || desc->output.type != DataType::kFloat32)
    return nullptr;
  const bool vector = desc->output.layout == Layout::kNchw16c && desc->output.pixels() == 1;
  return vector ? desc : nullptr;
}

double microseconds(const FullyConnectedDesc& desc, int images, double gflops) {
  constexpr double kMemoryGigabytes = 10;  // a second and core
  const auto weights = static_cast<double>(desc.input.elements() * desc.output.padded_channels());
  const double arithmetic = 2 * weights / (gflops * 1e3);
  const double reading = weights * sizeof(float) / (kMemoryGigabytes * 1e3) / std::max(images, 1);
  return std::max(arithmetic, reading);
}

}  // namespace octet::kernels::fully_connected_f32
