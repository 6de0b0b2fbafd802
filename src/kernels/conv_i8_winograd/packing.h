// Packed weights of exact INT8 Winograd: the condition of contract.h, and U in the order in which it is read.
//
//   [flags of each panel, 4 bytes][first sums][bias][multipliers][panels]     each part on a 64-byte boundary
//
// A panel: [point][subwindow that has it][pair of input channels][lane][2] s16, what conv_dot's micro-kernels
// for s16 take as 36 layers of as many taps as subwindows. Of W, kept of windows of 3x3 only, it is [row of
// points][3][pair][lane][2]. First sums (of point (1, 1)) and bias (the centre added) are s32, one a lane.
// Lanes beyond the last output channel, and a pair's second channel beyond the last input channel, have zero
// weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/conv_dot/packing.h"
#include "kernels/conv_i8_winograd/contract.h"
#include "kernels/conv_i8_winograd/subwindows.h"
#include "kernels/kernel.h"
#include "kernels/op_desc.h"

namespace octet::kernels::conv_i8_winograd {

/// The least and the most that an output channel's products can add up to, whatever bytes the input holds.
struct Reach {
  std::int64_t low, high;
};
Reach reach_of(std::span<const std::int8_t> weights);
/// True if contract.h's condition holds for each of `outputs` output channels.
bool fits(std::span<const std::int8_t> weights, std::int64_t outputs);

/// What of the weights is kept (contract.h): U, or W, half of it.
enum class Stored { kU, kW };
/// kW where U would be large and the map is small: it costs such a layer up to a tenth of its speed.
Stored stored_of(const ConvDesc& desc);

class PackedWeights {
 public:
  /// `lanes` of a whole panel: 16 or 32.
  PackedWeights(const ConvDesc& desc, int lanes, Stored stored);

  std::size_t bytes() const { return static_cast<std::size_t>(bytes_); }
  const std::vector<conv_dot::Panel>& panels() const { return panels_; }
  const Subwindows& subwindows() const { return subwindows_; }
  /// Pairs of input channels that a product takes, of a subwindow.
  std::int64_t pairs() const { return pairs_; }
  Stored stored() const { return stored_; }
  /// Bytes of one subwindow's U at one point, or of one column of W; a panel's first begin at Panel::weights.
  std::int64_t plane_bytes(int lanes) const { return pairs_ * lanes * 4; }
  /// Such planes of a row of points.
  int planes_of_row(int row) const;

  void pack(const IntegerWeights& weights, std::span<std::byte> packed) const;

  // Reading what was packed. The three below point to the values of output channel 0.
  const std::byte* first_sums(const std::byte* packed) const { return packed + first_sums_; }
  const std::int32_t* bias(const std::byte* packed) const {
    return reinterpret_cast<const std::int32_t*>(packed + bias_);
  }
  const float* multipliers(const std::byte* packed) const {
    return reinterpret_cast<const float*>(packed + multipliers_);
  }
  /// As conv_dot::PackedWeights::bounded().
  static bool bounded(const std::byte* packed, std::size_t panel);

 private:
  /// Places of a subwindow's planes in a panel, in the order in which they are made; -1: it has none.
  std::vector<std::int64_t> planes_of(int subwindow, int lanes) const;
  void pack_panel(const conv_dot::Panel& panel, std::span<const std::int8_t> weights, std::byte* to) const;
  template <int kLanes>
  void transform_panel(const std::int8_t* weights, std::int64_t lanes, std::byte* to) const;
  template <int kLanes>
  void transform_subwindow(int subwindow, const std::int8_t* weights, std::int64_t lanes,
                           std::byte* to) const;

  WindowDesc window_;
  Subwindows subwindows_;
  Stored stored_;
  std::int64_t channels_, outputs_, group_outputs_, pairs_;
  std::vector<conv_dot::Panel> panels_;
  std::int64_t first_sums_ = 0, bias_ = 0, multipliers_ = 0, bytes_ = 0;
};

}  // namespace octet::kernels::conv_i8_winograd
