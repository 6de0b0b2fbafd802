// Copies of feature maps between layouts, values untouched. Three uses: the caller's NCHW to kNchw16c and
// back (the caller's memory is aligned to its elements only), and a part of a concatenation into the whole
// where no producer could write in place.
//
// Into a whole: ReformatDesc::output describes the whole from the block that output.data points to (its
// channels may be more than the input's), channel_offset is the first channel that this copy writes. Several
// copies fill one tensor, in any order but one: each writes its own lanes only, and the one whose channels
// are the whole's last (channel_offset + input.channels == output.channels) also zeroes the padding lanes
// behind them, as every kernel must. A copy of all channels is the case of one part.
//
// The unit of work is a range of pixels of one channel block of one image. One implementation in portable
// C++ serves all instruction sets: the 4 x 4 transposes compile to shuffles everywhere, and memory decides.
#pragma once

#include <cstdint>

namespace octet::kernels {

/// Lanes [first, first + count) of one block, for `pixels` neighbouring pixels.
struct BlockedLanes {
  float* data;  // first pixel, lane 0
  std::int64_t first;
  std::int64_t count;
};

/// From `count` channels that lie channel_pitch floats apart; lanes behind them become zero if zero_rest.
void interleave(const float* nchw, std::int64_t channel_pitch, BlockedLanes to, bool zero_rest,
                std::int64_t pixels);
/// From lanes [0, count) of one block to that many channels, channel_pitch floats apart.
void deinterleave(const float* blocked, std::int64_t count, float* nchw, std::int64_t channel_pitch,
                  std::int64_t pixels);
/// `count` lanes of one block, from lane from_lane on.
void copy_lanes(const float* blocked, std::int64_t from_lane, BlockedLanes to, std::int64_t pixels);
/// Zeroes the lanes from `lane` to the block's end.
void zero_lanes(float* blocked, std::int64_t lane, std::int64_t pixels);

}  // namespace octet::kernels
