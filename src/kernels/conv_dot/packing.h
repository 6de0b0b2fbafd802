// Packed weights of a layer for the micro-kernels of one instruction set (the order is contract.h's): how the
// output channels are cut into panels, where each part lies in the packed bytes, and the packing itself.
//
//   [flags of each panel, 4 bytes][bias][multipliers][panels]      each part on a 64-byte boundary
//
// The bias is s32 (BF16: float), one a lane, or with a bias map one a pixel and lane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/conv_dot/contract.h"
#include "kernels/kernel.h"
#include "kernels/op_desc.h"

namespace octet::kernels::conv_dot {

/// What a tap is: one kernel position and its channels, padded to whole groups; or a whole kernel row of a
/// picture whose pixels lie without padding, so that a window of 3 channels does not pay for 4.
enum class Tap { kPosition, kRow };

/// kRow for the few channels of a picture where that takes fewer groups.
Tap tap_of(const ConvDesc& desc);
/// Taps of a window, and groups (see contract.h) of a tap.
std::int64_t taps_of(const ConvDesc& desc, Tap tap);
std::int64_t tap_groups_of(const ConvDesc& desc, Tap tap);

/// Output channels [channel, channel + lanes), all of one group of the convolution.
struct Panel {
  std::int64_t group = 0;
  std::int64_t channel = 0;
  int lanes = 0;
  std::int64_t weights = 0;  ///< place in the packed bytes
};

/// `channels` (a multiple of 16) in panels of `lanes`, the last one narrower. A rest of 16 is evened out with
/// the panel before it, since so narrow a panel leaves most registers empty.
std::vector<int> cut_into_panels(std::int64_t channels, int lanes);

/// Lanes before each panel, and at last all: what work_share.h asks for.
std::vector<std::int64_t> lanes_before(const std::vector<Panel>& panels);

class PackedWeights {
 public:
  /// `lanes` of a whole panel. Groups of the convolution must be whole blocks of 16 output channels.
  PackedWeights(const ConvDesc& desc, int lanes, Tap tap);

  std::size_t bytes() const { return static_cast<std::size_t>(bytes_); }
  const std::vector<Panel>& panels() const { return panels_; }
  /// Groups (see contract.h) of a tap.
  std::int64_t tap_groups() const { return tap_groups_; }
  /// Elements of one of them.
  std::int64_t group_elements() const { return element_ == Element::kU8 ? 4 : 2; }

  void pack(const IntegerWeights& weights, std::span<std::byte> packed) const;
  /// BF16: FP32 weights, and a bias or an empty span.
  void pack(std::span<const float> weights, std::span<const float> bias, std::span<std::byte> packed) const;

  // Reading what was packed.
  /// True if the panel needs the exact micro-kernels (see ElementKernels).
  static bool exact(const std::byte* packed, std::size_t panel);
  /// True if no accumulator times its multiplier reaches 2^30 + 1.
  static bool bounded(const std::byte* packed, std::size_t panel);
  const std::byte* bias(const std::byte* packed) const { return packed + bias_; }
  std::int64_t bias_pixel_bytes() const { return bias_map_ ? padded_outputs_ * 4 : 0; }
  const float* multipliers(const std::byte* packed) const {
    return reinterpret_cast<const float*>(packed + multipliers_);
  }

 private:
  template <class Weight, class Convert>
  void pack_panel(const Panel& panel, std::span<const Weight> weights, Convert convert, std::byte* to) const;
  template <class Weight>
  std::vector<Weight> by_rows(std::span<const Weight> weights) const;
  std::int64_t panel_bytes(int lanes) const { return taps_ * tap_groups_ * lanes * 4; }

  Element element_;
  Tap tap_;
  std::int64_t row_positions_;  // kernel positions of a tap
  std::int64_t values_, taps_;  // of a tap, without padding; of a window
  std::int64_t outputs_, group_outputs_, padded_outputs_, pixels_;
  bool bias_map_;
  std::int64_t tap_groups_;
  std::vector<Panel> panels_;
  std::int64_t bias_ = 0, multipliers_ = 0, bytes_ = 0;
};

/// True if some pair of neighbouring weights (of bytes 0, 1 or 2, 3 of a group) could take a 16-bit sum of
/// products with u8 out of its range.
bool can_saturate(const std::byte* weights, std::int64_t bytes);

}  // namespace octet::kernels::conv_dot
