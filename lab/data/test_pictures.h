// Pictures for the tests, made by libjpeg and libpng themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lab/data/image.h"
#include "octet/error.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab::test {

using octet::test::TemporaryDirectory;

/// Smooth in both directions and different in each channel, so that JPEG keeps it within a few steps.
Image smooth_picture(int width, int height);
/// Values of a 32-bit linear congruential generator (a 1664525, c 1013904223, seed 1, top byte): the pattern
/// that the golden values of the resize tests were made from.
Image noisy_picture(int width, int height);

enum class JpegKind { kRgb, kGrey, kCmyk, kYcck };
struct JpegOptions {
  JpegKind kind = JpegKind::kRgb;
  bool progressive = false;
  bool adobe_marker = true;  ///< for CMYK and YCCK
};
/// `samples`: height x width x (3, 1 or 4) bytes, 4:4:4, quality 100.
std::vector<std::byte> encode_jpeg(int width, int height, const std::vector<std::uint8_t>& samples,
                                   const JpegOptions& options = {});
std::vector<std::byte> encode_jpeg(const Image& image);

/// `color_type` and `bit_depth` as in png.h; `rows` as libpng takes them, `palette` of R, G, B triples.
std::vector<std::byte> encode_png(int width, int height, int color_type, int bit_depth,
                                  const std::vector<std::uint8_t>& rows,
                                  const std::vector<std::uint8_t>& palette = {}, bool interlaced = false);

/// The error that `action` throws; Error(kInternal, "nothing was thrown") if it throws none.
Error error_of(const std::function<void()>& action);

}  // namespace octet::lab::test
