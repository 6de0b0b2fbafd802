// Decoded pictures: JPEG (libjpeg-turbo, exact integer DCT, smooth chroma upsampling) and PNG (libpng), told
// apart by their first bytes. What comes out is always 8-bit R, G, B, rows dense, top row first. The EXIF
// orientation is ignored: Caffe's published accuracies were measured without it, and Pillow ignores it too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace octet::lab {

struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;  ///< height x width x 3

  const std::uint8_t* row(int y) const { return rgb.data() + static_cast<std::size_t>(y) * width * 3; }
  std::uint8_t* row(int y) { return rgb.data() + static_cast<std::size_t>(y) * width * 3; }
};

/// An image of that size, zeroed.
Image make_image(int width, int height);

/// 2^27 pixels (about 11,585 x 11,585, 384 MiB decoded). Larger pictures are refused from their header,
/// before anything of their size is allocated.
inline constexpr std::int64_t kMaxImagePixels = std::int64_t{1} << 27;

/// Decodes the file. Throws Error: kNotFound (no such file), kIo, kUnsupported (neither JPEG nor PNG),
/// kMemoryLimit (more than `max_pixels`), kParse (broken or cut off). Every message names the file.
///
/// Grey pictures get three equal channels. CMYK and YCCK become RGB by the plain product (255-C)(255-K)/255,
/// with the inverted storage that an Adobe marker announces. A JPEG that ends early or whose entropy-coded
/// data are damaged is an error; stray bytes between markers, which many sound files have, are not. PNG:
/// palettes and 1 to 16 bits a sample are brought to 8 bits (16-bit samples keep their high byte, as OpenCV
/// and Pillow do); alpha is dropped without blending; gamma and colour profiles are not applied.
Image decode_image(const std::filesystem::path& path, std::int64_t max_pixels = kMaxImagePixels);

/// The same from memory; `name` stands for the file in messages.
Image decode_image(std::span<const std::byte> bytes, const std::string& name,
                   std::int64_t max_pixels = kMaxImagePixels);

}  // namespace octet::lab
