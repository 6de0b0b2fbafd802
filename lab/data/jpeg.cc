// JPEG through libjpeg-turbo: islow DCT and smooth upsampling (the library's defaults), which OpenCV and
// Pillow use as well, so that the pixels are theirs.
#include <fmt/format.h>

#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>  // needs <cstdio> before it

#include <jerror.h>  // needs jpeglib.h before it

#include "lab/data/decoders.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

// A progressive file may repeat scans at will, each as dear as decoding the whole picture. Encoders write 10.
constexpr int kMaxScans = 100;
// Coefficients of a progressive file, 16 bits each, beside the decoded picture: two bytes a sample of
// kMaxImagePixels pixels with 4 channels.
constexpr long kMaxLibraryBytes = 1L << 30;

struct JpegErrors {
  jpeg_error_mgr manager;  // first, so that a pointer to it is one to the whole
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

// Keeps the message and leaves the library. The caller's setjmp frame is still alive: every call is inside
// one.
[[noreturn]] void leave(j_common_ptr info) {
  JpegErrors* state = reinterpret_cast<JpegErrors*>(info->err);
  state->manager.format_message(info, state->message);
  std::longjmp(state->jump, 1);
}

// libjpeg goes on with grey pixels after these, and a network would be fed with what is not in the file.
bool damages_pixels(int code) {
  return code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE ||
         code == JWRN_ARITH_BAD_CODE || code == JWRN_MUST_RESYNC;
}

void on_message(j_common_ptr info, int level) {
  if (level < 0 && damages_pixels(info->err->msg_code)) leave(info);
}

void on_progress(j_common_ptr info) {
  if (!info->is_decompressor) return;
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
  JpegErrors* state = reinterpret_cast<JpegErrors*>(info->err);
  std::snprintf(state->message, sizeof state->message, "more than %d scans", kMaxScans);
  std::longjmp(state->jump, 1);
}

// One decoding, in two steps, so that memory of our own is allocated outside the library's jumps.
class JpegReader {
 public:
  explicit JpegReader(const std::string& name) : name_(name) {
    info_.err = jpeg_std_error(&errors_.manager);
    errors_.manager.error_exit = leave;
    errors_.manager.emit_message = on_message;
    progress_.progress_monitor = on_progress;
  }
  ~JpegReader() { jpeg_destroy_decompress(&info_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  void read_header(std::span<const std::byte> bytes) {
    if (setjmp(errors_.jump)) fail();
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    info_.mem->max_memory_to_use = kMaxLibraryBytes;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()),
                 static_cast<unsigned long>(bytes.size()));
    jpeg_read_header(&info_, TRUE);
  }

  std::int64_t width() const { return info_.image_width; }
  std::int64_t height() const { return info_.image_height; }
  bool four_channels() const {
    return info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
  }
  // Adobe's programs store CMYK inverted, and say so by writing their marker.
  bool inverted() const { return info_.saw_Adobe_marker; }

  // `row`: width * 4 bytes, used only for four-channel files.
  void read_pixels(std::uint8_t* rgb, std::uint8_t* row) {
    if (setjmp(errors_.jump)) fail();
    info_.out_color_space = four_channels() ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&info_);
    const std::size_t row_bytes = static_cast<std::size_t>(info_.output_width) * 3;
    while (info_.output_scanline < info_.output_height) {
      std::uint8_t* out = rgb + info_.output_scanline * row_bytes;
      JSAMPROW target = four_channels() ? row : out;
      jpeg_read_scanlines(&info_, &target, 1);
      if (four_channels()) cmyk_to_rgb(row, out);
    }
    jpeg_finish_decompress(&info_);
  }

 private:
  void cmyk_to_rgb(const std::uint8_t* cmyk, std::uint8_t* rgb) const {
    const int flip = inverted() ? 0 : 255;  // brings both kinds of storage to 255 - ink
    for (JDIMENSION x = 0; x < info_.output_width; ++x, cmyk += 4, rgb += 3) {
      const int white = cmyk[3] ^ flip;
      for (int c = 0; c < 3; ++c) rgb[c] = static_cast<std::uint8_t>(((cmyk[c] ^ flip) * white + 127) / 255);
    }
  }

  [[noreturn]] void fail() const {
    throw Error(ErrorCode::kParse, fmt::format("{}: broken JPEG: {}", name_, errors_.message));
  }

  const std::string& name_;
  JpegErrors errors_{};
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct info_{};
};

}  // namespace

Image decode_jpeg(std::span<const std::byte> bytes, const std::string& name, std::int64_t max_pixels) {
  JpegReader reader(name);
  reader.read_header(bytes);
  check_image_size(reader.width(), reader.height(), name, max_pixels);
  Image image = make_image(static_cast<int>(reader.width()), static_cast<int>(reader.height()));
  std::vector<std::uint8_t> row(reader.four_channels() ? static_cast<std::size_t>(image.width) * 4 : 0);
  reader.read_pixels(image.rgb.data(), row.data());
  return image;
}

}  // namespace octet::lab
