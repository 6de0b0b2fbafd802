#include "kernels/conv_dot/amx_geometry.h"

#include <algorithm>
#include <cstring>

#include "kernels/conv_dot/amx_tiles.h"
#include "kernels/conv_dot/convolution.h"

namespace octet::kernels::conv_dot {
namespace {

// A band's input stays in the second-level cache (2 MiB on CPUs with tiles) beside the weights of a few
// panels.
constexpr std::int64_t kBandBytes = 512 * 1024;
// Pixels of up to so many bytes are laid out in strips.
constexpr std::int64_t kStripPixelBytes = 8;

std::size_t size(std::int64_t bytes) { return static_cast<std::size_t>(bytes); }
std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return divide_up(value, multiple) * multiple;
}

}  // namespace

/// One spatial axis of a window. Position u of the padded input is index u / stride of the plane of phase
/// u % stride, so output o finds a tap at index o + tap_index.
struct AmxGeometry::Axis {
  std::int64_t inputs, outputs, kernel, stride, dilation, pad;
  std::vector<std::int64_t> phases;  // that taps touch, rising
  std::int64_t reach = 0;            // largest tap_index

  Axis(std::int64_t input_count, std::int64_t output_count, std::int64_t taps, std::int64_t step,
       std::int64_t spread, std::int64_t front)
      : inputs(input_count), outputs(output_count), kernel(taps), stride(step), dilation(spread), pad(front) {
    for (std::int64_t tap = 0; tap < kernel; ++tap) {
      phases.push_back(tap * dilation % stride);
      reach = std::max(reach, tap_index(tap));
    }
    std::sort(phases.begin(), phases.end());
    phases.erase(std::unique(phases.begin(), phases.end()), phases.end());
  }
  std::int64_t tap_index(std::int64_t tap) const { return tap * dilation / stride; }
  /// Which of `phases`.
  std::int64_t tap_plane(std::int64_t tap) const {
    return std::lower_bound(phases.begin(), phases.end(), tap * dilation % stride) - phases.begin();
  }
  /// Of `columns` columns `step` apart that begin at `phase`: how many lie before the map, or behind it,
  /// whichever is fewer.
  std::int64_t halo_of_both_sides(std::int64_t phase, std::int64_t step, std::int64_t columns) const {
    const auto first_column = [&](std::int64_t position) {
      return std::min(divide_up(std::max(position - phase, std::int64_t{0}), step), columns);
    };
    return std::min(first_column(pad), columns - first_column(pad + inputs));
  }
};

AmxGeometry::AmxGeometry(const ConvDesc& desc)
    : window_(desc.window),
      height_(desc.input.height),
      width_(desc.input.width),
      out_height_(desc.output.height),
      out_width_(desc.output.width),
      group_outputs_(desc.output.channels / desc.groups),
      groups_(desc.groups) {
  const WindowDesc& w = window_;
  const auto element = static_cast<std::int64_t>(size_of(desc.input.type));
  const bool bf16 = desc.input.type == DataType::kBFloat16;
  source_pixel_ = desc.input.pixel_step() * element;
  source_row_ = source_pixel_ * width_;
  const std::int64_t channels = desc.input.channels / desc.groups;
  group_bytes_ = channels * element;
  tap_bytes_ = round_up(channels, kChannelQuad) * element;
  copied_bytes_ = tap_bytes_ <= source_pixel_ ? tap_bytes_ : group_bytes_;

  const bool no_halo = w.pad_top == 0 && w.pad_left == 0 && w.pad_bottom == 0 && w.pad_right == 0;
  const bool one_to_one = w.kernel_h == 1 && w.kernel_w == 1 && w.stride_h == 1 && w.stride_w == 1 &&
                          no_halo && out_height_ == height_ && out_width_ == width_;
  const bool whole_map = w.kernel_h == height_ && w.kernel_w == width_ && w.dilation_h == 1 &&
                         w.dilation_w == 1 && no_halo && out_height_ * out_width_ == 1 && desc.groups == 1;
  // What lies behind a run of less than a step may be anything: of no matter to an integer that is multiplied
  // by zero, but a NaN would stay one.
  const auto readable = [&](std::int64_t run) {
    return source_pixel_ >= tap_bytes_ && (!bf16 || run >= kTileRowBytes);
  };
  // Padding lanes, which meet weights of zero, close the gaps between the pixels of a whole map.
  const std::int64_t padded_pixel = desc.input.padded_channels() * element;
  const bool dense = source_pixel_ == padded_pixel;
  if (whole_map && readable(padded_pixel * (dense ? height_ * width_ : 1))) {
    source_ = Source::kWholeMap;
    tap_bytes_ = padded_pixel;
    std::vector<std::int64_t> offsets;
    for (std::int64_t tap = 0; tap < w.kernel_h * w.kernel_w; ++tap) {
      taps_.push_back(tap);
      offsets.push_back(tap * source_pixel_);
    }
    cut_into_steps(offsets);
    return;
  }
  if (one_to_one && readable(tap_bytes_)) {
    source_ = Source::kPixels;
    row_step_ = source_pixel_;
    taps_ = {0};
    cut_into_steps({0});
    return;
  }
  halo_.assign(size(group_bytes_ * (desc.groups - 1) + tap_bytes_), std::byte{0});
  if (!bf16) {
    std::fill(halo_.begin(), halo_.end(), static_cast<std::byte>(desc.input.quantization.zero_point));
    for (std::size_t c = 0; c < desc.halo.size(); ++c) halo_[c] = std::byte{desc.halo[c]};
  }
  halo_is_one_byte_ = std::all_of(halo_.begin(), halo_.end(), [&](std::byte b) { return b == halo_[0]; });
  const Axis y(height_, out_height_, w.kernel_h, w.stride_h, w.dilation_h, w.pad_top);
  const Axis x(width_, out_width_, w.kernel_w, w.stride_w, w.dilation_w, w.pad_left);
  tap_bytes_ <= kStripPixelBytes ? choose_strips(x, bf16) : place_planes(y, x);
}

