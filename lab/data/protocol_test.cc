#include "lab/data/protocol.h"

#include <gmock/gmock.h>

#include "lab/data/resize.h"
#include "lab/data/test_pictures.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using test::error_of;
using ::testing::HasSubstr;

Preprocessing small(Protocol protocol) {
  Preprocessing p;
  p.protocol = protocol;
  p.resize = 16;
  p.crop_height = 11;
  p.crop_width = 14;
  return p;
}

std::vector<float> run(const Image& image, const Preprocessing& p) {
  std::vector<float> out(static_cast<std::size_t>(p.elements()));
  preprocess(image, p, out);
  return out;
}

TEST(Protocol, IsResizeThenCentreCropThenBgrThenMean) {
  const Image picture = test::noisy_picture(50, 30);
  const struct {
    Protocol protocol;
    Image resized;
  } kCases[] = {{Protocol::kCaffeSquash, resize_opencv_linear(picture, 16, 16)},
                {Protocol::kPillowSquash, resize_pillow_bilinear(picture, 16, 16)},
                // 50 x 16 / 30 = 26.67: the nearest is 27
                {Protocol::kShorterSide, resize_opencv_linear(picture, 27, 16)}};
  for (const auto& c : kCases) {
    SCOPED_TRACE(to_string(c.protocol));
    const Preprocessing p = small(c.protocol);
    const std::vector<float> got = run(picture, p);
    std::vector<std::uint8_t> bytes(got.size());
    preprocess_u8(picture, p, bytes);
    const int top = (c.resized.height - 11) / 2;
    const int left = (c.resized.width - 14) / 2;
    for (int y = 0; y < 11; ++y)
      for (int x = 0; x < 14; ++x)
        for (int channel = 0; channel < 3; ++channel) {
          const std::uint8_t expected = c.resized.row(top + y)[3 * (left + x) + 2 - channel];
          ASSERT_EQ(bytes[static_cast<std::size_t>((y * 14 + x) * 3 + channel)], expected) << y << "," << x;
          ASSERT_EQ(got[static_cast<std::size_t>((channel * 11 + y) * 14 + x)],
                    static_cast<float>(expected) - p.mean_bgr[static_cast<std::size_t>(channel)]);
        }
  }
}

TEST(Protocol, AMeanImageIsCroppedLikeThePicture) {
  Image black = make_image(20, 20);
  Preprocessing p = small(Protocol::kCaffeSquash);
  MeanImage mean{3, 16, 16, {}};
  for (int i = 0; i < 3 * 16 * 16; ++i) mean.values.push_back(static_cast<float>(i));
  p.mean_image = mean;
  const std::vector<float> cropped = run(black, p);
  // top (16 - 11) / 2 = 2, left (16 - 14) / 2 = 1
  EXPECT_EQ(cropped[0], -(2 * 16 + 1));
  EXPECT_EQ(cropped[14], -(3 * 16 + 1));
  EXPECT_EQ(cropped.back(), -(2 * 256 + 12 * 16 + 14));

  p.mean_image = MeanImage{3, 11, 14, std::vector<float>(3 * 11 * 14, 5)};
  EXPECT_THAT(run(black, p), ::testing::Each(-5)) << "a mean image of the crop's size is used as it is";
}

TEST(Protocol, OnePixelPicturesWork) {
  Image dot = make_image(1, 1);
  dot.rgb = {10, 20, 30};
  for (Protocol protocol : {Protocol::kCaffeSquash, Protocol::kPillowSquash, Protocol::kShorterSide}) {
    const std::vector<float> got = run(dot, small(protocol));
    EXPECT_EQ(got.front(), 30 - 104.0f);
    EXPECT_EQ(got.back(), 10 - 123.0f);
  }
}

TEST(Protocol, AsIsOnlyCropsTheCentre) {
  const Image picture = test::noisy_picture(17, 12);
  const Preprocessing p = small(Protocol::kAsIs);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(p.elements()));
  preprocess_u8(picture, p, bytes);
  for (int y = 0; y < 11; ++y)
    for (int x = 0; x < 14; ++x)
      for (int channel = 0; channel < 3; ++channel)
        ASSERT_EQ(bytes[static_cast<std::size_t>((y * 14 + x) * 3 + channel)],
                  picture.row(y)[3 * (1 + x) + 2 - channel]);
  EXPECT_EQ(description(p), "as-is: centre crop 14x11, BGR, mean 104 117 123");
  const Error small_picture = error_of([&] { run(test::noisy_picture(13, 40), p); });
  EXPECT_EQ(small_picture.code(), ErrorCode::kMismatch);
  EXPECT_THAT(small_picture.what(), HasSubstr("at least 14 x 11 was expected"));
}

