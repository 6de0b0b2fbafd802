#include "lab/data/png_writer.h"

#include <fmt/format.h>
#include <png.h>

#include "lab/support/files.h"
#include "octet/error.h"

namespace octet::lab {

void write_png(const std::filesystem::path& path, const Image& image) {
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = PNG_FORMAT_RGB;
  const auto fail = [&] {
    throw Error(ErrorCode::kIo, fmt::format("{}: cannot be made a PNG: {}", path.string(), png.message));
  };
  png_alloc_size_t bytes = 0;
  if (png_image_write_get_memory_size(png, bytes, 0, image.rgb.data(), 0, nullptr) == 0) fail();
  std::string file(bytes, '\0');
  if (png_image_write_to_memory(&png, file.data(), &bytes, 0, image.rgb.data(), 0, nullptr) == 0) fail();
  file.resize(bytes);
  write_file(path, file, Durability::kKill);
}

}  // namespace octet::lab