void AmxGeometry::place_planes(const Axis& y, const Axis& x) {
  source_ = Source::kPlanes;
  row_phases_ = y.phases;
  column_phases_ = x.phases;
  reach_ = y.reach;
  const std::int64_t columns = out_width_ + x.reach;
  shared_columns_ = x.reach;  // an output's own columns are its alone
  for (std::int64_t phase : x.phases) {
    shared_columns_ = std::min(shared_columns_, x.halo_of_both_sides(phase, x.stride, columns));
  }
  column_pitch_ = columns - shared_columns_;
  row_pitch_ = column_pitch_;
  row_step_ = tap_bytes_;

  const auto planes = static_cast<std::int64_t>(y.phases.size() * x.phases.size());
  const std::int64_t plane_row = column_pitch_ * tap_bytes_;
  max_rows_ = std::clamp(kBandBytes / (planes * plane_row) - reach_, std::int64_t{1}, out_height_);
  plane_bytes_ =
      plane_row * (max_rows_ + reach_) + round_up(kTileRowBytes, tap_bytes_) + shared_columns_ * tap_bytes_;
  image_bytes_ = planes * plane_bytes_;

  std::vector<std::int64_t> offsets;
  for (std::int64_t ky = 0; ky < y.kernel; ++ky) {
    for (std::size_t plane = 0; plane < x.phases.size(); ++plane) {  // neighbours of a plane are one run
      for (std::int64_t kx = 0; kx < x.kernel; ++kx) {
        if (x.tap_plane(kx) != static_cast<std::int64_t>(plane)) continue;
        const std::int64_t index =
            y.tap_plane(ky) * static_cast<std::int64_t>(x.phases.size()) + x.tap_plane(kx);
        taps_.push_back(ky * x.kernel + kx);
        offsets.push_back(index * plane_bytes_ +
                          (y.tap_index(ky) * column_pitch_ + x.tap_index(kx)) * tap_bytes_);
      }
    }
  }
  cut_into_steps(offsets);
}

void AmxGeometry::choose_strips(const Axis& x, bool bf16) {
  source_ = Source::kStrips;
  halo_line_.resize(size(width_ * source_pixel_) + halo_.size());
  for (std::int64_t i = 0; i < width_; ++i)
    std::copy(halo_.begin(), halo_.end(), halo_line_.begin() + i * source_pixel_);
  place_strips(x, window_.kernel_h);
  if (window_.dilation_h != 1 || window_.stride_h >= window_.kernel_h) return;
  // As `readable` says: a pixel below the window may be NaN.
  if (bf16 && window_.kernel_h % window_.stride_h != 0) return;
  const double cycles = cycles_by_strips();
  place_strips(x, window_.stride_h);
  if (cycles_by_strips() > cycles) place_strips(x, window_.kernel_h);
}

double AmxGeometry::cycles_by_strips() const {
  constexpr double kProductCycles = 16;
  const std::int64_t tiles = divide_up((out_height_ - 1) * row_pitch_ + out_width_, kTileRows) *
                             divide_up(group_outputs_, kTileChannels);
  return kProductCycles * static_cast<double>(groups_ * tiles) * static_cast<double>(steps_.size()) +
         copy_cycles();
}