TEST(Protocol, PartsThatDoNotFitAreErrors) {
  const Image picture = test::noisy_picture(20, 20);
  Preprocessing p = small(Protocol::kCaffeSquash);
  p.crop_width = 17;
  const Error crop = error_of([&] { validate(p); });
  EXPECT_EQ(crop.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(crop.what(), HasSubstr("17 x 11"));
  p.crop_width = 0;
  EXPECT_EQ(error_of([&] { validate(p); }).code(), ErrorCode::kInvalidArgument);
  p = small(Protocol::kCaffeSquash);
  p.resize = 1 << 30;
  EXPECT_EQ(error_of([&] { validate(p); }).code(), ErrorCode::kInvalidArgument);
  p = small(Protocol::kCaffeSquash);
  p.mean_image = MeanImage{3, 10, 14, std::vector<float>(3 * 10 * 14)};
  EXPECT_EQ(error_of([&] { run(picture, p); }).code(), ErrorCode::kMismatch);
  p.mean_image = MeanImage{3, 16, 16, std::vector<float>(16 * 16)};
  EXPECT_EQ(error_of([&] { run(picture, p); }).code(), ErrorCode::kMismatch);
  p.mean_image = MeanImage{1, 16, 16, std::vector<float>(16 * 16)};
  const Error grey = error_of([&] { run(picture, p); });
  EXPECT_EQ(grey.code(), ErrorCode::kMismatch);
  EXPECT_THAT(grey.what(), HasSubstr("3 channels were expected, 1 came"));
  std::vector<float> wrong(5);
  EXPECT_EQ(error_of([&] { preprocess(picture, small(Protocol::kCaffeSquash), wrong); }).code(),
            ErrorCode::kInvalidArgument);
  p = small(Protocol::kShorterSide);
  p.resize = 256;
  EXPECT_EQ(error_of([&] { run(make_image(60000, 1), p); }).code(), ErrorCode::kInvalidArgument)
      << "a strip would become 15 million pixels wide";
}

TEST(Protocol, NamesGoBothWays) {
  for (Protocol protocol : kAllProtocols) EXPECT_EQ(parse_protocol(to_string(protocol)), protocol);
  const Error error = error_of([] { parse_protocol("squash"); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.what(), HasSubstr("caffe-squash, pillow-squash, shorter-side or as-is"));
}

TEST(DefaultPreprocessing, IsTheStudysForEachNetwork) {
  const Preprocessing squeezenet = default_preprocessing("squeezenet-1.0", {1, 3, 227, 227});
  EXPECT_EQ(description(squeezenet),
            "caffe-squash: resize 256x256 opencv-linear, centre crop 227x227, BGR, mean 104 117 123");
  EXPECT_EQ(
      description(default_preprocessing("VGG_ILSVRC_16_layers", {1, 3, 224, 224})),
      "caffe-squash: resize 256x256 opencv-linear, centre crop 224x224, BGR, mean 103.939 116.779 123.68");
  EXPECT_EQ(description(default_preprocessing("octet-20", {1, 3, 40, 40})),
            "as-is: centre crop 40x40, BGR, mean 128 128 128");
  EXPECT_EQ(default_preprocessing("other", {1, 3, 299, 299}).resize, 342);
  EXPECT_EQ(default_preprocessing("other", {1, 3, 32, 32}).resize, 37);
  for (int side = 1; side <= 8192; ++side) {
    const Preprocessing p = default_preprocessing("any", {1, 3, side, 1 + side / 2});
    ASSERT_NO_THROW(validate(p)) << side;
  }
}

TEST(DefaultPreprocessing, RefusesInputsThatAreNotPictures) {
  for (const Shape& shape :
       {Shape{1, 1, 28, 28}, Shape{1, 3}, Shape{}, Shape{1, 3, 0, 4}, Shape{1, 3, 1 << 20, 4}}) {
    const Error error = error_of([&] { default_preprocessing("lenet", shape); });
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("lenet"));
  }
}

TEST(PreprocessingHash, TellsProtocolsAndMeansApartAndStaysTheSame) {
  const Preprocessing p = default_preprocessing("squeezenet-1.0", {1, 3, 227, 227});
  std::vector<std::string> hashes = {hash(p)};
  EXPECT_EQ(hashes[0], "6bb9cfb359bf2080")
      << "stored in result files: a change makes old results another protocol's";
  Preprocessing q = p;
  q.protocol = Protocol::kPillowSquash;
  hashes.push_back(hash(q));
  q.mean_bgr[1] = 117.5f;
  hashes.push_back(hash(q));
  q.mean_image = MeanImage{3, 256, 256, std::vector<float>(3 * 256 * 256, 1)};
  hashes.push_back(hash(q));
  q.mean_image->values[9] = 2;
  hashes.push_back(hash(q));
  for (std::size_t i = 0; i < hashes.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(hashes[i], hashes[j]) << i << " and " << j;
}

}  // namespace
}  // namespace octet::lab
