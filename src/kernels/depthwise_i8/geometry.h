// How a depthwise layer is cut for the functions of contract.h: units of channels, output rows that are
// computed together, groups of input rows, and stretches of columns that stay in the first-level cache.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/kernel.h"
#include "kernels/op_desc.h"

namespace octet::kernels {

class DepthwiseGeometry {
 public:
  /// Channels from `first` on, of all parts the same.
  struct Unit {
    std::int64_t number, first, channels, parts;
  };
  /// Output rows from y on of one unit: `parts` times output_rows(), or what is left of the map.
  struct Item {
    Unit unit;
    std::int64_t y, rows, parts;
  };
  /// Output columns [x, x + pixels), which read `columns` input columns: first_column is the first one's
  /// number, `left` of them lie left of the map, then `inside` of them in it.
  struct Stretch {
    std::int64_t x, pixels, first_column, columns, left, inside;
  };

  /// `unit`: channels of a unit; `lane_rows`: input rows that a lane holds.
  DepthwiseGeometry(const ConvDesc& desc, std::int64_t unit, std::int64_t lane_rows);

  const std::vector<Unit>& units() const { return units_; }
  std::int64_t output_rows() const { return output_rows_; }
  /// Groups of input rows that output_rows() rows read.
  std::int64_t groups() const { return groups_; }
  std::int64_t input_rows() const { return groups_ * lane_rows_; }
  /// The number of the r-th input row for output rows from y on; outside the map, also where no output reads
  /// it.
  std::int64_t input_row(std::int64_t y, std::int64_t r) const;
  /// The kernel row by which output row `row` of a part multiplies its r-th input row; -1: by none.
  std::int64_t kernel_row(std::int64_t row, std::int64_t r) const;

  /// Most columns of a stretch.
  std::int64_t columns() const;
  template <class F>
  void for_each_stretch(F&& f) const {
    for (std::int64_t x = 0; x < width_; x += pixels_) f(stretch(x));
  }

  /// Calls f(image, item) for a worker's share of a call.
  template <class F>
  void for_each_item(int images, int worker, int workers, F&& f) const {
    const auto items = static_cast<std::int64_t>(items_.size());
    const Share share = share_of(images * items, worker, workers);
    std::int64_t image = share.begin / items, item = share.begin % items;
    for (std::int64_t i = share.begin; i < share.end; ++i) {
      f(image, items_[static_cast<std::size_t>(item)]);
      if (++item == items) item = 0, ++image;
    }
  }

 private:
  std::int64_t groups_of(std::int64_t output_rows) const;
  double cost_of(std::int64_t output_rows) const;
  void cut_channels(const ConvDesc& desc, std::int64_t unit);
  void cut_rows(std::int64_t most_parts);
  Stretch stretch(std::int64_t x) const;

  WindowDesc window_;
  std::int64_t lane_rows_, height_, width_, input_width_;
  std::int64_t output_rows_, groups_;
  std::int64_t pixels_;  // of a stretch
  std::vector<Unit> units_;
  std::vector<Item> items_;  // of an image
};

}  // namespace octet::kernels
