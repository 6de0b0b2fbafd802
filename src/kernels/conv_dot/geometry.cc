#include "kernels/conv_dot/geometry.h"

#include <algorithm>
#include <cstring>

#include "kernels/conv_dot/convolution.h"

namespace octet::kernels::conv_dot {
namespace {

// Sizes found by measurement (bench.cc). A tile reads each panel's weights once, so it wants many pixels, but
// its input must stay in the second-level cache beside the panel.
constexpr std::int64_t kTilePixels = 256;
constexpr std::int64_t kTileBytes = 384 * 1024;
constexpr std::int64_t kFewestPixels = 48;

// The last row's last tap may read so far behind it.
constexpr std::int64_t kTail = 4;

std::size_t size(std::int64_t bytes) { return static_cast<std::size_t>(bytes); }

/// Pixels of `step` bytes to pixels of `pixel` < kWord bytes without gaps: each overwrites what the one
/// before it has written too much, but for the last, behind which nothing may be read or written.
template <std::int64_t kWord>
void close_up(const std::byte* from, std::int64_t step, std::byte* to, std::int64_t pixel,
              std::int64_t count) {
  for (std::int64_t x = 0; x + 1 < count; ++x) std::memcpy(to + x * pixel, from + x * step, size(kWord));
  if (count > 0) std::memcpy(to + (count - 1) * pixel, from + (count - 1) * step, size(pixel));
}

/// The usual picture, two pixels at a time: 3 of each 4 bytes.
void close_up_bytes(const std::byte* from, std::byte* to, std::int64_t count) {
  std::int64_t x = 0;
  for (; x + 2 < count; x += 2) {
    std::uint64_t two;
    std::memcpy(&two, from + x * 4, sizeof two);
    two = (two & 0xffffff) | (two >> 8 & 0xffffff000000);
    std::memcpy(to + x * 3, &two, sizeof two);
  }
  for (; x < count; ++x) std::memcpy(to + x * 3, from + x * 4, 3);
}

}  // namespace

std::vector<std::byte> halo_pixel(const ConvDesc& desc, std::int64_t lanes) {
  std::vector<std::byte> halo(size(lanes) * size_of(desc.input.type), std::byte{0});
  if (desc.input.type == DataType::kUInt8) {
    std::fill(halo.begin(), halo.end(), static_cast<std::byte>(desc.input.quantization.zero_point));
    for (std::size_t c = 0; c < desc.halo.size(); ++c) halo[c] = std::byte{desc.halo[c]};
  }
  return halo;
}

Geometry::Geometry(const ConvDesc& desc, Tap tap, std::int64_t tap_groups)
    : window_(desc.window),
      input_(desc.input),
      out_height_(desc.output.height),
      out_width_(desc.output.width),
      element_bytes_(static_cast<std::int64_t>(size_of(desc.input.type))),
      tap_(tap) {
  const WindowDesc& w = window_;
  const std::int64_t reach_y = (w.kernel_h - 1) * w.dilation_h, reach_x = (w.kernel_w - 1) * w.dilation_w;
  const bool padded = desc.groups == 1 && tap == Tap::kPosition;
  const std::int64_t lanes_read =
      padded ? divide_up(input_.channels, kChannelQuad) * kChannelQuad : input_.channels;
  source_pixel_ = input_.pixel_step() * element_bytes_;
  // Of a caller's picture, nothing behind the channels may be read.
  const std::int64_t lanes_there = std::min(lanes_read, input_.pixel_step());
  copied_of_pixel_ = (lanes_there < lanes_read ? input_.channels : lanes_read) * element_bytes_;
  in_place_ = tap == Tap::kPosition && w.pad_top == 0 && w.pad_left == 0 && lanes_there == lanes_read &&
              (out_height_ - 1) * w.stride_h + reach_y < input_.height &&
              (out_width_ - 1) * w.stride_w + reach_x < input_.width;

  columns_ = (out_width_ - 1) * w.stride_w + reach_x + 1;
  left_ = std::min(w.pad_left, columns_);
  inside_ = std::clamp(input_.width, std::int64_t{0}, columns_ - left_);
  pixel_ = in_place_ ? source_pixel_ : lanes_read * element_bytes_;
  row_ = pixel_ * (in_place_ ? input_.width : columns_);

  // The pixels of a kernel row that lie next to each other without a gap are one tap.
  const bool dense_row = tap == Tap::kRow || (w.dilation_w == 1 && pixel_ == tap_groups * 4);
  tap_groups_ = dense_row && tap == Tap::kPosition ? tap_groups * w.kernel_w : tap_groups;
  for (std::int64_t ky = 0; ky < w.kernel_h; ++ky) {
    for (std::int64_t kx = 0; kx < (dense_row ? 1 : w.kernel_w); ++kx) {
      taps_.push_back(ky * w.dilation_h * row_ + kx * w.dilation_w * pixel_);
    }
  }
  group_bytes_ = input_.channels / desc.groups * element_bytes_;

  const std::int64_t bytes_of_output = w.stride_h * w.stride_w * lanes_read * element_bytes_;
  // Tall windows: neighbouring tiles both copy the rows between them.
  const std::int64_t most = tap == Tap::kRow ? 2 * kTilePixels : kTilePixels;
  max_pixels_ =
      std::min(std::clamp(kTileBytes / bytes_of_output, kFewestPixels, most), out_height_ * out_width_);
  if (in_place_) return;
  const std::int64_t most_rows = std::min((max_pixels_ + out_width_ - 2) / out_width_ + 1, out_height_);
  max_rows_ = (most_rows - 1) * w.stride_h + reach_y + 1;
  halo_ = halo_pixel(desc, lanes_read);
  halo_is_one_byte_ = std::all_of(halo_.begin(), halo_.end(), [&](std::byte b) { return b == halo_[0]; });
}

std::int64_t Geometry::tile_images(int images) const {
  const bool whole_map = max_pixels_ == out_height_ * out_width_;
  return whole_map ? std::clamp<std::int64_t>(kTilePixels / max_pixels_, 1, images) : 1;
}

std::int64_t Geometry::copy_bytes(int images) const {
  return in_place_ ? 0 : tile_images(images) * max_rows_ * row_ + kTail;
}

void Geometry::fill_halo(std::byte* to, std::int64_t pixels) const {
  if (halo_is_one_byte_) {
    std::memset(to, static_cast<int>(halo_[0]), size(pixels * pixel_));
    return;
  }
  for (std::int64_t i = 0; i < pixels; ++i) std::memcpy(to + i * pixel_, halo_.data(), halo_.size());
}

// `from`: the map's row.
void Geometry::copy_row(const std::byte* from, std::byte* to) const {
  fill_halo(to, left_);
  to += left_ * pixel_;
  if (source_pixel_ == pixel_ && copied_of_pixel_ == pixel_) {
    std::memcpy(to, from, size(inside_ * pixel_));
  } else if (tap_ == Tap::kRow && source_pixel_ >= kChannelQuad * element_bytes_) {
    if (source_pixel_ == 4 && pixel_ == 3) {
      close_up_bytes(from, to, inside_);
    } else if (element_bytes_ == 1) {
      close_up<4>(from, source_pixel_, to, pixel_, inside_);
    } else {
      close_up<8>(from, source_pixel_, to, pixel_, inside_);
    }
  } else {
    if (copied_of_pixel_ < pixel_) fill_halo(to, inside_);
    for (std::int64_t x = 0; x < inside_; ++x) {
      std::memcpy(to + x * pixel_, from + x * source_pixel_, size(copied_of_pixel_));
    }
  }
  fill_halo(to + inside_ * pixel_, columns_ - left_ - inside_);
}

void Geometry::copy(const Tile& tile, const Operand& input, std::byte* copy) const {
  const std::int64_t first_row = tile.begin / out_width_, last_row = (tile.end - 1) / out_width_;
  const std::int64_t first = first_row * window_.stride_h - window_.pad_top;
  const std::int64_t rows =
      (last_row - first_row) * window_.stride_h + (window_.kernel_h - 1) * window_.dilation_h + 1;
  for (int image = 0; image < tile.images; ++image) {
    const std::byte* map = input.data + (tile.image + image) * input.image_stride * element_bytes_;
    std::byte* to = copy + image * max_rows_ * row_;
    for (std::int64_t y = first; y < first + rows; ++y, to += row_) {
      if (y < 0 || y >= input_.height) {
        fill_halo(to, columns_);
      } else {
        copy_row(map + y * input_.width * source_pixel_, to);
      }
    }
    std::memset(to, 0, size(kTail));  // the next image's first pixels, or the tail
  }
}

void Geometry::input_addresses(const Tile& tile, const Operand& input, const std::byte* copy,
                               const std::byte** addresses) const {
  const std::int64_t row_step = row_ * window_.stride_h, pixel_step = pixel_ * window_.stride_w;
  const std::int64_t first_row = tile.begin / out_width_, first_column = tile.begin % out_width_;
  for (int image = 0; image < tile.images; ++image) {
    const std::byte* row =
        in_place_
            ? input.data + (tile.image + image) * input.image_stride * element_bytes_ + first_row * row_step
            : copy + image * max_rows_ * row_;
    std::int64_t x = first_column;
    for (std::int64_t p = tile.begin; p < tile.end; row += row_step, x = 0) {
      const std::int64_t end = std::min(tile.end, p + out_width_ - x);
      for (; p < end; ++p, ++x) *addresses++ = row + x * pixel_step;
    }
  }
}

}  // namespace octet::kernels::conv_dot
