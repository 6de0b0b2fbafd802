#include "lab/data/png_writer.h"

#include <fmt/format.h>
#include <png.h>

#include "octet/error.h"

namespace octet::lab {

void write_png(const std::filesystem::path& path, const Image& image) {
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = PNG_FORMAT_RGB;
  if (png_image_write_to_file(&png, path.c_str(), 0, image.rgb.data(), 0, nullptr) == 0)
    throw Error(ErrorCode::kIo, fmt::format("{}: cannot be written: {}", path.string(), png.message));
}

}  // namespace octet::lab
