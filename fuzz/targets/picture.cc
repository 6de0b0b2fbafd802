// Pictures, and what every protocol makes of them.
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/accepts.h"
#include "fuzz/targets/targets.h"
#include "lab/data/image.h"
#include "lab/data/protocol.h"
#include "lab/data/test_pictures.h"

namespace octet::fuzz {
namespace {

/// A picture of more is refused: the decoders' time, not their care, goes with the size.
constexpr std::int64_t kMostPixels = std::int64_t{1} << 18;

std::string file_of(const std::vector<std::byte>& bytes) { return std::string(text_of(bytes)); }

}  // namespace

bool read_picture(Input input) {
  return accepts([&] {
    const lab::Image image = lab::decode_image(input, "picture", kMostPixels);
    for (const lab::Protocol protocol : lab::kAllProtocols) {
      lab::Preprocessing preprocessing;
      preprocessing.protocol = protocol;
      preprocessing.resize = 21;
      preprocessing.crop_height = 19, preprocessing.crop_width = 20;
      std::vector<float> planes(static_cast<std::size_t>(preprocessing.elements()));
      std::vector<std::uint8_t> bytes(planes.size());
      // Pictures that are taken as they are may be too small.
      accepts([&] {
        lab::preprocess(image, preprocessing, planes);
        lab::preprocess_u8(image, preprocessing, bytes);
      });
    }
  });
}

Seeds picture_seeds() {
  using namespace lab::test;
  const lab::Image rgb = smooth_picture(33, 22);
  std::vector<std::uint8_t> grey(std::size_t{33} * 22), cmyk(std::size_t{33} * 22 * 4);
  for (std::size_t i = 0; i < grey.size(); ++i) grey[i] = rgb.rgb[3 * i];
  for (std::size_t i = 0; i < cmyk.size(); ++i) cmyk[i] = static_cast<std::uint8_t>(i * 7);
  const std::vector<std::uint8_t> indices = {0, 1, 2, 3, 3, 2, 1, 0, 0},
                                  palette = {0, 0, 0, 255, 0, 0, 0, 255, 0, 9, 9, 9};
  return {{"rgb.jpg", file_of(encode_jpeg(rgb))},
          {"progressive.jpg", file_of(encode_jpeg(33, 22, rgb.rgb, {.progressive = true}))},
          {"grey.jpg", file_of(encode_jpeg(33, 22, grey, {.kind = JpegKind::kGrey}))},
          {"cmyk.jpg", file_of(encode_jpeg(33, 22, cmyk, {.kind = JpegKind::kCmyk}))},
          {"rgb.png", file_of(encode_png(33, 22, 2, 8, rgb.rgb))},
          {"interlaced.png", file_of(encode_png(33, 22, 2, 8, rgb.rgb, {}, true))},
          {"grey.png", file_of(encode_png(33, 22, 0, 8, grey))},
          {"palette.png", file_of(encode_png(3, 3, 3, 8, indices, palette))}};
}

}  // namespace octet::fuzz
