// Patches of Winograd's convolution that can't be read in place: at the edges of a map, and of planar inputs.
#pragma once

#include <cstdint>

#include "kernels/conv_f32/winograd_layer.h"

namespace octet::kernels::conv_f32 {

inline constexpr std::int64_t kWinogradPatchFloats = kWinogradPoints * kChannelBlock;

/// Copies the 6 x 6 patch of 16 channels at (top, left) of a kNchw16c map; what lies outside becomes zero.
void copy_patch(const float* map, const FeatureMap& shape, std::int64_t top, std::int64_t left, float* patch);

/// The same of 16 channels of a kNhwc map of BF16: `map` is their place in its first pixel.
void widen_patch(WinogradIsa::Widen widen, std::byte* map, const FeatureMap& shape, std::int64_t top,
                 std::int64_t left, float* patch);

/// Gathers the phases of a planar input under `pixels` neighbouring patch pixels from output pixel (y, x) on,
/// six rows high: for each block of 16 channels [6][pixels][16]. Channel (c * stride + py) * stride + px of
/// pixel (i, j) is the input at ((y + i) * stride + py - pad_top, (x + j) * stride + px - pad_left) of
/// channel c. `image`: the group's first channel. Lanes behind the last channel are left as they are.
void gather_phases(const WinogradLayer& layer, const float* image, std::int64_t y, std::int64_t x,
                   std::int64_t pixels, float* strip);

}  // namespace octet::kernels::conv_f32