void AmxGeometry::place_strips(const Axis& x, std::int64_t strip_rows) {
  strip_rows_ = strip_rows;
  const std::int64_t strips = divide_up(window_.kernel_h, strip_rows);  // of a window
  reach_ = strips - 1;
  const std::int64_t columns = (out_width_ - 1) * x.stride + (x.kernel - 1) * x.dilation + 1;
  const std::int64_t own = (out_width_ - 1) * x.stride + 1;
  shared_columns_ = std::min(x.halo_of_both_sides(0, 1, columns), columns - own);
  column_pitch_ = round_up(columns - shared_columns_, x.stride);
  shared_columns_ = std::max(columns - column_pitch_, std::int64_t{0});
  row_pitch_ = column_pitch_ / x.stride;
  const std::int64_t column = strip_rows * tap_bytes_;
  row_step_ = x.stride * column;

  const std::int64_t strip_bytes = column_pitch_ * column;
  max_rows_ = std::clamp(kBandBytes / strip_bytes - reach_, std::int64_t{1}, out_height_);
  image_bytes_ =
      strip_bytes * (max_rows_ + reach_) + round_up(kTileRowBytes, column) + shared_columns_ * column;

  taps_.clear();
  std::vector<std::int64_t> offsets;
  for (std::int64_t strip = 0; strip < strips; ++strip) {
    for (std::int64_t kx = 0; kx < x.kernel; ++kx) {
      for (std::int64_t row = 0; row < strip_rows; ++row) {
        const std::int64_t ky = strip * strip_rows + row;
        if (ky >= window_.kernel_h && kx == x.kernel - 1) break;  // nothing follows in this run
        taps_.push_back(ky < window_.kernel_h ? ky * x.kernel + kx : kNoTap);
        offsets.push_back(strip * strip_bytes + kx * x.dilation * column + row * tap_bytes_);
      }
    }
  }
  cut_into_steps(offsets);
}

void AmxGeometry::cut_into_steps(const std::vector<std::int64_t>& tap_offsets) {
  steps_.clear();
  step_offsets_.clear();
  for (std::size_t first = 0, next = 0; first < tap_offsets.size(); first = next) {
    next = first + 1;
    while (next < tap_offsets.size() && tap_offsets[next] == tap_offsets[next - 1] + tap_bytes_) ++next;
    const std::int64_t run = static_cast<std::int64_t>(next - first) * tap_bytes_;
    for (std::int64_t done = 0; done < run; done += kTileRowBytes) {
      const std::int64_t from = std::max(std::min(done, run - kTileRowBytes), std::int64_t{0});
      const std::int64_t end = std::min<std::int64_t>(run - from, kTileRowBytes);
      steps_.push_back({first, from, static_cast<int>(done - from), static_cast<int>(end)});
      step_offsets_.push_back(tap_offsets[first] + from);
    }
  }
}

std::int64_t AmxGeometry::max_images(int images) const {
  if (in_place() || max_rows_ < out_height_) return 1;
  return std::clamp(kBandBytes / image_bytes_, std::int64_t{1}, std::int64_t{images});
}

// The last block may compute up to 31 rows that are not there.
std::int64_t AmxGeometry::copy_bytes(int images) const {
  if (in_place()) return 0;
  return max_images(images) * image_bytes_ + kBlockRows * row_step_ + kTileRowBytes;
}

// As measured: 4 cycles a line of 64 bytes of whole pixels, and in strips 0.6 a pixel.
double AmxGeometry::copy_cycles() const {
  if (in_place()) return 0;
  const auto bytes = static_cast<double>(image_bytes_ * groups_) * static_cast<double>(out_height_) /
                     static_cast<double>(max_rows_);
  return source_ == Source::kStrips ? 0.6 * bytes / static_cast<double>(tap_bytes_)
                                    : 4 * bytes / kTileRowBytes;
}

void AmxGeometry::fill(const std::byte* halo, std::int64_t cells, std::byte* to) const {
  if (halo_is_one_byte_) {
    std::memset(to, static_cast<int>(halo[0]), size(cells * tap_bytes_));
    return;
  }
  for (std::int64_t i = 0; i < cells; ++i) std::memcpy(to + i * tap_bytes_, halo, size(tap_bytes_));
}

void AmxGeometry::copy(const std::byte* input, std::int64_t group, std::int64_t row, std::int64_t rows,
                       std::byte* to) const {
  const std::byte* const halo = halo_.data() + group * group_bytes_;
  input += group * group_bytes_;
  const Share share = {row, row + rows};
  source_ == Source::kStrips ? copy_strips(input, halo, share, to) : copy_planes(input, halo, share, to);
}

