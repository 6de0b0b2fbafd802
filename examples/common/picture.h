// A PNG file as the input of a Caffe network: planes of blue, green and red, each less its mean.
#pragma once

#include <octet/octet.h>
#include <png.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

struct Picture {
  std::int64_t height = 0, width = 0;
  std::vector<std::uint8_t> bgr;  // row by row, three bytes a pixel
};

inline Picture read_png(const std::string& file) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_file(&header, file.c_str()) == 0)
    throw octet::Error(octet::ErrorCode::kNotFound, file + ": " + header.message);
  header.format = PNG_FORMAT_BGR;
  Picture picture{header.height, header.width, std::vector<std::uint8_t>(PNG_IMAGE_SIZE(header))};
  if (png_image_finish_read(&header, nullptr, picture.bgr.data(), 0, nullptr) == 0)
    throw octet::Error(octet::ErrorCode::kParse, file + ": " + header.message);
  return picture;
}

// Fills one image of the network's input, whose shape is {1, 3, height, width}. The picture is stretched to
// that size by linear interpolation. Networks want just what they were trained with: for figures that are to
// be compared with others, `octet accuracy` has the protocols.
inline void to_input(const Picture& picture, const octet::Shape& shape, const std::array<float, 3>& mean_bgr,
                     std::span<float> input) {
  const std::int64_t height = shape[2], width = shape[3];
  const auto pixel = [&](std::int64_t y, std::int64_t x, std::int64_t channel) {
    y = std::clamp<std::int64_t>(y, 0, picture.height - 1);
    x = std::clamp<std::int64_t>(x, 0, picture.width - 1);
    return static_cast<float>(picture.bgr[static_cast<std::size_t>((y * picture.width + x) * 3 + channel)]);
  };
  // Where the middle of the i-th of `to` pixels lies among `from` pixels.
  const auto place = [](std::int64_t i, std::int64_t from, std::int64_t to) {
    const float middle =
        (static_cast<float>(i) + 0.5f) * static_cast<float>(from) / static_cast<float>(to) - 0.5f;
    return std::max(middle, 0.0f);
  };
  std::size_t next = 0;
  for (std::int64_t channel = 0; channel < 3; ++channel)
    for (std::int64_t row = 0; row < height; ++row)
      for (std::int64_t column = 0; column < width; ++column) {
        const float y = place(row, picture.height, height), x = place(column, picture.width, width);
        const auto top = static_cast<std::int64_t>(y), left = static_cast<std::int64_t>(x);
        const float down = y - static_cast<float>(top), right = x - static_cast<float>(left);
        const float above = pixel(top, left, channel) * (1 - right) + pixel(top, left + 1, channel) * right;
        const float below =
            pixel(top + 1, left, channel) * (1 - right) + pixel(top + 1, left + 1, channel) * right;
        // Rounded to bytes, as picture libraries do: an INT8 engine then loses nothing of its input.
        input[next++] =
            std::nearbyint(above * (1 - down) + below * down) - mean_bgr[static_cast<std::size_t>(channel)];
      }
}

// The class with the highest score.
inline int best_class(std::span<const float> scores) {
  return static_cast<int>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}
