#include "lab/data/test_pictures.h"

#include <png.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <jpeglib.h>  // needs <cstdio> before it

namespace octet::lab::test {

Image smooth_picture(int width, int height) {
  Image image = make_image(width, height);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      std::uint8_t* pixel = image.row(y) + 3 * x;
      pixel[0] = static_cast<std::uint8_t>(20 + 200 * x / width);
      pixel[1] = static_cast<std::uint8_t>(20 + 200 * y / height);
      pixel[2] = static_cast<std::uint8_t>(220 - 100 * x / width - 100 * y / height);
    }
  return image;
}

Image noisy_picture(int width, int height) {
  Image image = make_image(width, height);
  std::uint32_t state = 1;
  for (std::uint8_t& value : image.rgb) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<std::uint8_t>(state >> 24);
  }
  return image;
}

std::vector<std::byte> encode_jpeg(int width, int height, const std::vector<std::uint8_t>& samples,
                                   const JpegOptions& options) {
  static constexpr struct {
    int components;
    J_COLOR_SPACE from;
    J_COLOR_SPACE to;
  } kKinds[] = {{3, JCS_RGB, JCS_YCbCr},
                {1, JCS_GRAYSCALE, JCS_GRAYSCALE},
                {4, JCS_CMYK, JCS_CMYK},
                {4, JCS_CMYK, JCS_YCCK}};
  const auto& kind = kKinds[static_cast<int>(options.kind)];
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long count = 0;
  jpeg_mem_dest(&info, &bytes, &count);
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = kind.components;
  info.in_color_space = kind.from;
  jpeg_set_defaults(&info);
  jpeg_set_colorspace(&info, kind.to);
  if (kind.components == 4) info.write_Adobe_marker = options.adobe_marker;
  jpeg_set_quality(&info, 100, TRUE);
  for (int c = 0; c < info.num_components; ++c)
    info.comp_info[c].h_samp_factor = info.comp_info[c].v_samp_factor = 1;
  if (options.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(samples.data()) +
                   std::size_t{info.next_scanline} * info.image_width * kind.components;
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  std::vector<std::byte> out(count);
  std::memcpy(out.data(), bytes, count);
  jpeg_destroy_compress(&info);
  std::free(bytes);
  return out;
}

std::vector<std::byte> encode_jpeg(const Image& image) {
  return encode_jpeg(image.width, image.height, image.rgb);
}

std::vector<std::byte> encode_png(int width, int height, int color_type, int bit_depth,
                                  const std::vector<std::uint8_t>& rows,
                                  const std::vector<std::uint8_t>& palette, bool interlaced) {
  std::vector<std::byte> out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &out,
      [](png_structp p, png_bytep data, std::size_t count) {
        auto* target = static_cast<std::vector<std::byte>*>(png_get_io_ptr(p));
        const std::byte* first = reinterpret_cast<const std::byte*>(data);
        target->insert(target->end(), first, first + count);
      },
      [](png_structp) {});
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), bit_depth,
               color_type, interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  std::vector<png_color> colors;
  for (std::size_t i = 0; i + 2 < palette.size(); i += 3)
    colors.push_back({palette[i], palette[i + 1], palette[i + 2]});
  if (!colors.empty()) png_set_PLTE(png, info, colors.data(), static_cast<int>(colors.size()));
  png_write_info(png, info);
  const std::size_t row_bytes = png_get_rowbytes(png, info);
  std::vector<png_bytep> pointers;
  pointers.reserve(static_cast<std::size_t>(height));
  for (int y = 0; y < height; ++y)
    pointers.push_back(const_cast<png_bytep>(rows.data()) + static_cast<std::size_t>(y) * row_bytes);
  png_write_image(png, pointers.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return out;
}

Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::kInternal, "nothing was thrown");
}

}  // namespace octet::lab::test
