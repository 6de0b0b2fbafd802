#include "kernels/fully_connected_dot/layer.h"

#include <algorithm>

#include "kernels/conv_dot/convolution.h"
#include "kernels/integer/padding.h"

namespace octet::kernels::fully_connected_dot {

const FullyConnectedDesc* as_fully_connected(const OpDesc& op, DataType input) {
  const auto* desc = std::get_if<FullyConnectedDesc>(&op);
  if (desc == nullptr || desc->output.pixels() != 1) return nullptr;
  if (conv_dot::as_convolution(to_convolution(*desc), input) == nullptr) return nullptr;
  if (!integer::has_valid_quantization(desc->input) || !integer::has_valid_quantization(desc->output))
    return nullptr;
  // Values are read four bytes at a time, and outputs written 16 channels at a time.
  const std::int64_t pixel_bytes =
      desc->input.pixel_step() * static_cast<std::int64_t>(size_of(desc->input.type));
  const bool readable = pixel_bytes % 4 == 0 && desc->input.pixel_step() >= desc->input.channels;
  return readable && desc->output.padded_channels() % kChannelBlock == 0 ? desc : nullptr;
}

ConvDesc to_convolution(const FullyConnectedDesc& desc) {
  ConvDesc conv;
  conv.input = desc.input;
  conv.output = desc.output;
  conv.window.kernel_h = desc.input.height;
  conv.window.kernel_w = desc.input.width;
  conv.has_bias = desc.has_bias;
  conv.relu = desc.relu;
  return conv;
}

double cost(const OpDesc& op, int images, DataType input, double gops) {
  constexpr double kMemoryGigabytes = 10;  // a second and core
  const FullyConnectedDesc* desc = as_fully_connected(op, input);
  if (desc == nullptr) return -1;
  const double macs = conv_dot::macs(to_convolution(*desc));
  const double bytes = macs * (input == DataType::kUInt8 ? 1 : 2);
  return std::max(conv_dot::microseconds(macs, gops), bytes / (kMemoryGigabytes * 1e3) / std::max(images, 1));
}

}  // namespace octet::kernels::fully_connected_dot
