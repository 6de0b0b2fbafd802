// Where tiles find the input of a convolution. A block's rows must lie a constant distance apart, so output
// pixels are numbered along rows of input, and the few rows that are no output pixel are computed and
// dropped:
//
//   kPixels    1x1 without halo and stride: a row is a pixel of the tensor itself, across images if they are
//              dense
//   kWholeMap  the window is the whole map (fully connected layers): a row is an image of the tensor itself
//   kPlanes    scratch, [plane of stride phase][row][column][channels]: whatever the stride, neighbouring
//              outputs read neighbouring columns. A row's right halo is the next row's left one.
//   kStrips    scratch, for pictures: [strip][column][row of the strip][channels], so that the rows of a
//              window of few channels lie together and fill its steps. A strip is as high as the window, one
//              an output row (3x3: one step of 36 bytes), or as high as the stride, so that windows share
//              strips and no pixel is copied twice (7x7 by 2: four strips of two rows, 56 bytes a step);
//              whichever costs less.
//
// Taps that lie next to each other form a run; a run is cut into steps of 64 bytes, of which the last ends
// where the run ends and meets weights of zero in what the step before it has taken. Counted in bytes where
// nothing else is said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/kernel.h"
#include "kernels/op_desc.h"

namespace octet::kernels::conv_dot {

/// What bytes [begin, end) of a step hold: the taps from `first_tap` on, of which byte 0 of the step is byte
/// `first_byte`.
struct AmxStep {
  std::size_t first_tap;
  std::int64_t first_byte;
  int begin, end;
};

class AmxGeometry {
 public:
  enum class Source { kPixels, kWholeMap, kPlanes, kStrips };

  explicit AmxGeometry(const ConvDesc& desc);

  Source source() const { return source_; }
  bool in_place() const { return source_ == Source::kPixels || source_ == Source::kWholeMap; }

  static constexpr std::int64_t kNoTap = -1;
  /// Kernel positions (ky * kernel_w + kx) in the order of the runs; each takes tap_bytes() of a step.
  /// kNoTap: a pixel of a strip that lies below the window.
  const std::vector<std::int64_t>& taps() const { return taps_; }
  std::int64_t tap_bytes() const { return tap_bytes_; }
  const std::vector<AmxStep>& steps() const { return steps_; }
  /// Of each step, from a row's start.
  const std::vector<std::int64_t>& step_offsets() const { return step_offsets_; }

  // Of a copy.
  std::int64_t row_step() const { return row_step_; }    ///< from one row to the next; kPixels too
  std::int64_t row_pitch() const { return row_pitch_; }  ///< rows from an output row to the next
  std::int64_t max_rows() const { return max_rows_; }    ///< output rows of a band
  std::int64_t image_bytes() const { return image_bytes_; }
  /// From one group of input channels to the next.
  std::int64_t group_bytes() const { return group_bytes_; }
  std::int64_t max_images(int images) const;  ///< of a band
  std::int64_t copy_bytes(int images) const;
  /// Of copying an image, all groups: what copy() takes.
  double copy_cycles() const;
  /// Copies what output rows [row, row + rows) of an image need of one group of channels. `input`: the
  /// image's first byte.
  void copy(const std::byte* input, std::int64_t group, std::int64_t row, std::int64_t rows,
            std::byte* to) const;

 private:
  struct Axis;

  void place_planes(const Axis& y, const Axis& x);
  void choose_strips(const Axis& x, bool bf16);
  void place_strips(const Axis& x, std::int64_t strip_rows);
  double cycles_by_strips() const;
  void cut_into_steps(const std::vector<std::int64_t>& tap_offsets);
  void copy_planes(const std::byte* input, const std::byte* halo, Share rows, std::byte* to) const;
  void copy_strips(const std::byte* input, const std::byte* halo, Share rows, std::byte* to) const;
  void fill(const std::byte* halo, std::int64_t cells, std::byte* to) const;

  WindowDesc window_;
  std::int64_t height_, width_, out_height_, out_width_, group_outputs_, groups_;
  std::int64_t source_pixel_, source_row_, group_bytes_;
  std::int64_t tap_bytes_, copied_bytes_;  // of a pixel: as taps see it; that the source has
  Source source_;
  std::vector<std::int64_t> taps_, step_offsets_;
  std::vector<AmxStep> steps_;
  std::int64_t row_step_ = 0, row_pitch_ = 1, max_rows_ = 1, image_bytes_ = 0;
  std::int64_t column_pitch_ = 1, shared_columns_ = 0;  // from a row to the next; that both hold
  std::int64_t reach_ = 0;                              // rows or strips beyond the output's
  std::int64_t plane_bytes_ = 0, strip_rows_ = 0;       // of kPlanes; of kStrips
  std::vector<std::int64_t> row_phases_, column_phases_;
  std::vector<std::byte> halo_;       // one pixel of all groups
  std::vector<std::byte> halo_line_;  // of kStrips: as a line of the map, every pixel of which is the halo's
  bool halo_is_one_byte_ = false;
};

}  // namespace octet::kernels::conv_dot
