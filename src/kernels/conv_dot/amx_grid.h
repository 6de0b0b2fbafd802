// How a call is cut into bands of rows and parts of panels, so that each of its workers finds an equal share
// and a band's input fits into the cache.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/conv_dot/amx_tiles.h"
#include "kernels/conv_dot/convolution.h"
#include "kernels/kernel.h"

namespace octet::kernels::conv_dot {

/// Units [unit, unit + units) of each of `images` images.
struct AmxBand {
  std::int64_t image = 0, images = 1;
  std::int64_t unit = 0, units = 0;
};

/// What is to be cut. A unit is an output row, or where the input is read in place 32 rows of input.
struct AmxGridSize {
  std::int64_t images = 1, units = 1;
  std::int64_t unit_rows = 1;                  ///< rows of input; 0: workers share panels before rows
  std::int64_t max_images = 1, max_units = 1;  ///< of a band; more than one image only of whole maps
};

class AmxGrid {
 public:
  AmxGrid(const AmxGridSize& size, std::int64_t panels, int workers)
      : size_(size),
        image_bands_(divide_up(size.images, size.max_images)),
        unit_bands_(divide_up(size.units, size.max_units)) {
    const auto even = [&] { return bands() % workers == 0 || bands() >= kBandsThatBalance * workers; };
    if (even()) return;
    if (size.images >= workers) {
      image_bands_ = std::min(divide_up(image_bands_, workers) * workers, size.images);
    } else if (size.images * size.units * size.unit_rows >= workers * kFewestRows) {
      unit_bands_ = std::min(divide_up(unit_bands_, workers) * workers, size.units);
    }
    if (!even()) parts_ = static_cast<int>(std::min<std::int64_t>(workers, panels));
  }

  std::int64_t bands() const { return image_bands_ * unit_bands_; }
  int parts() const { return parts_; }
  AmxBand band(std::int64_t index) const {
    const Share images =
        share_of(size_.images, static_cast<int>(index / unit_bands_), static_cast<int>(image_bands_));
    const Share units =
        share_of(size_.units, static_cast<int>(index % unit_bands_), static_cast<int>(unit_bands_));
    return {images.begin, images.end - images.begin, units.begin, units.end - units.begin};
  }

 private:
  static constexpr std::int64_t kBandsThatBalance = 6;         // with that many a worker has its fair share
  static constexpr std::int64_t kFewestRows = 4 * kBlockRows;  // for a worker; else panels are split

  AmxGridSize size_;
  std::int64_t image_bands_, unit_bands_;
  int parts_ = 1;
};

}  // namespace octet::kernels::conv_dot
