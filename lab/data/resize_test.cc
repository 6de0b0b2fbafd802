#include "lab/data/resize.h"

#include <gmock/gmock.h>

#include "lab/data/test_pictures.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using test::error_of;
using ::testing::ElementsAre;

std::uint64_t fnv1a(const std::vector<std::uint8_t>& bytes) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3u;
  return hash;
}

// All golden values: test::noisy_picture(from) resized by opencv-python-headless 4.10.0.84
// (cv2.resize, INTER_LINEAR; 5.0.0 gives the same) and by Pillow 12.0.0 (Image.resize, BILINEAR; 10.4.0 gives
// the same).
TEST(Resize, EqualsOpenCvAndPillowOnAFewPixels) {
  const Image picture = test::noisy_picture(5, 4);
  EXPECT_THAT(resize_opencv_linear(picture, 3, 3).rgb,
              ElementsAre(121, 87, 110, 169, 121, 17, 142, 154, 93, 234, 127, 88, 73, 136, 153, 81, 125, 189,
                          105, 142, 65, 23, 245, 86, 79, 75, 79));
  EXPECT_THAT(resize_pillow_bilinear(picture, 3, 3).rgb,
              ElementsAre(143, 96, 101, 148, 91, 60, 130, 140, 109, 231, 126, 90, 111, 149, 151, 85, 138, 191,
                          135, 138, 75, 107, 196, 114, 98, 85, 105));
}

TEST(Resize, EqualsOpenCvAndPillowOnManyShapes) {
  const struct {
    int from_width, from_height, to_width, to_height;
    std::uint64_t opencv, pillow;
  } kGolden[] = {
      {50, 37, 26, 26, 0xebf5fddc8d03d5ddu, 0xfccd1125f76d02e2u},
      {26, 51, 26, 26, 0x6537e399ecf08945u, 0x9f921b5b78ff1159u},
      {52, 52, 26, 26, 0xedc769969fb36bc4u, 0x73b6c3656adccc83u},
      {300, 5, 26, 26, 0xcd4928e32d2a3827u, 0x0f4d53e8c2a57e53u},
      {7, 9, 64, 48, 0x80017b61b0a32166u, 0x19c57e344aaa6667u},
      {1, 1, 8, 8, 0x5709e8ae4e763565u, 0x5709e8ae4e763565u},
      {1, 90, 26, 26, 0x7c7aab45b59f38b5u, 0x0a8280719231721bu},
      {90, 2, 1, 1, 0x7bb3c3183784dfd5u, 0x15d5081ad2d89c45u},
      {131, 77, 64, 64, 0x5f6a5556f2d72c18u, 0x0ae8bfd1a50cfed6u},
      {64, 128, 32, 64, 0x4130393b5e515b0eu, 0x85fcc29348a51333u},
      {30, 20, 15, 10, 0x89f345e033cb98e7u, 0x708ffcac3215e156u},
  };
  for (const auto& g : kGolden) {
    const Image picture = test::noisy_picture(g.from_width, g.from_height);
    SCOPED_TRACE(::testing::Message()
                 << g.from_width << "x" << g.from_height << " to " << g.to_width << "x" << g.to_height);
    EXPECT_EQ(fnv1a(resize_opencv_linear(picture, g.to_width, g.to_height).rgb), g.opencv);
    EXPECT_EQ(fnv1a(resize_pillow_bilinear(picture, g.to_width, g.to_height).rgb), g.pillow);
  }
}

TEST(Resize, SameSizeChangesNothing) {
  const Image picture = test::noisy_picture(13, 7);
  EXPECT_EQ(resize_opencv_linear(picture, 13, 7).rgb, picture.rgb);
  EXPECT_EQ(resize_pillow_bilinear(picture, 13, 7).rgb, picture.rgb);
}

TEST(Resize, AFlatPictureStaysFlat) {
  Image picture = make_image(37, 91);
  picture.rgb.assign(picture.rgb.size(), 255);
  for (auto resize : {resize_opencv_linear, resize_pillow_bilinear})
    for (int side : {1, 5, 37, 200})
      EXPECT_THAT(resize(picture, side, side + 1).rgb, ::testing::Each(255)) << side;
}

TEST(Resize, RefusesSizesThatCannotBeMade) {
  const Image picture = test::noisy_picture(4, 4);
  for (auto resize : {resize_opencv_linear, resize_pillow_bilinear}) {
    EXPECT_EQ(error_of([&] { resize(picture, 0, 4); }).code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error_of([&] { resize(picture, 4, -1); }).code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error_of([&] { resize(picture, 1 << 30, 1 << 30); }).code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error_of([&] { resize(Image{}, 4, 4); }).code(), ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace octet::lab
