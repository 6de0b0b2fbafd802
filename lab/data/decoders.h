// The two decoders behind decode_image (image.cc), each the only file that sees its library. Both libraries
// report errors by longjmp; inside a setjmp block stand only calls of C and values without destructors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "lab/data/image.h"

namespace octet::lab {

Image decode_jpeg(std::span<const std::byte> bytes, const std::string& name, std::int64_t max_pixels);
Image decode_png(std::span<const std::byte> bytes, const std::string& name, std::int64_t max_pixels);

/// Throws Error(kMemoryLimit) or Error(kParse) if a picture may not have these sizes, as its header states
/// them.
void check_image_size(std::int64_t width, std::int64_t height, const std::string& name,
                      std::int64_t max_pixels);

}  // namespace octet::lab
