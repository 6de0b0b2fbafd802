// The two bilinear filters in which published ImageNet figures were measured, bit for bit. They differ by
// more than one point of top-1 on some networks, so a protocol must name its filter. Pixel centres lie at
// half-integers in both.
#pragma once

#include "lab/data/image.h"

namespace octet::lab {

/// cv::resize(INTER_LINEAR) on 8-bit pictures: two taps a direction whatever the reduction (aliases when it
/// shrinks), 11-bit coefficients. An exact halving of both sides is the mean of 2x2, as in OpenCV.
/// Throws Error(kInvalidArgument) if a side is < 1 or the result has more than kMaxImagePixels.
Image resize_opencv_linear(const Image& image, int width, int height);

/// Pillow's Image.resize(BILINEAR) up to version 12: the triangle widens with the reduction (antialiased),
/// 22-bit coefficients, rows first, 8-bit between the passes. (Pillow 13 filters columns first where that is
/// cheaper, which moves some values by one.) Errors as above.
Image resize_pillow_bilinear(const Image& image, int width, int height);

}  // namespace octet::lab
