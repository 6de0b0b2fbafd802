#include "lab/bench/synthetic_images.h"

#include <fmt/format.h>

#include "lab/bench/random.h"
#include "octet/error.h"

namespace octet::lab {

std::vector<float> synthetic_images(const Shape& shape, int images, std::uint64_t seed, int first) {
  if (images < 1 || first < 0)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("synthetic images: expected at least 1 image from 0 or later, got {} from {}",
                            images, first));
  const std::int64_t count = shape.elements_per_image() * images;
  std::vector<float> values(static_cast<std::size_t>(count));
  auto index = static_cast<std::uint64_t>(shape.elements_per_image()) * static_cast<std::uint64_t>(first);
  for (float& value : values) {
    const auto step = static_cast<int>(random_at(seed, index++) >> 56);  // 0..255
    value = static_cast<float>(step < 128 ? step - 128 : step - 127) / 128.0f;
  }
  return values;
}

std::vector<std::uint8_t> synthetic_pixels(const Shape& shape, int images, std::uint64_t seed) {
  if (images < 1)
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("synthetic pictures: expected at least 1, got {}", images));
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(shape.elements_per_image()) *
                                   static_cast<std::size_t>(images));
  std::uint64_t index = 0;
  for (std::uint8_t& pixel : pixels)
    pixel = static_cast<std::uint8_t>(1 + (random_at(seed, index++) >> 32) % 255);
  return pixels;
}

}  // namespace octet::lab
