// Synthetic input of a benchmark: random numbers, none of them zero, as the study filled its images. The same
// seed gives the same images on every machine; image i does not depend on how many images are made.
#pragma once

#include <cstdint>
#include <vector>

#include "octet/types.h"

namespace octet::lab {

/// `images` images of `shape` (its first dimension is ignored), dense NCHW. Values are uniform over the
/// non-zero multiples of 1/128 in [-1, 1]. `first` leaves out the series' first images. Throws
/// Error(kInvalidArgument) for images < 1 or first < 0.
std::vector<float> synthetic_images(const Shape& shape, int images, std::uint64_t seed, int first = 0);

/// The same as pictures' bytes, dense N x H x W x C: uniform over 1..255.
std::vector<std::uint8_t> synthetic_pixels(const Shape& shape, int images, std::uint64_t seed);

}  // namespace octet::lab
