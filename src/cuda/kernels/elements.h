// How maps become parameters of element-wise device functions.
#pragma once

#include "cuda/device/elements.h"
#include "cuda/kernels/parameters.h"

namespace octet::cuda {

/// The output, and how many items there are.
inline void set_elements(device::ElementsParams& p, const kernels::Operand& output,
                         const kernels::FeatureMap& map, int images) {
  const std::int64_t size = static_cast<std::int64_t>(size_of(map.type));
  p.output = bytes_of(output);
  p.output_image = image_bytes(output, map);
  p.output_step = to_int(map.pixel_step());
  p.pixels = to_int(map.pixels());
  p.channels = to_int(map.channels);
  if (map.type == DataType::kFloat32) {
    p.groups = to_int(map.blocks());
    p.items = images * map.blocks() * map.pixels() * 4;
  } else {
    p.groups = to_int(map.padded_channels() * size / 16);
    p.items = images * map.pixels() * p.groups;
    p.padding = map.quantization.zero_point;
  }
}

/// The next input; `step` as in device::ElementsInput, of FP32 0 or 1.
inline device::ElementsInput& add_input(device::ElementsParams& p, const kernels::Operand& operand,
                                        const kernels::FeatureMap& map, std::int64_t step) {
  device::ElementsInput& input = p.inputs[p.input_count++];
  input.data = bytes_of(operand);
  input.image = image_bytes(operand, map);
  input.step = to_int(step);
  return input;
}

inline device::Relu relu_of(const std::optional<kernels::ReluDesc>& relu) {
  return relu ? device::Relu{relu->slope == 0 ? 1 : 2, relu->slope, relu->limit} : device::Relu{0, 0, 0};
}

/// What an element-wise kernel of these inputs and output takes.
inline double microseconds_of_elements(const kernels::FeatureMap& map, std::int64_t inputs) {
  return microseconds_of_bytes(map.bytes() * (inputs + 1));
}

}  // namespace octet::cuda
