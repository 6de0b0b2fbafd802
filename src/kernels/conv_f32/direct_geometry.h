// How a direct convolution is cut into pieces: the scratch copy of a tile's input, the taps as offsets into
// it, and the grid of tiles of one call. Everything here counts pixels, units (see contract.h) or floats.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/op_desc.h"
#include "kernels/work_share.h"

namespace octet::kernels::conv_f32 {

constexpr std::int64_t divide_up(std::int64_t value, std::int64_t divisor) {
  return (value + divisor - 1) / divisor;
}

/// One spatial axis, split by stride phase: position u of the padded input is kept at index u / stride of the
/// plane of its phase u % stride. Then output o finds tap k at index o + tap_step[k] of slot tap_slot[k],
/// whatever the stride and the dilation are; phases that no tap touches get no slot.
struct SplitAxis {
  std::int64_t stride = 1, pad = 0, inputs = 1, outputs = 1;
  std::vector<std::int64_t> slot_phase;
  std::vector<std::int64_t> tap_slot, tap_step;
  std::int64_t reach = 0;  ///< largest tap_step

  /// `kernel` taps at multiples of `dilation`; `pad` is the one in front.
  static SplitAxis make(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel, std::int64_t stride,
                        std::int64_t dilation, std::int64_t pad);
};

/// Output pixels.
using Tile = WorkTile;

/// Where the input of a tile lies. `in_place`: in the tensor itself, the map being one row of all its pixels
/// (1x1, stride 1, no padding). Else in scratch: [image][unit][row slot][row][column slot][column][pixel].
struct DirectGeometry {
  bool in_place = false;
  std::int64_t pixel = 16;     ///< floats of one pixel of a unit
  std::int64_t units = 0;      ///< of one group's input
  std::int64_t max_chunk = 0;  ///< units of the largest chunk
  std::int64_t chunks = 0;     ///< of units, of sizes differing by at most one
  std::int64_t max_rows = 1, max_columns = 1, max_pixels = 1;  ///< of a tile
  std::int64_t unit_stride = 0, row_stride = 0;                ///< floats
  SplitAxis rows, columns;
  std::vector<std::int64_t> taps;  ///< offsets of max_chunk * kernel_h * kernel_w taps, unit outermost

  explicit DirectGeometry(const ConvDesc& desc);

  /// Images that one tile of a call of `images` images may hold.
  std::int64_t tile_images(int images) const;
  std::int64_t scratch_floats(int images) const;
};

/// Copies units [unit, unit + units) of a tile from `input` (its first image, first unit of the group) into
/// scratch, with zeros outside the map.
void copy_tile(const DirectGeometry& geometry, const Tile& tile, std::int64_t unit, std::int64_t units,
               const float* input, std::int64_t image_stride, float* scratch);

}  // namespace octet::kernels::conv_f32
