// How a feature map lies in memory.
//
//   kNchw     [n][c][y][x]            what callers give and get, FP32
//   kNchw16c  [n][c/16][y][x][16]     FP32 inside a network: 16 channels of one pixel are one cache line (one
//                                     AVX-512 or two AVX2 registers); neighbouring pixels of a channel
//                                     block lie next to each other, so a kernel's rows sit at constant
//                                     offsets and never collide in a cache set.
//   kNhwc     [n][y][x][c]            integers and BF16 inside a network: a dot-product instruction sums 2 or
//                                     4 neighbouring channels, so all channels of a pixel lie together.
//
// Channels are padded to 16 and *the padding lanes hold zero* -- the zero point in integer maps: every kernel
// writes it there, so no kernel has to mask them when reading. Pictures are the exception: in front of the
// first layer they lie in kNhwc with a pixel_stride of 4, in the caller's memory with one of 3. A vector (H =
// W = 1) is dense apart from that padding. A concatenation whose inputs are multiples of 16 channels is free:
// in kNchw16c producers write at a block offset of the result, whose image stride they get with the operand;
// in kNhwc they write at a channel offset with the pixel stride of the whole.
//
// Infinities and NaN in FP32 and BF16: nothing crashes, no address depends on a value, and a NaN is never
// lost. But the promises above are for finite values. Padding lanes get their zeros by arithmetic (times zero
// weights), so they may become NaN, and a kernel that reads them with zero weights then spreads NaN to
// channels that the definition would keep finite. Winograd spoils every output tile that reads the value, and
// direct convolution only the windows that hold it. Images never touch each other (tests/numbers_test.cc).
#pragma once

#include <cstdint>

#include "octet/types.h"

namespace octet::kernels {

enum class Layout { kNchw, kNchw16c, kNhwc };
const char* to_string(Layout layout);

inline constexpr std::int64_t kChannelBlock = 16;
/// What a picture's pixels are padded to in front of the first layer: as many as a dot product takes at once.
inline constexpr std::int64_t kChannelQuad = 4;

/// What an integer means: real = scale * (q - zero_point). kUInt8: q in [0, 255]. kInt16: zero_point 0 and
/// |q| <= limit, chosen so that no accumulator of the layers that read the tensor can overflow.
struct Quantization {
  float scale = 1;
  std::int32_t zero_point = 0;
  std::int32_t limit = 0;  // of kInt16 only
  bool operator==(const Quantization&) const = default;
};

/// One image of a tensor: sizes, type, layout and, of integers, their meaning.
struct FeatureMap {
  std::int64_t channels = 1;
  std::int64_t height = 1;
  std::int64_t width = 1;
  Layout layout = Layout::kNchw16c;
  DataType type = DataType::kFloat32;
  Quantization quantization = {};  // of kUInt8 and kInt16
  /// kNhwc: elements from one pixel to the next; 0 where that is padded_channels(). Larger in a part of a
  /// concatenation; 4 or 3 in pictures.
  std::int64_t pixel_stride = 0;

  std::int64_t pixels() const { return height * width; }
  std::int64_t blocks() const { return (channels + kChannelBlock - 1) / kChannelBlock; }
  std::int64_t padded_channels() const {
    if (layout == Layout::kNchw) return channels;
    if (layout == Layout::kNhwc && pixel_stride > 0 && pixel_stride < kChannelBlock) return pixel_stride;
    return blocks() * kChannelBlock;
  }
  /// Elements from one pixel to the next in kNhwc.
  std::int64_t pixel_step() const { return pixel_stride > 0 ? pixel_stride : padded_channels(); }
  /// Elements that one image occupies, padding lanes included (of a part: the whole concatenation's).
  std::int64_t elements() const {
    return (layout == Layout::kNhwc ? pixel_step() : padded_channels()) * pixels();
  }
  std::int64_t bytes() const { return elements() * static_cast<std::int64_t>(size_of(type)); }
  /// Same sizes, whatever the layout, type and meaning.
  bool same_sizes(const FeatureMap& other) const {
    return channels == other.channels && height == other.height && width == other.width;
  }
  bool operator==(const FeatureMap&) const = default;
};

/// One pixel that an element-wise operation repeats over all of `map`.
inline bool is_repeated_over(const FeatureMap& one_pixel, const FeatureMap& map) {
  return one_pixel.channels == map.channels && one_pixel.pixels() == 1 && map.pixels() > 1;
}

}  // namespace octet::kernels
