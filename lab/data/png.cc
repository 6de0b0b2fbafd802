// PNG through libpng, every kind brought to 8-bit R, G, B.
#include <fmt/format.h>
#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "lab/data/decoders.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

struct PngErrors {
  std::jmp_buf jump;
  char message[256];
};

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  PngErrors* state = static_cast<PngErrors*>(png_get_error_ptr(png));
  std::snprintf(state->message, sizeof state->message, "%s", message);
  std::longjmp(state->jump, 1);
}

void on_warning(png_structp, png_const_charp) {}

struct Source {
  std::span<const std::byte> left;
};

void on_read(png_structp png, png_bytep to, std::size_t count) {
  Source* source = static_cast<Source*>(png_get_io_ptr(png));
  if (count > source->left.size()) png_error(png, "the file ends too early");
  std::memcpy(to, source->left.data(), count);
  source->left = source->left.subspan(count);
}

// One decoding, in two steps, so that memory of our own is allocated outside the library's jumps.
class PngReader {
 public:
  PngReader(std::span<const std::byte> bytes, const std::string& name) : name_(name), source_{bytes} {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &errors_, on_error, on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw Error(ErrorCode::kInternal,
                  fmt::format("{}: libpng {} cannot be set up", name, PNG_LIBPNG_VER_STRING));
    }
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  void read_header() {
    if (setjmp(errors_.jump)) fail();
    png_set_read_fn(png_, &source_, on_read);
    // The sizes are checked against our own limit; text and profile chunks are no use here, so none are kept.
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, 0);
    png_set_chunk_malloc_max(png_, 8u << 20);
    png_read_info(png_, info_);
  }

  std::int64_t width() const { return png_get_image_width(png_, info_); }
  std::int64_t height() const { return png_get_image_height(png_, info_); }

  // `rows`: one pointer a row of width * 3 bytes.
  void read_pixels(png_bytepp rows) {
    if (setjmp(errors_.jump)) fail();
    const int color = png_get_color_type(png_, info_);
    png_set_strip_16(png_);
    if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
    if (!(color & PNG_COLOR_MASK_COLOR)) {
      png_set_expand_gray_1_2_4_to_8(png_);
      png_set_gray_to_rgb(png_);
    }
    png_set_strip_alpha(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    if (png_get_rowbytes(png_, info_) != static_cast<std::size_t>(width()) * 3)
      png_error(png_, "the rows do not come to 3 bytes a pixel");
    png_read_image(png_, rows);
    png_read_end(png_, nullptr);
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(ErrorCode::kParse, fmt::format("{}: broken PNG: {}", name_, errors_.message));
  }

  const std::string& name_;
  Source source_;
  PngErrors errors_{};
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

}  // namespace

Image decode_png(std::span<const std::byte> bytes, const std::string& name, std::int64_t max_pixels) {
  PngReader reader(bytes, name);
  reader.read_header();
  check_image_size(reader.width(), reader.height(), name, max_pixels);
  Image image = make_image(static_cast<int>(reader.width()), static_cast<int>(reader.height()));
  std::vector<png_bytep> rows(static_cast<std::size_t>(image.height));
  for (int y = 0; y < image.height; ++y) rows[static_cast<std::size_t>(y)] = image.row(y);
  reader.read_pixels(rows.data());
  return image;
}

}  // namespace octet::lab
