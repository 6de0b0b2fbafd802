// Writes pictures as PNG files: 8-bit R, G, B, lossless, readable by decode_image.
#pragma once

#include <filesystem>

#include "lab/data/image.h"

namespace octet::lab {

/// Throws Error(kIo) naming the file if it cannot be written; what was there before is replaced.
void write_png(const std::filesystem::path& path, const Image& image);

}  // namespace octet::lab
