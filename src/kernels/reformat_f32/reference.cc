// Moving lanes of channel blocks: 4 x 4 transposes where four lanes and four pixels are whole, single values
// elsewhere.
#include <array>
#include <cstring>
#include <utility>

#include "kernels/layout.h"
#include "kernels/reformat_f32/contract.h"

namespace octet::kernels {
namespace {

using Four = float __attribute__((vector_size(16)));

Four load4(const float* p) {
  Four v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
void store4(float* p, Four v) { std::memcpy(p, &v, sizeof v); }

/// to[i][j] = from[j][i], rows from_pitch and to_pitch floats apart.
inline void transpose_4x4(const float* from, std::int64_t from_pitch, float* to, std::int64_t to_pitch) {
  const Four a = load4(from), b = load4(from + from_pitch), c = load4(from + 2 * from_pitch),
             d = load4(from + 3 * from_pitch);
  const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Four cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  store4(to, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
  store4(to + to_pitch, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
  store4(to + 2 * to_pitch, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
  store4(to + 3 * to_pitch, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

template <std::size_t kCount>
void copy_lanes_of(const float* from, float* to, std::int64_t pixels) {
  for (std::int64_t p = 0; p < pixels; ++p)
    std::memcpy(to + p * kChannelBlock, from + p * kChannelBlock, kCount * sizeof(float));
}
template <std::size_t kCount>
void zero_lanes_of(float* to, std::int64_t pixels) {
  for (std::int64_t p = 0; p < pixels; ++p) std::memset(to + p * kChannelBlock, 0, kCount * sizeof(float));
}

// A fixed count makes each copy a few moves instead of a call; indexed by count - 1.
template <std::size_t... kMinusOne>
constexpr auto copies_of(std::index_sequence<kMinusOne...>) {
  return std::array{&copy_lanes_of<kMinusOne + 1>...};
}
template <std::size_t... kMinusOne>
constexpr auto zeroes_of(std::index_sequence<kMinusOne...>) {
  return std::array{&zero_lanes_of<kMinusOne + 1>...};
}
constexpr auto kCopies = copies_of(std::make_index_sequence<kChannelBlock>());
constexpr auto kZeroes = zeroes_of(std::make_index_sequence<kChannelBlock>());

}  // namespace

void interleave(const float* nchw, std::int64_t channel_pitch, BlockedLanes to, bool zero_rest,
                std::int64_t pixels) {
  const std::int64_t whole_pixels = pixels / 4 * 4;
  std::int64_t lane = 0;
  for (; lane + 4 <= to.count; lane += 4) {
    const float* from = nchw + lane * channel_pitch;
    float* out = to.data + to.first + lane;
    for (std::int64_t p = 0; p < whole_pixels; p += 4)
      transpose_4x4(from + p, channel_pitch, out + p * kChannelBlock, kChannelBlock);
    for (std::int64_t p = whole_pixels; p < pixels; ++p)
      for (std::int64_t i = 0; i < 4; ++i) out[p * kChannelBlock + i] = from[i * channel_pitch + p];
  }
  for (; lane < to.count; ++lane)
    for (std::int64_t p = 0; p < pixels; ++p)
      to.data[p * kChannelBlock + to.first + lane] = nchw[lane * channel_pitch + p];
  if (zero_rest) zero_lanes(to.data, to.first + to.count, pixels);
}

void deinterleave(const float* blocked, std::int64_t count, float* nchw, std::int64_t channel_pitch,
                  std::int64_t pixels) {
  const std::int64_t whole_pixels = pixels / 4 * 4;
  std::int64_t lane = 0;
  for (; lane + 4 <= count; lane += 4) {
    float* out = nchw + lane * channel_pitch;
    for (std::int64_t p = 0; p < whole_pixels; p += 4)
      transpose_4x4(blocked + p * kChannelBlock + lane, kChannelBlock, out + p, channel_pitch);
    for (std::int64_t p = whole_pixels; p < pixels; ++p)
      for (std::int64_t i = 0; i < 4; ++i) out[i * channel_pitch + p] = blocked[p * kChannelBlock + lane + i];
  }
  for (; lane < count; ++lane)
    for (std::int64_t p = 0; p < pixels; ++p)
      nchw[lane * channel_pitch + p] = blocked[p * kChannelBlock + lane];
}

void copy_lanes(const float* blocked, std::int64_t from_lane, BlockedLanes to, std::int64_t pixels) {
  if (to.count == kChannelBlock) {
    std::memcpy(to.data, blocked, static_cast<std::size_t>(pixels * kChannelBlock) * sizeof(float));
  } else if (to.count > 0) {
    kCopies[static_cast<std::size_t>(to.count - 1)](blocked + from_lane, to.data + to.first, pixels);
  }
}

void zero_lanes(float* blocked, std::int64_t lane, std::int64_t pixels) {
  if (lane < kChannelBlock)
    kZeroes[static_cast<std::size_t>(kChannelBlock - lane - 1)](blocked + lane, pixels);
}

}  // namespace octet::kernels
