// Weights of Winograd's convolution: U of winograd.h, and its place in the packed weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/conv_f32/winograd_layer.h"

namespace octet::kernels::conv_f32 {

/// One panel of output channels in the packed weights.
struct WinogradPanel {
  std::int64_t group;
  std::int64_t first_block;  // of 16 channels, over all groups
  std::int64_t blocks;       // 1 or 2
  std::int64_t offset;       // of its U, in floats
};
WinogradPanel winograd_panel(const WinogradLayer& layer, std::int64_t panel);

/// Floats of all panels' U; the bias follows.
std::int64_t winograd_u_floats(const WinogradLayer& layer);
std::size_t winograd_packed_bytes(const WinogradLayer& layer);

/// `column_blocks` as the instruction set's.
void pack_winograd_weights(const WinogradLayer& layer, int column_blocks,
                           std::span<const std::span<const float>> weights, std::span<std::byte> packed);

}  // namespace octet::kernels::conv_f32