void AmxGeometry::copy_planes(const std::byte* input, const std::byte* halo, Share rows,
                              std::byte* to) const {
  const WindowDesc& w = window_;
  const std::int64_t tail = shared_columns_ + divide_up(kTileRowBytes, tap_bytes_);
  for (std::int64_t row_phase : row_phases_) {
    for (std::int64_t phase : column_phases_) {
      // Columns [left, right) lie in the map.
      const auto first_column = [&](std::int64_t position) {
        return std::min(divide_up(std::max(position - phase, std::int64_t{0}), w.stride_w), column_pitch_);
      };
      const std::int64_t left = first_column(w.pad_left), right = first_column(w.pad_left + width_);
      std::byte* at = to;
      to += plane_bytes_;
      for (std::int64_t row = rows.begin; row < rows.end + reach_; ++row) {
        const std::int64_t y = row * w.stride_h + row_phase - w.pad_top;
        if (y < 0 || y >= height_) {
          fill(halo, column_pitch_, at);
        } else {
          fill(halo, left, at);
          const std::byte* from =
              input + y * source_row_ + (left * w.stride_w + phase - w.pad_left) * source_pixel_;
          if (w.stride_w == 1 && source_pixel_ == tap_bytes_) {
            std::memcpy(at + left * tap_bytes_, from, size((right - left) * tap_bytes_));
          } else {
            if (copied_bytes_ < tap_bytes_) fill(halo, right - left, at + left * tap_bytes_);
            for (std::int64_t x = left; x < right; ++x, from += w.stride_w * source_pixel_) {
              std::memcpy(at + x * tap_bytes_, from, size(copied_bytes_));
            }
          }
          fill(halo, column_pitch_ - right, at + right * tap_bytes_);
        }
        at += column_pitch_ * tap_bytes_;
      }
      fill(halo, tail, at);
    }
  }
}

namespace {

/// Pixel x of line r to place x * kRows + r.
template <class Pixel, int kRows>
void interleave_rows(const std::byte* const* lines, std::int64_t count, std::byte* __restrict to) {
  const std::byte* from[kRows];
  std::copy_n(lines, kRows, from);
  for (std::int64_t x = 0; x < count; ++x) {
    for (int r = 0; r < kRows; ++r) {
      std::memcpy(to + (x * kRows + r) * sizeof(Pixel), from[r] + x * sizeof(Pixel), sizeof(Pixel));
    }
  }
}

constexpr std::int64_t kMostInterleaved = 7;

/// `rows`: 1 to kMostInterleaved.
template <class Pixel, int kRows = kMostInterleaved>
void interleave(const std::byte* const* lines, std::int64_t rows, std::int64_t count, std::byte* to) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return interleave<Pixel, kRows - 1>(lines, rows, count, to);
  }
  interleave_rows<Pixel, kRows>(lines, count, to);
}

}  // namespace

void AmxGeometry::copy_strips(const std::byte* input, const std::byte* halo, Share rows,
                              std::byte* to) const {
  const WindowDesc& w = window_;
  const std::int64_t column = strip_rows_ * tap_bytes_;
  const std::int64_t left = std::min(w.pad_left, column_pitch_);
  const std::int64_t right = std::clamp(w.pad_left + width_, left, column_pitch_);
  for (std::int64_t strip = rows.begin; strip < rows.end + reach_; ++strip, to += column_pitch_ * column) {
    fill(halo, left * strip_rows_, to);
    fill(halo, (column_pitch_ - right) * strip_rows_, to + right * column);
    const auto line = [&](std::int64_t row) {
      const std::int64_t y = strip * w.stride_h + row * w.dilation_h - w.pad_top;
      return y < 0 || y >= height_ ? halo_line_.data() + (halo - halo_.data()) : input + y * source_row_;
    };
    std::byte* const map = to + left * column;
    if (source_pixel_ == tap_bytes_ && strip_rows_ <= kMostInterleaved) {
      const std::byte* lines[kMostInterleaved];
      for (std::int64_t row = 0; row < strip_rows_; ++row) lines[row] = line(row);
      tap_bytes_ == 4 ? interleave<std::uint32_t>(lines, strip_rows_, right - left, map)
                      : interleave<std::uint64_t>(lines, strip_rows_, right - left, map);
      continue;
    }
    if (copied_bytes_ < tap_bytes_) fill(halo, (right - left) * strip_rows_, map);
    for (std::int64_t row = 0; row < strip_rows_; ++row) {
      const std::byte* const from = line(row);
      for (std::int64_t x = 0; x < right - left; ++x) {
        std::memcpy(map + x * column + row * tap_bytes_, from + x * source_pixel_, size(copied_bytes_));
      }
    }
  }
  fill(halo, shared_columns_ * strip_rows_ + divide_up(kTileRowBytes, tap_bytes_), to);
}

}  // namespace octet::kernels::conv_dot
