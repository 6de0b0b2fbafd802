// A tensor of kUInt8, kInt16 or kBFloat16 in kNhwc, for tests: values by position, whatever the type, and the
// whole memory for comparisons to the byte.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/kernel.h"
#include "kernels/layout.h"

namespace octet::test {

/// Fresh memory, gaps and the 64 bytes behind the tensor hold kPoison, so that what a kernel writes where it
/// must not is seen. Values are integers; of kBFloat16 its bits.
class NhwcTensor {
 public:
  static constexpr std::uint8_t kPoison = 0xa5;

  /// `gap`: elements between images, a multiple of 16.
  NhwcTensor(const kernels::FeatureMap& map, int images, std::int64_t gap = 0)
      : map_(map), images_(images), stride_(map.elements() + gap) {
    const std::size_t bytes = static_cast<std::size_t>(stride_ * images) * size_of(map.type) + 64;
    buffer_ = base::AlignedBuffer(bytes);
    std::memset(buffer_.data(), kPoison, bytes);
  }

  std::int32_t at(int n, std::int64_t channel, std::int64_t pixel) const {
    const std::byte* p = place(n, channel, pixel);
    if (map_.type == DataType::kUInt8) return static_cast<std::int32_t>(*p);
    std::int16_t value;
    std::memcpy(&value, p, sizeof value);
    return map_.type == DataType::kInt16 ? value : static_cast<std::uint16_t>(value);
  }
  void set(int n, std::int64_t channel, std::int64_t pixel, std::int32_t value) {
    std::byte* p = place(n, channel, pixel);
    if (map_.type == DataType::kUInt8) {
      *p = static_cast<std::byte>(value);
    } else {
      const auto narrow = static_cast<std::uint16_t>(value);
      std::memcpy(p, &narrow, sizeof narrow);
    }
  }

  /// What padding lanes hold: the zero point, or 0.
  std::int32_t zero() const { return map_.type == DataType::kUInt8 ? map_.quantization.zero_point : 0; }
  /// Every channel from value(image, channel, pixel); padding lanes get the zero point.
  template <class Value>
  void fill(const Value& value) {
    for (int n = 0; n < images_; ++n)
      for (std::int64_t p = 0; p < map_.pixels(); ++p)
        for (std::int64_t c = 0; c < map_.padded_channels(); ++c)
          set(n, c, p, c < map_.channels ? static_cast<std::int32_t>(value(n, c, p)) : zero());
  }
  /// Integers over the type's whole range (kInt16: its limit), a quarter of them at its ends; kBFloat16:
  /// finite values of both signs and many sizes.
  void fill_random(std::uint32_t seed) {
    std::mt19937 engine(seed);
    const bool bytes = map_.type == DataType::kUInt8;
    const std::int32_t high = bytes ? 255 : map_.quantization.limit, low = bytes ? 0 : -high;
    std::uniform_int_distribution<std::int32_t> any(low, high), kind(0, 7), sign(0, 1), bits(0x3000, 0x4fff);
    fill([&](int, std::int64_t, std::int64_t) {
      if (map_.type == DataType::kBFloat16) return bits(engine) | sign(engine) << 15;
      const std::int32_t k = kind(engine);
      return k == 0 ? low : k == 1 ? high : any(engine);
    });
  }

  /// Dense NCHW, without padding.
  std::vector<std::int32_t> to_nchw() const {
    std::vector<std::int32_t> values;
    for (int n = 0; n < images_; ++n)
      for (std::int64_t c = 0; c < map_.channels; ++c)
        for (std::int64_t p = 0; p < map_.pixels(); ++p) values.push_back(at(n, c, p));
    return values;
  }
  bool padding_is_zero_point() const {
    for (int n = 0; n < images_; ++n)
      for (std::int64_t p = 0; p < map_.pixels(); ++p)
        for (std::int64_t c = map_.channels; c < map_.padded_channels(); ++c)
          if (at(n, c, p) != zero()) return false;
    return true;
  }
  /// All of the memory, with whatever lies between images and behind them.
  std::vector<std::uint8_t> memory() const {
    const auto* p = reinterpret_cast<const std::uint8_t*>(buffer_.data());
    return {p, p + buffer_.size()};
  }

  /// As an operand; in a concatenation of parts, the part that begins at `channel`.
  kernels::Operand operand(std::int64_t channel = 0) {
    return {buffer_.data() + channel * static_cast<std::int64_t>(size_of(map_.type)), stride_};
  }
  const kernels::FeatureMap& map() const { return map_; }

 private:
  std::byte* place(int n, std::int64_t channel, std::int64_t pixel) {
    return buffer_.data() + offset(n, channel, pixel);
  }
  const std::byte* place(int n, std::int64_t channel, std::int64_t pixel) const {
    return buffer_.data() + offset(n, channel, pixel);
  }
  std::int64_t offset(int n, std::int64_t channel, std::int64_t pixel) const {
    return (n * stride_ + pixel * map_.pixel_step() + channel) *
           static_cast<std::int64_t>(size_of(map_.type));
  }

  kernels::FeatureMap map_;
  int images_;
  std::int64_t stride_;
  base::AlignedBuffer buffer_;
};

}  // namespace octet::test
