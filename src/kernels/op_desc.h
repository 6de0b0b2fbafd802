// What a kernel is asked to compute: one plain struct a family, with everything that decides selection and
// packing and nothing else (no pointers, no names). Families read their own; the registry sees the variant.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "kernels/layout.h"

namespace octet::kernels {

/// y = max(x, 0) + slope * min(x, 0); slope 0 is the plain ReLU.
struct ReluDesc {
  float slope = 0;
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
struct ConvDesc {
  FeatureMap input, output;
  WindowDesc window;
  std::int64_t groups = 1;
  bool has_bias = false;
  bool residual = false;
  std::optional<ReluDesc> relu;
};

/// Input: the feature map as it lies (kNchw16c or kNchw); features are numbered in NCHW order, so packing
/// permutes the weights' columns to the input's layout. Output: kNchw16c of H = W = 1. weights: {out, in}
/// and, if has_bias, {out}.
struct FullyConnectedDesc {
  FeatureMap input, output;
  bool has_bias = false;
  std::optional<ReluDesc> relu;
};

enum class PoolKind { kMax, kAverage };
enum class AverageDivisor { kPaddedWindow, kValidOnly };
/// Input and output kNchw16c. The output size is given (rounding already decided); windows are clipped to the
/// input; kPaddedWindow divides by the part of the window inside the input extended by the padding.
struct PoolDesc {
  FeatureMap input, output;
  WindowDesc window;
  PoolKind kind = PoolKind::kMax;
  AverageDivisor divisor = AverageDivisor::kPaddedWindow;
};

/// Input and output kNchw16c of the same shape.
struct LrnDesc {
  FeatureMap map;
  bool across_channels = true;  // false: within one channel, a size x size window
  std::int64_t size = 5;
  float alpha = 1, beta = 0.75f, k = 1;
};

enum class EltwiseKind { kSum, kProduct, kMax };
/// 2 or more inputs and an output, all of shape `map`.
struct EltwiseDesc {
  FeatureMap map;
  EltwiseKind kind = EltwiseKind::kSum;
  std::vector<float> coefficients;  // of a sum, one an input; empty: all 1
  int inputs = 2;
  std::optional<ReluDesc> relu;
};

/// y = relu(x * scale[c] + shift[c]). weights: {scale {C}, shift {C}}; either span may be empty (1 and 0).
/// With both empty it is a plain ReLU.
struct ChannelAffineDesc {
  FeatureMap map;
  std::optional<ReluDesc> relu;
};

/// Over channels, for each pixel on its own. Input and output kNchw16c.
struct SoftmaxDesc {
  FeatureMap map;
};

/// Copies values from one layout to another, or into a channel range of a concatenation. Same height, width
/// and channels, except that a kNchw16c output may be a wider tensor (the whole, from the block that the
/// output operand points to): channel_offset is then the first of its channels to write. Only the input's
/// lanes are written; the copy that ends at output.channels also zeroes the padding lanes behind it.
struct ReformatDesc {
  FeatureMap input, output;
  std::int64_t channel_offset = 0;
};

using OpDesc = std::variant<ConvDesc, FullyConnectedDesc, PoolDesc, LrnDesc, EltwiseDesc, ChannelAffineDesc,
                            SoftmaxDesc, ReformatDesc>;

}  // namespace octet::kernels
