// Where the driver finds the input of a convolution: taps as offsets from an output pixel's own input
// address, tiles of output pixels, and the scratch copy that gives a tile its halo. Everything here counts
// bytes, rows or pixels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/conv_dot/packing.h"
#include "kernels/kernel.h"
#include "kernels/op_desc.h"

namespace octet::kernels::conv_dot {

/// Output pixels [begin, end) (numbered row by row) of each of `images` images.
struct Tile {
  int image = 0, images = 0;
  std::int64_t begin = 0, end = 0;

  std::int64_t pixels() const { return images * (end - begin); }
};

/// What a window sees beside the map, in `lanes` channels.
std::vector<std::byte> halo_pixel(const ConvDesc& desc, std::int64_t lanes);

class Geometry {
 public:
  /// `tap_groups`: values of 4 bytes that one tap takes.
  Geometry(const ConvDesc& desc, Tap tap, std::int64_t tap_groups);

  /// True if every window lies inside the map, which is then read where it is. Else tiles are copied.
  bool in_place() const { return in_place_; }
  /// Offsets of the taps, and the groups (see contract.h) of each.
  const std::vector<std::int64_t>& taps() const { return taps_; }
  std::int64_t tap_groups() const { return tap_groups_; }
  /// Bytes from one group of the convolution's input channels to the next.
  std::int64_t group_bytes() const { return group_bytes_; }

  /// Output pixels that a tile has at most, and images that it may hold (more than 1 only of whole maps).
  std::int64_t max_pixels() const { return max_pixels_; }
  std::int64_t tile_images(int images) const;
  std::int64_t copy_bytes(int images) const;

  /// Copies what a tile's windows touch to `copy`, with the halo around it.
  void copy(const Tile& tile, const Operand& input, std::byte* copy) const;
  /// Writes the input address of each of the tile's pixels (of group 0) to `addresses`. `copy`: see above;
  /// not read if in_place().
  void input_addresses(const Tile& tile, const Operand& input, const std::byte* copy,
                       const std::byte** addresses) const;

 private:
  void copy_row(const std::byte* from, std::byte* to) const;
  void fill_halo(std::byte* to, std::int64_t pixels) const;

  WindowDesc window_;
  FeatureMap input_;
  std::int64_t out_height_, out_width_;
  std::int64_t element_bytes_;
  bool in_place_;
  Tap tap_;
  std::int64_t source_pixel_, copied_of_pixel_;  // bytes of an input pixel; those that are copied
  std::int64_t pixel_, row_;                     // from a pixel (row) to the next, as the taps see it
  std::int64_t columns_, max_rows_ = 0;          // of the copy
  std::int64_t left_, inside_;                   // halo columns before the map; columns that lie in it
  std::int64_t tap_groups_, group_bytes_, max_pixels_;
  std::vector<std::int64_t> taps_;
  std::vector<std::byte> halo_;  // one pixel
  bool halo_is_one_byte_ = false;
};

}  // namespace octet::kernels::conv_dot
