// How a feature map lies in memory. Two layouts carry FP32:
//
//   kNchw     [n][c][y][x]            what callers give and get
//   kNchw16c  [n][c/16][y][x][16]     inside a network: 16 channels of one pixel are one cache line (one
//                                     AVX-512 or two AVX2 registers); neighbouring pixels of a channel
//                                     block lie next to each other, so a kernel's rows sit at constant
//                                     offsets and never collide in a cache set.
//
// Channels are padded to 16 in kNchw16c and *the padding lanes hold zero*: every kernel writes zeros there,
// so no kernel has to mask them when reading. A vector (H = W = 1) in kNchw16c is dense apart from that
// padding. A concatenation whose inputs are multiples of 16 channels is free: producers write at a block
// offset of the result, whose image stride they get with the operand.
//
// Infinities and NaN: nothing crashes and no address depends on a value, but the promises above are for
// finite values. Padding lanes get their zeros by arithmetic (times zero weights, scales), so they may become
// NaN, and a kernel that reads them with zero weights then spreads NaN to channels that the definition would
// keep finite. Winograd spoils every output tile of 4 x 4 that reads the value, and direct convolution only
// the windows that hold it. Images never touch each other.
#pragma once

#include <cstdint>

#include "octet/types.h"

namespace octet::kernels {

enum class Layout { kNchw, kNchw16c };
const char* to_string(Layout layout);

inline constexpr std::int64_t kChannelBlock = 16;

/// One image of a tensor: sizes, type and layout.
struct FeatureMap {
  std::int64_t channels = 1;
  std::int64_t height = 1;
  std::int64_t width = 1;
  Layout layout = Layout::kNchw16c;
  DataType type = DataType::kFloat32;

  std::int64_t pixels() const { return height * width; }
  std::int64_t blocks() const { return (channels + kChannelBlock - 1) / kChannelBlock; }
  std::int64_t padded_channels() const {
    return layout == Layout::kNchw ? channels : blocks() * kChannelBlock;
  }
  /// Elements that one image occupies, padding lanes included.
  std::int64_t elements() const { return padded_channels() * pixels(); }
  std::int64_t bytes() const { return elements() * static_cast<std::int64_t>(size_of(type)); }
  bool operator==(const FeatureMap&) const = default;
};

}  // namespace octet::kernels
