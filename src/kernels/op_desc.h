// What a kernel is asked to compute: one plain struct an operation, with everything that decides selection
// and packing and nothing else (no pointers, no names). Families read their own; the registry sees the
// variant.
//
// The maps' types tell FP32, integer and BF16 families apart: FP32 maps are kNchw or kNchw16c, all others
// kNhwc. What the integer operations compute, to the bit, is written in kernels/integer/arithmetic.h.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <variant>
#include <vector>

#include "kernels/layout.h"

namespace octet::kernels {

/// y = min(max(x, 0) + slope * min(x, 0), limit); slope 0 without a limit is the plain ReLU. The limit is
/// above 0, so that zeros stay zeros.
struct ReluDesc {
  float slope = 0;
  float limit = std::numeric_limits<float>::infinity();
  bool operator==(const ReluDesc&) const = default;
};

struct WindowDesc {
  std::int64_t kernel_h = 1, kernel_w = 1;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  std::int64_t dilation_h = 1, dilation_w = 1;
  bool operator==(const WindowDesc&) const = default;
};

/// inputs[0]: kNchw or kNchw16c; output kNchw16c. inputs[1], if `residual`: like the output, added before
/// `relu`. weights: {out, in / groups, kh, kw} and, if has_bias, {out}.
///
/// Input kUInt8 or kInt16 (kNhwc): integer arithmetic, IntegerWeights; output of the input's type (kNhwc), or
/// FP32 (kNchw16c), not quantised. Input kBFloat16 (kNhwc): FP32 weights and bias, which pack() rounds to
/// BF16 (the bias stays FP32); output kBFloat16 or FP32. `residual_map` has the output's sizes, type and
/// layout, but a quantisation and pixel stride of its own.
struct ConvDesc {
  FeatureMap input, output;
  WindowDesc window;
  std::int64_t groups = 1;
  bool has_bias = false;  // FP32 and BF16; integer weights always have one
  bool residual = false;
  std::optional<ReluDesc> relu;
  FeatureMap residual_map = {};
  bool bias_map = false;  // integer: a bias for each output pixel (IntegerWeights::bias_map)
  /// kUInt8: values of the halo, by input channel; empty: the input's zero point.
  std::vector<std::uint8_t> halo = {};
};

/// Input: the feature map as it lies (kNchw16c or kNchw); features are numbered in NCHW order, so packing
/// permutes the weights' columns to the input's layout. Output: kNchw16c of H = W = 1. weights: {out, in}
/// and, if has_bias, {out}. Integer and BF16 as with ConvDesc, the input kNhwc.
struct FullyConnectedDesc {
  FeatureMap input, output;
  bool has_bias = false;
  std::optional<ReluDesc> relu;
};

enum class PoolKind { kMax, kAverage };
enum class AverageDivisor { kPaddedWindow, kValidOnly };
/// Input and output kNchw16c, or both kNhwc of one type; a maximum has the input's quantisation, and an
/// average of kUInt8 may be FP32 (kNchw16c). The output size is given (rounding already decided); windows are
/// clipped to the input; kPaddedWindow divides by the part of the window inside the input extended by the
/// padding.
struct PoolDesc {
  FeatureMap input, output;
  WindowDesc window;
  PoolKind kind = PoolKind::kMax;
  AverageDivisor divisor = AverageDivisor::kPaddedWindow;
};

/// Input `map` and output kNchw16c of the same shape. kUInt8 (kNhwc): `output` is like `map` with a
/// quantisation and pixel stride of its own; FP32 kernels take `map` for both.
struct LrnDesc {
  FeatureMap map;
  bool across_channels = true;  // false: within one channel, a size x size window
  std::int64_t size = 5;
  float alpha = 1, beta = 0.75f, k = 1;
  FeatureMap output = {};
};

enum class EltwiseKind { kSum, kProduct, kMax, kMin, kQuotient };
/// 2 or more inputs and the output `map`. `input_maps` has one entry an input, with its own quantisation and
/// pixel stride (kNhwc); it has the output's sizes, or one pixel of as many channels, which is repeated over
/// the output's. In FP32 it may be empty: all inputs are like `map`.
struct EltwiseDesc {
  FeatureMap map;
  EltwiseKind kind = EltwiseKind::kSum;
  std::vector<float> coefficients;  // of a sum, one an input; empty: all 1
  int inputs = 2;
  std::optional<ReluDesc> relu;
  std::vector<FeatureMap> input_maps = {};
};

/// y = relu(x * scale[c] + shift[c]). weights: {scale {C}, shift {C}}; either span may be empty (1 and 0).
/// With both empty it is a plain ReLU. kUInt8 (kNhwc): `map` is the input, `output` as in LrnDesc; FP32
/// weights.
struct ChannelAffineDesc {
  FeatureMap map;
  std::optional<ReluDesc> relu;
  FeatureMap output = {};
};

enum class ActivationFunction { kSigmoid, kTanh, kHardSigmoid, kHardSwish, kClip, kRounding };
/// y = f(x) for every value; `a` and `b` as in graph::Activation. Input `map` and output kNchw16c of the same
/// shape. kUInt8 (kNhwc): `map` is the input, `output` as in LrnDesc.
struct ActivationDesc {
  FeatureMap map;
  ActivationFunction function = ActivationFunction::kSigmoid;
  float a = 0, b = 0;
  FeatureMap output = {};
};

/// Output channel k * groups + g of every pixel is input channel g * (channels / groups) + k. Input `map` and
/// output both kNchw16c or both kNhwc of one type and quantisation; the output may have a pixel stride of its
/// own.
struct ChannelShuffleDesc {
  FeatureMap map;
  std::int64_t groups = 1;
  FeatureMap output = {};
};

/// `value` around the input, `top` rows above and `left` columns before it; what is behind follows from the
/// output's sizes. Input and output both kNchw16c or both kNhwc of one type and quantisation; the output may
/// have a pixel stride of its own.
struct PadDesc {
  FeatureMap input, output;
  std::int64_t top = 0, left = 0;
  float value = 0;
};

/// Over channels, for each pixel on its own. Input and output kNchw16c.
struct SoftmaxDesc {
  FeatureMap map;
  bool logarithm = false;  // of the softmax
};

/// Copies values from one layout and type to another, or into a channel range of a concatenation. Same
/// height, width and channels, except that a kNchw16c output may be a wider tensor (the whole, from the block
/// that the output operand points to): channel_offset is then the first of its channels to write. Only the
/// input's lanes are written; the copy that ends at output.channels also zeroes the padding lanes behind it.
/// Between kNhwc maps channel_offset counts in the output, which is the whole concatenation (its pixel
/// stride). From kNchw16c to kNchw16c, input_lane is the lane of the input's first block in which the
/// channels to copy begin.
///
/// Types: FP32 to and from kUInt8, kInt16 and kBFloat16 by their quantisation, and each of these to itself
/// (kUInt8 and kInt16 requantised where the two differ).
///
/// `pixels`: pictures, whose FP32 form is less a mean. FP32 (kNchw) -> kUInt8 (kNhwc, scale 1, pixel_stride
/// 4): bytes = x + mean; kUInt8 of pixel_stride 3 (the caller's) -> kUInt8 of 4: copied; kUInt8 of
/// pixel_stride 3 -> FP32 (kNchw16c or kNchw): byte - mean. pack() gets the mean, {C} or {C, H, W} floats,
/// for the first and last.
struct ReformatDesc {
  FeatureMap input, output;
  std::int64_t channel_offset = 0;
  bool pixels = false;
  std::int64_t input_lane = 0;
};

using OpDesc = std::variant<ConvDesc, FullyConnectedDesc, PoolDesc, LrnDesc, EltwiseDesc, ChannelAffineDesc,
                            ActivationDesc, ChannelShuffleDesc, PadDesc, SoftmaxDesc, ReformatDesc>;

}  // namespace octet::kernels
