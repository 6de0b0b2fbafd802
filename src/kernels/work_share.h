// Which outputs of a call are a worker's. All outputs stand in one line: output channels in parts (some
// panels each), in each part the pixels of all images, row by row; and every worker gets a stretch of it.
// Stretches are equally long in pixels times lanes, to one pixel of one part, however many workers there are,
// how few pixels a map has, and how unequal the panels are. Only the number of parts is a choice: with one, a
// worker has pixels and all of their channels, with more it has more pixels and fewer weights.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "kernels/kernel.h"

namespace octet::kernels {

/// Lanes of some panels. `before`: lanes before each panel, and at last all lanes.
inline std::int64_t lanes_of(std::span<const std::int64_t> before, Share panels) {
  return before[static_cast<std::size_t>(panels.end)] - before[static_cast<std::size_t>(panels.begin)];
}

/// The outputs of a call.
struct OutputSpace {
  /// Pixels. A kernel that numbers a map's pixels through has one row of them; a method that computes several
  /// at once counts those.
  std::int64_t images = 1, rows = 1, columns = 1;
  /// Lanes (output channels with their padding) before each panel, which is never cut, and at last all lanes.
  std::span<const std::int64_t> panels;
  /// What reading, copying or transforming a pixel's input takes, whatever the lanes that are computed from
  /// it: so many lanes' worth of multiplying.
  std::int64_t input_lanes = 8;
  /// What reading a lane's weights takes: so many pixels' worth. 64 multiply-adds of bytes a cycle, and 16 to
  /// 32 bytes a cycle from the second-level cache, make it 4; FP32 has both four times slower.
  std::int64_t weight_pixels = 4;

  std::int64_t pixels() const { return images * rows * columns; }
  std::int64_t lanes() const { return panels.back(); }
  int panel_count() const { return static_cast<int>(panels.size()) - 1; }
};

/// The largest tile: of several images only if it has whole maps, of several rows only if it has whole rows.
struct TileLimits {
  std::int64_t images = 1, rows = 1, columns = 1;
};

/// A worker computes these panels of these pixels.
struct WorkTile {
  std::int64_t image = 0, images = 0;
  std::int64_t row = 0, rows = 0;
  std::int64_t column = 0, columns = 0;
  Share panels{0, 0};
  std::int64_t pixels() const { return images * rows * columns; }
};

class WorkShare {
 public:
  WorkShare(const OutputSpace& space, int worker, int workers);

  int parts() const { return parts_; }

  /// Calls f(tile) for tiles that together are the worker's stretch, as few as the limits allow and of nearly
  /// equal size.
  template <typename F>
  void for_each_tile(const TileLimits& limits, F&& f) const {
    for (int part = begin_.part; part <= end_.part && part < parts_; ++part) {
      const Share stretch{part == begin_.part ? begin_.pixel : 0,
                          part == end_.part ? end_.pixel : space_.pixels()};
      cut(stretch, limits, share_of(space_.panel_count(), part, parts_), f);
    }
  }

 private:
  /// A place in the line.
  struct Place {
    int part;
    std::int64_t pixel;
  };
  Place place_of(int worker, int workers) const;
  template <typename F>
  void cut(Share stretch, const TileLimits& limits, Share panels, F&& f) const;

  const OutputSpace space_;
  int parts_;
  Place begin_, end_;
};

template <typename F>
void WorkShare::cut(Share stretch, const TileLimits& limits, Share panels, F&& f) const {
  const std::int64_t columns = space_.columns, map = space_.rows * columns;
  const auto each = [](std::int64_t items, std::int64_t most, auto&& g) {
    const auto pieces = static_cast<int>((items + most - 1) / most);
    for (int piece = 0; piece < pieces; ++piece) g(share_of(items, piece, pieces));
  };
  const bool whole_rows = columns <= limits.columns, whole_maps = whole_rows && space_.rows <= limits.rows;
  for (std::int64_t at = stretch.begin; at < stretch.end;) {
    const std::int64_t image = at / map, row = at % map / columns, column = at % columns;
    if (whole_maps && at % map == 0 && stretch.end - at >= map) {
      const std::int64_t images = (stretch.end - at) / map;
      each(images, limits.images, [&](Share some) {
        f(WorkTile{image + some.begin, some.size(), 0, space_.rows, 0, columns, panels});
      });
      at += images * map;
      continue;
    }
    const std::int64_t left = std::min(stretch.end, (image + 1) * map) - at;  // in this image
    if (whole_rows && column == 0 && left >= columns) {
      const std::int64_t rows = left / columns;
      each(rows, limits.rows, [&](Share some) {
        f(WorkTile{image, 1, row + some.begin, some.size(), 0, columns, panels});
      });
      at += rows * columns;
      continue;
    }
    const std::int64_t pixels = std::min(left, columns - column);
    each(pixels, limits.columns, [&](Share some) {
      f(WorkTile{image, 1, row, 1, column + some.begin, some.size(), panels});
    });
    at += pixels;
  }
}

}  // namespace octet::kernels
