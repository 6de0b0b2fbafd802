// Pictures for the programs to read: PNGs of noise about a shade, no two alike.
#pragma once

#include <gtest/gtest.h>
#include <png.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace octet::test {

/// 20 x 30 pixels. The noise is a linear congruential generator's, seeded by the shade.
inline void write_png(const std::filesystem::path& file, unsigned shade) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = 20;
  image.height = 30;
  image.format = PNG_FORMAT_RGB;
  std::uint32_t state = shade + 1;
  std::vector<unsigned char> pixels(std::size_t{20} * 30 * 3);
  for (unsigned char& pixel : pixels) {
    state = state * 1664525 + 1013904223;
    pixel = static_cast<unsigned char>((shade + (state >> 26)) & 255);
  }
  ASSERT_NE(png_image_write_to_file(&image, file.c_str(), 0, pixels.data(), 0, nullptr), 0);
}

}  // namespace octet::test
