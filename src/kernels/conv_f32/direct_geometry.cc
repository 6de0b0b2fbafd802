#include "kernels/conv_f32/direct_geometry.h"

#include <algorithm>
#include <cstring>

#include "kernels/kernel.h"

namespace octet::kernels::conv_f32 {
namespace {

// Sizes found by measurement (bench.cc). A tile of about kTilePixels output pixels reads each weight once;
// its chunk of the input and one block's weights for that chunk stay in the second-level cache together.
constexpr std::int64_t kTilePixels = 224;
constexpr std::int64_t kPlanarTilePixels =
    672;  // their input is small, and the rows that tiles share weigh more
constexpr std::int64_t kMaxTileColumns = 256;
constexpr std::int64_t kChunkTaps = 1280;     // taps times channels: 160 KiB of weights of 32 lanes
constexpr std::int64_t kChunkChannels = 512;  // 448 KiB of a tile's pixels

template <std::int64_t kStride>
void copy_every(const float* __restrict from, std::int64_t count, float* __restrict to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = from[i * kStride];
}

// to[i] = from[i * stride]; the usual strides of first layers as constants, which the compiler vectorises.
void copy_every(std::int64_t stride, const float* from, std::int64_t count, float* to) {
  if (stride == 2) return copy_every<2>(from, count, to);
  if (stride == 4) return copy_every<4>(from, count, to);
  for (std::int64_t i = 0; i < count; ++i) to[i] = from[i * stride];
}

// One row of a tile, of `length` pixels a slot (fewer are used where the tile is narrower than the largest).
void copy_row(const SplitAxis& axis, const Tile& tile, std::int64_t length, std::int64_t pixel,
              const float* input, float* row) {
  const std::size_t pixel_bytes = static_cast<std::size_t>(pixel) * sizeof(float);
  for (std::int64_t phase : axis.slot_phase) {
    // Plane index i holds input x = (column + i) * stride + phase - pad; those in [begin, end) exist.
    const std::int64_t first = tile.column * axis.stride + phase - axis.pad;
    const std::int64_t begin =
        std::clamp(divide_up(std::max<std::int64_t>(-first, 0), axis.stride), std::int64_t{0}, length);
    const std::int64_t end =
        std::clamp(divide_up(std::max<std::int64_t>(axis.inputs - first, 0), axis.stride), begin, length);
    std::memset(row, 0, static_cast<std::size_t>(begin) * pixel_bytes);
    const float* from = input + (first + begin * axis.stride) * pixel;
    if (axis.stride == 1) {
      std::memcpy(row + begin * pixel, from, static_cast<std::size_t>(end - begin) * pixel_bytes);
    } else if (pixel == 1) {
      copy_every(axis.stride, from, end - begin, row + begin);
    } else {
      for (std::int64_t i = begin; i < end; ++i, from += axis.stride * kChannelBlock) {
        std::memcpy(row + i * kChannelBlock, from, kChannelBlock * sizeof(float));
      }
    }
    std::memset(row + end * pixel, 0, static_cast<std::size_t>(length - end) * pixel_bytes);
    row += length * pixel;
  }
}

}  // namespace

SplitAxis SplitAxis::make(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel, std::int64_t stride,
                          std::int64_t dilation, std::int64_t pad) {
  SplitAxis axis;
  axis.inputs = inputs, axis.outputs = outputs, axis.stride = stride, axis.pad = pad;
  for (std::int64_t k = 0; k < kernel; ++k) {
    const std::int64_t phase = k * dilation % stride;
    auto slot = std::find(axis.slot_phase.begin(), axis.slot_phase.end(), phase);
    axis.tap_slot.push_back(slot - axis.slot_phase.begin());
    if (slot == axis.slot_phase.end()) axis.slot_phase.push_back(phase);
    axis.tap_step.push_back(k * dilation / stride);
  }
  axis.reach = axis.tap_step.back();
  return axis;
}

DirectGeometry::DirectGeometry(const ConvDesc& desc) {
  const WindowDesc& w = desc.window;
  const bool planar = desc.input.layout == Layout::kNchw;
  pixel = planar ? 1 : kChannelBlock;
  units = divide_up(desc.input.channels / desc.groups, pixel);
  const std::int64_t unit_taps = w.kernel_h * w.kernel_w;
  chunks =
      divide_up(units, std::clamp(kChunkTaps / (unit_taps * pixel), std::int64_t{1}, kChunkChannels / pixel));
  max_chunk = divide_up(units, chunks);

  in_place = unit_taps == 1 && w.stride_h == 1 && w.stride_w == 1 && w.pad_top == 0 && w.pad_left == 0 &&
             desc.output.height == desc.input.height && desc.output.width == desc.input.width;
  if (in_place) {
    rows = SplitAxis::make(1, 1, 1, 1, 1, 0);
    columns = SplitAxis::make(desc.input.pixels(), desc.output.pixels(), 1, 1, 1, 0);
  } else {
    rows = SplitAxis::make(desc.input.height, desc.output.height, w.kernel_h, w.stride_h, w.dilation_h,
                           w.pad_top);
    columns = SplitAxis::make(desc.input.width, desc.output.width, w.kernel_w, w.stride_w, w.dilation_w,
                              w.pad_left);
  }
  const std::int64_t tile_pixels = planar ? kPlanarTilePixels : kTilePixels;
  const std::int64_t widest = in_place ? tile_pixels : kMaxTileColumns;
  max_columns = divide_up(columns.outputs, divide_up(columns.outputs, widest));
  max_rows = std::clamp(tile_pixels / max_columns, std::int64_t{1}, rows.outputs);
  max_pixels = max_rows * max_columns;

  const std::int64_t column_length = max_columns + columns.reach, row_length = max_rows + rows.reach;
  row_stride = column_length * static_cast<std::int64_t>(columns.slot_phase.size()) * pixel;
  unit_stride = in_place ? desc.input.pixels() * pixel
                         : row_length * static_cast<std::int64_t>(rows.slot_phase.size()) * row_stride;
  for (std::int64_t u = 0; u < max_chunk; ++u) {
    for (std::int64_t ky = 0; ky < w.kernel_h; ++ky) {
      for (std::int64_t kx = 0; kx < w.kernel_w; ++kx) {
        const std::size_t y = static_cast<std::size_t>(ky), x = static_cast<std::size_t>(kx);
        taps.push_back(u * unit_stride + (rows.tap_slot[y] * row_length + rows.tap_step[y]) * row_stride +
                       (columns.tap_slot[x] * column_length + columns.tap_step[x]) * pixel);
      }
    }
  }
}

std::int64_t DirectGeometry::tile_images(int images) const {
  const bool whole_map = max_rows == rows.outputs && max_columns == columns.outputs;
  return whole_map ? std::clamp<std::int64_t>(kTilePixels / max_pixels, 1, images) : 1;
}

std::int64_t DirectGeometry::scratch_floats(int images) const {
  return in_place ? 0 : tile_images(images) * max_chunk * unit_stride;
}

void copy_tile(const DirectGeometry& geometry, const Tile& tile, std::int64_t unit, std::int64_t units,
               const float* input, std::int64_t image_stride, float* scratch) {
  const SplitAxis& rows = geometry.rows;
  const std::int64_t map = rows.inputs * geometry.columns.inputs * geometry.pixel;
  // The places within a row and a unit are those of the largest tile, so that the taps' offsets are constant.
  const std::int64_t slot_rows = geometry.max_rows + rows.reach;
  for (int image = 0; image < tile.images; ++image) {
    for (std::int64_t u = 0; u < units; ++u) {
      const float* from = input + image * image_stride + (unit + u) * map;
      float* to = scratch + (image * geometry.max_chunk + u) * geometry.unit_stride;
      for (std::size_t slot = 0; slot < rows.slot_phase.size(); ++slot) {
        for (std::int64_t i = 0; i < tile.rows + rows.reach; ++i) {
          const std::int64_t y = (tile.row + i) * rows.stride + rows.slot_phase[slot] - rows.pad;
          float* row = to + (static_cast<std::int64_t>(slot) * slot_rows + i) * geometry.row_stride;
          if (y < 0 || y >= rows.inputs) {
            std::memset(row, 0, static_cast<std::size_t>(geometry.row_stride) * sizeof(float));
          } else {
            copy_row(geometry.columns, tile, geometry.max_columns + geometry.columns.reach, geometry.pixel,
                     from + y * geometry.columns.inputs * geometry.pixel, row);
          }
        }
      }
    }
  }
}

}  // namespace octet::kernels::conv_f32
