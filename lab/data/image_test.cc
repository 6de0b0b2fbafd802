#include "lab/data/image.h"

#include <gmock/gmock.h>
#include <png.h>

#include <cstdlib>
#include <cstring>

#include "lab/data/test_pictures.h"

namespace octet::lab {
namespace {

using test::encode_jpeg;
using test::encode_png;
using test::error_of;
using test::JpegKind;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

int largest_difference(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  if (a.size() != b.size()) return 256;
  int largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

TEST(Jpeg, KeepsAPictureWithinAFewSteps) {
  const Image picture = test::smooth_picture(61, 47);
  for (bool progressive : {false, true}) {
    const Image got = decode_image(encode_jpeg(61, 47, picture.rgb, {JpegKind::kRgb, progressive}), "x.jpg");
    EXPECT_EQ(got.width, 61);
    EXPECT_EQ(got.height, 47);
    EXPECT_LE(largest_difference(got.rgb, picture.rgb), 3);
  }
}

TEST(Jpeg, GreyGetsThreeEqualChannels) {
  const Image got =
      decode_image(encode_jpeg(9, 5, std::vector<std::uint8_t>(45, 77), {JpegKind::kGrey}), "grey.jpg");
  EXPECT_LE(largest_difference(got.rgb, std::vector<std::uint8_t>(135, 77)), 1);
}

// Inks C 0.2, M 0.6, Y 1, K 0.5 on white paper: R = 0.8 x 0.5, G = 0.4 x 0.5, B = 0.
TEST(Jpeg, CmykAndYcckBecomeRgbInBothStorages) {
  const std::vector<std::uint8_t> plain = {51, 153, 255, 127};
  for (JpegKind kind : {JpegKind::kCmyk, JpegKind::kYcck})
    for (bool adobe : {true, false}) {
      // Without its marker YCCK cannot be told from CMYK.
      if (kind == JpegKind::kYcck && !adobe) continue;
      std::vector<std::uint8_t> samples;
      for (int i = 0; i < 64; ++i)
        for (std::uint8_t v : plain) samples.push_back(adobe ? static_cast<std::uint8_t>(255 - v) : v);
      const Image got = decode_image(encode_jpeg(8, 8, samples, {kind, false, adobe}), "inks.jpg");
      ASSERT_EQ(got.rgb.size(), 192u);
      const std::vector<std::uint8_t> first(got.rgb.begin(), got.rgb.begin() + 3);
      EXPECT_LE(largest_difference(first, {102, 51, 0}), 3)
          << "kind " << static_cast<int>(kind) << " adobe " << adobe;
    }
}

TEST(Jpeg, CutOffAnywhereIsAnErrorThatNamesTheFile) {
  const Image picture = test::noisy_picture(40, 40);
  for (bool progressive : {false, true}) {
    const std::vector<std::byte> whole = encode_jpeg(40, 40, picture.rgb, {JpegKind::kRgb, progressive});
    // The last two bytes are the end marker; a file without it has all its pixels, yet is cut as well.
    for (std::size_t kept = 3; kept < whole.size(); kept += kept < 700 ? 1 : 97) {
      const Error error = error_of([&] { decode_image(std::span(whole).first(kept), "cut.jpg"); });
      EXPECT_EQ(error.code(), ErrorCode::kParse) << kept << " of " << whole.size() << ": " << error.what();
      EXPECT_THAT(error.what(), HasSubstr("cut.jpg")) << kept;
    }
  }
}

TEST(Jpeg, DamagedBytesNeverCrash) {
  const Image picture = test::smooth_picture(64, 64);
  const std::uint32_t seed = 7;
  RecordProperty("seed", static_cast<int>(seed));
  std::uint32_t state = seed;
  const auto random = [&] { return (state = state * 1664525u + 1013904223u) >> 8; };
  for (bool progressive : {false, true}) {
    const std::vector<std::byte> whole = encode_jpeg(64, 64, picture.rgb, {JpegKind::kRgb, progressive});
    for (int round = 0; round < 300; ++round) {
      std::vector<std::byte> damaged = whole;
      for (int i = 0; i < 4; ++i)
        damaged[3 + random() % (damaged.size() - 3)] = static_cast<std::byte>(random());
      try {
        // Damage may well hit the stated size; the limit keeps the test small.
        const Image got = decode_image(damaged, "damaged.jpg", 1 << 20);
        EXPECT_EQ(got.rgb.size(), static_cast<std::size_t>(got.width) * got.height * 3) << "seed " << seed;
      } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("damaged.jpg"));
      }
    }
  }
}

TEST(Jpeg, StrayBytesBetweenMarkersAreTolerated) {
  const Image picture = test::smooth_picture(16, 16);
  std::vector<std::byte> bytes = encode_jpeg(picture);
  bytes.insert(bytes.begin() + 2, 3, std::byte{0});
  bytes.insert(bytes.begin() + 2, std::byte{0xFF});
  // FF D8 FF 00 00 00 FF E0: the magic stays, and three zero bytes stand before the first real marker.
  EXPECT_LE(largest_difference(decode_image(bytes, "stray.jpg").rgb, picture.rgb), 3);
}

// States other sizes in the frame header of a JPEG.
void state_size(std::vector<std::byte>& bytes, int width, int height) {
  for (std::size_t i = 2; i + 8 < bytes.size(); ++i)
    if (bytes[i] == std::byte{0xFF} && bytes[i + 1] == std::byte{0xC0}) {
      bytes[i + 5] = static_cast<std::byte>(height >> 8);
      bytes[i + 6] = static_cast<std::byte>(height & 255);
      bytes[i + 7] = static_cast<std::byte>(width >> 8);
      bytes[i + 8] = static_cast<std::byte>(width & 255);
      return;
    }
  FAIL() << "no frame header";
}

TEST(Jpeg, TwentyThousandSquaredIsRefusedFromTheHeader) {
  std::vector<std::byte> bytes = encode_jpeg(test::smooth_picture(8, 8));
  state_size(bytes, 20000, 20000);
  const Error error = error_of([&] { decode_image(bytes, "huge.jpg"); });
  EXPECT_EQ(error.code(), ErrorCode::kMemoryLimit);
  EXPECT_STREQ(error.what(), "huge.jpg: 20000 x 20000 are 400000000 pixels, over the limit of 134217728");
  state_size(bytes, 0, 8);
  EXPECT_EQ(error_of([&] { decode_image(bytes, "empty.jpg"); }).code(), ErrorCode::kParse);
}

TEST(Jpeg, OnePixelWorks) {
  const Image got = decode_image(encode_jpeg(1, 1, {200, 200, 200}), "dot.jpg");
  EXPECT_EQ(got.width, 1);
  EXPECT_EQ(got.height, 1);
  EXPECT_LE(largest_difference(got.rgb, {200, 200, 200}), 1);
}

TEST(Png, ColourKindsBecomeRgb) {
  const auto decode = [](int type, int depth, const std::vector<std::uint8_t>& row,
                         const std::vector<std::uint8_t>& palette = {}) {
    return decode_image(encode_png(2, 1, type, depth, row, palette), "x.png").rgb;
  };
  EXPECT_THAT(decode(PNG_COLOR_TYPE_RGB, 8, {1, 2, 3, 4, 5, 6}), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(decode(PNG_COLOR_TYPE_RGB, 16, {1, 99, 2, 200, 3, 255, 4, 0, 5, 0, 6, 0}),
              ElementsAre(1, 2, 3, 4, 5, 6))
      << "16-bit samples keep their high byte";
  EXPECT_THAT(decode(PNG_COLOR_TYPE_RGB_ALPHA, 8, {1, 2, 3, 0, 4, 5, 6, 128}), ElementsAre(1, 2, 3, 4, 5, 6))
      << "alpha is dropped, not blended";
  EXPECT_THAT(decode(PNG_COLOR_TYPE_GRAY, 8, {7, 9}), ElementsAre(7, 7, 7, 9, 9, 9));
  EXPECT_THAT(decode(PNG_COLOR_TYPE_GRAY, 1, {0x40}), ElementsAre(0, 0, 0, 255, 255, 255));
  EXPECT_THAT(decode(PNG_COLOR_TYPE_GRAY, 4, {0x1F}), ElementsAre(17, 17, 17, 255, 255, 255));
  EXPECT_THAT(decode(PNG_COLOR_TYPE_GRAY, 16, {7, 255, 9, 0}), ElementsAre(7, 7, 7, 9, 9, 9));
  EXPECT_THAT(decode(PNG_COLOR_TYPE_GRAY_ALPHA, 8, {7, 1, 9, 2}), ElementsAre(7, 7, 7, 9, 9, 9));
  EXPECT_THAT(decode(PNG_COLOR_TYPE_PALETTE, 2, {0x60}, {0, 0, 0, 10, 20, 30, 40, 50, 60}),
              ElementsAre(10, 20, 30, 40, 50, 60));
}

TEST(Png, InterlacedEqualsPlain) {
  const Image picture = test::noisy_picture(21, 13);
  for (bool interlaced : {false, true})
    EXPECT_EQ(
        decode_image(encode_png(21, 13, PNG_COLOR_TYPE_RGB, 8, picture.rgb, {}, interlaced), "x.png").rgb,
        picture.rgb);
}

TEST(Png, CutOffAnywhereOrDamagedIsAnError) {
  const Image picture = test::noisy_picture(20, 20);
  const std::vector<std::byte> whole = encode_png(20, 20, PNG_COLOR_TYPE_RGB, 8, picture.rgb);
  for (std::size_t kept = 8; kept < whole.size(); ++kept) {
    const Error error = error_of([&] { decode_image(std::span(whole).first(kept), "cut.png"); });
    EXPECT_EQ(error.code(), ErrorCode::kParse) << kept;
    EXPECT_THAT(error.what(), HasSubstr("cut.png"));
  }
  std::vector<std::byte> damaged = whole;
  damaged[60] ^= std::byte{1};
  EXPECT_EQ(error_of([&] { decode_image(damaged, "damaged.png"); }).code(), ErrorCode::kParse)
      << "the checksum";
}

TEST(Png, OverThePixelLimitIsRefusedFromTheHeader) {
  const std::vector<std::byte> bytes =
      encode_png(20, 20, PNG_COLOR_TYPE_RGB, 8, test::noisy_picture(20, 20).rgb);
  EXPECT_EQ(error_of([&] { decode_image(bytes, "x.png", 399); }).code(), ErrorCode::kMemoryLimit);
  EXPECT_EQ(decode_image(bytes, "x.png", 400).width, 20);
}

TEST(DecodeImage, SaysWhatIsWrongWithTheFile) {
  const test::TemporaryDirectory folder;
  const auto error_with = [](const std::filesystem::path& path) {
    return error_of([&] { decode_image(path); });
  };

  const Error missing = error_with(folder.path() / "missing.jpg");
  EXPECT_EQ(missing.code(), ErrorCode::kNotFound);
  EXPECT_THAT(missing.what(), HasSubstr("missing.jpg"));

  EXPECT_EQ(error_with(folder.path()).code(), ErrorCode::kIo);
  EXPECT_EQ(error_with("/dev/zero").code(), ErrorCode::kIo);
  EXPECT_EQ(error_with(folder.write("empty.jpg", "")).code(), ErrorCode::kParse);

  const Error text = error_with(folder.write("notes.jpg", "GIF89a and more"));
  EXPECT_EQ(text.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(text.what(),
              AllOf(HasSubstr("notes.jpg"), HasSubstr("neither a JPEG nor a PNG"), HasSubstr("47 49 46")));
}

TEST(DecodeImage, GoesByTheContentNotTheName) {
  const test::TemporaryDirectory folder;
  const Image picture = test::noisy_picture(3, 2);
  const auto path = folder.write("really_png.JPEG", encode_png(3, 2, PNG_COLOR_TYPE_RGB, 8, picture.rgb));
  EXPECT_EQ(decode_image(path).rgb, picture.rgb);
}

}  // namespace
}  // namespace octet::lab
