#include "lab/data/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "lab/data/decoders.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

// No picture of kMaxImagePixels needs more; it keeps a device file or a disk image out of memory.
constexpr std::uintmax_t kMaxImageFileBytes = std::uintmax_t{1} << 30;

bool starts_with(std::span<const std::byte> bytes, std::span<const unsigned char> magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  const std::string name = path.string();
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found)
    throw Error(ErrorCode::kNotFound, fmt::format("{}: there is no such file", name));
  if (status.type() != std::filesystem::file_type::regular)
    throw Error(ErrorCode::kIo,
                fmt::format("{}: a picture file was expected, this is {}", name,
                            status.type() == std::filesystem::file_type::directory ? "a folder"
                                                                                   : "not a regular file"));
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) throw Error(ErrorCode::kIo, fmt::format("{}: {}", name, error.message()));
  if (size > kMaxImageFileBytes)
    throw Error(ErrorCode::kMemoryLimit,
                fmt::format("{}: the file has {} bytes, more than the {} that a picture may have", name, size,
                            kMaxImageFileBytes));
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw Error(ErrorCode::kIo, fmt::format("{}: cannot be opened: {}", name, std::strerror(errno)));
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (stream.gcount() != static_cast<std::streamsize>(size))
    throw Error(ErrorCode::kIo,
                fmt::format("{}: only {} of {} bytes could be read", name, stream.gcount(), size));
  return bytes;
}

}  // namespace

Image make_image(int width, int height) {
  Image image;
  image.width = width;
  image.height = height;
  image.rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  return image;
}

void check_image_size(std::int64_t width, std::int64_t height, const std::string& name,
                      std::int64_t max_pixels) {
  if (width < 1 || height < 1)
    throw Error(ErrorCode::kParse,
                fmt::format("{}: the header states a picture of {} x {} pixels", name, width, height));
  // Both are below 2^31 in either format, so the product fits.
  if (width * height > max_pixels)
    throw Error(ErrorCode::kMemoryLimit, fmt::format("{}: {} x {} are {} pixels, over the limit of {}", name,
                                                     width, height, width * height, max_pixels));
}

Image decode_image(const std::filesystem::path& path, std::int64_t max_pixels) {
  return decode_image(read_file(path), path.string(), max_pixels);
}

Image decode_image(std::span<const std::byte> bytes, const std::string& name, std::int64_t max_pixels) {
  static constexpr std::array<unsigned char, 3> kJpeg = {0xFF, 0xD8, 0xFF};
  static constexpr std::array<unsigned char, 8> kPng = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  if (starts_with(bytes, kJpeg)) return decode_jpeg(bytes, name, max_pixels);
  if (starts_with(bytes, kPng)) return decode_png(bytes, name, max_pixels);
  if (bytes.empty()) throw Error(ErrorCode::kParse, fmt::format("{}: the file is empty", name));
  std::string first;
  for (std::byte byte : bytes.first(std::min<std::size_t>(bytes.size(), 8)))
    first += fmt::format("{}{:02x}", first.empty() ? "" : " ", static_cast<unsigned>(byte));
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{}: neither a JPEG nor a PNG picture (it begins with {})", name, first));
}

}  // namespace octet::lab
