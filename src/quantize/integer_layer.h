// The integers of a convolution or fully connected layer, from its FP32 weights and the scales around it: one
// scale per output channel, biases in the accumulator's units, multipliers, and the proof that no accumulator
// overflows.
//
//   s_w[k] = max |w[k]| / 127, enlarged (doubled) where the channel's sums would not fit; for a channel of
//   zeros 1,
//            or, with a bias, what gives the bias 23 bits; where the weights came as integers, the scale that
//            they came with, so that they are these very integers
//   wq     = w / s_w[k] rounded to nearest even, or up or down as the calibration's rounding bits say
//   bias   = (b[k] + correction[k]) / (s_in * s_w[k]) - sum over taps of wq * z   rounded once, z as below
//   multiplier[k] = s_in * s_w[k] / s_out, or s_in * s_w[k] for FP32 output       computed in double, rounded
//   once
//
// z is the input's zero point; where the input holds pictures' bytes it is the mean (not an integer) of the
// tap's channel, or with a mean image of the very pixel, which makes the bias a map over the output's pixels.
// In a halo the input holds `halo_values`; a mean image's halo holds 0 and its taps count nothing. With one
// mean a channel the halo is the mean rounded, so an output at the border is off by at most 0.5 * sum of |w|
// over its halo taps (in units of a picture's bytes).
//
// Bound: qmax * sum|wq| + |bias| <= 2^31 - 1, qmax being 255 (kUInt8) or the limit (kInt16).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "kernels/kernel.h"
#include "kernels/layout.h"
#include "octet/calibration.h"

namespace octet::quantize {

/// Everything that a layer's integers follow from. Pointers and spans must outlive the call only.
struct IntegerLayerSpec {
  std::string where;                     ///< for messages: "deploy.prototxt:12: layer 'conv1'"
  std::span<const float> weights;        ///< {out, in / groups, kh, kw} or {out, in}
  std::span<const float> weight_scales;  ///< {out} where the weights came as integers times these; or empty
  std::span<const float> bias;           ///< {out} or empty
  std::int64_t out_channels = 1;
  kernels::Quantization input;
  DataType input_type = DataType::kUInt8;  ///< or kInt16
  DataType output_type =
      DataType::kUInt8;  ///< kUInt8, kInt16: the multiplier leads to `output`; kFloat32: to reals
  kernels::Quantization output;
  const LayerCalibration* calibration = nullptr;  ///< rounding bits and bias correction; may be null
  // Only of a first layer on pictures' bytes:
  std::span<const float> pixel_mean;  ///< {C} or {C, H, W}
  std::int64_t in_channels = 0, in_height = 0, in_width = 0;
  std::int64_t out_height = 1, out_width = 1;
  graph::Window window = {};
};

struct IntegerLayer {
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> bias;  ///< empty if there is a map
  std::vector<float> multipliers;
  std::vector<std::int32_t> bias_map;  ///< {out, out_height, out_width}, with a mean image
  std::vector<float> weight_scales;
  kernels::IntegerWeights view() const { return {weights, bias, multipliers, bias_map}; }
};

/// Throws Error: kMismatch (rounding bits or corrections of another size), kInvalidNetwork (weights NaN or
/// infinite), kUnsupported where the accumulator bound cannot be kept, naming `where` and the channel.
IntegerLayer make_integer_layer(const IntegerLayerSpec& spec);

/// Halo of a first layer on pictures' bytes, one a channel: the rounded mean; zeros where the mean is an
/// image.
std::vector<std::uint8_t> pixel_halo(std::span<const float> pixel_mean, std::int64_t channels);

/// Largest |q| that a layer of these weights can take as kInt16 input without overflow, at most 32767.
std::int32_t int16_limit(std::span<const float> weights, std::span<const float> bias,
                         std::int64_t out_channels, float largest_input);

}  // namespace octet::quantize
