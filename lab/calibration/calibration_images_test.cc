#include "lab/calibration/calibration_images.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "lab/bench/synthetic_images.h"
#include "lab/data/drawn_images.h"
#include "lab/data/test_pictures.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using test::error_of;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Pictures p0 ... of brightness 10 i; a preprocessed one is 3 x 4 x 4 values 10 i.
class CalibrationPictures : public ::testing::Test {
 protected:
  CalibrationPictures() {
    preprocessing.resize = preprocessing.crop_height = preprocessing.crop_width = 4;
    preprocessing.mean_bgr = {0, 0, 0};
    for (int i = 0; i < 7; ++i) list.push_back({write(folder, i, 10 * i), i});
    pipeline.batch = 3;
  }
  static std::filesystem::path write(const test::TemporaryDirectory& in, int number, int shade) {
    const std::vector<std::uint8_t> grey(64, static_cast<std::uint8_t>(shade));
    return in.write(fmt::format("p{}.jpg", number), test::encode_jpeg(8, 8, grey, {test::JpegKind::kGrey}));
  }
  /// The brightness of each image that comes.
  static std::vector<int> read(CalibrationImages& images, int most) {
    std::vector<int> shades;
    std::vector<float> values(static_cast<std::size_t>(most) * 48);
    while (const int count = images.next(most, values)) {
      EXPECT_LE(count, most);
      for (int n = 0; n < count; ++n) {
        const auto image = std::span(values).subspan(static_cast<std::size_t>(n) * 48, 48);
        shades.push_back(static_cast<int>(image[0]));
        EXPECT_THAT(image, Each(image[0]));
      }
    }
    return shades;
  }

  test::TemporaryDirectory folder;
  Dataset list;
  Preprocessing preprocessing;
  PipelineOptions pipeline;
};

TEST_F(CalibrationPictures, AreTheFirstBatchesOfEveryNthOfTheList) {
  const auto labels = [&](const CalibrationSelection& selection) {
    std::vector<int> chosen;
    for (const Sample& sample : select_pictures(list, selection)) chosen.push_back(*sample.label);
    return chosen;
  };
  EXPECT_THAT(labels({2, 2, 1, 0}), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(labels({50, 25, 1, 0}), ElementsAre(0, 1, 2, 3, 4, 5, 6)) << "all there are";
  EXPECT_THAT(labels({50, 25, 2, 0}), ElementsAre(0, 2, 4, 6));
  EXPECT_THAT(labels({50, 25, 2, 1}), ElementsAre(1, 3, 5));
  EXPECT_THAT(labels({1, 2, 3, 1}), ElementsAre(1, 4));
  for (const CalibrationSelection& wrong :
       {CalibrationSelection{0, 1, 1, 0}, CalibrationSelection{1, 0, 1, 0}, CalibrationSelection{1, 1, 0, 0},
        CalibrationSelection{1, 1, 1, -1}, CalibrationSelection{1, 1, 1, 7}})
    EXPECT_EQ(error_of([&] { select_pictures(list, wrong); }).code(), ErrorCode::kInvalidArgument);
}

TEST_F(CalibrationPictures, ComeInOrderHoweverManyAreAskedForAndAgainAfterRewind) {
  PictureImages images(list, preprocessing, pipeline);
  for (int most : {1, 2, 3, 5, 100}) {
    EXPECT_THAT(read(images, most), ElementsAre(0, 10, 20, 30, 40, 50, 60)) << most;
    images.rewind();
  }
}

TEST_F(CalibrationPictures, ThatAreBrokenAreNamedAndSkippedOnlyIfAsked) {
  folder.write("p2.jpg", "nonsense");
  PictureImages strict(list, preprocessing, pipeline);
  EXPECT_THAT(error_of([&] { read(strict, 9); }).what(), HasSubstr("p2.jpg"));
  pipeline.skip_broken = true;
  PictureImages lenient(list, preprocessing, pipeline);
  EXPECT_THAT(read(lenient, 9), ElementsAre(0, 10, 30, 40, 50, 60));
  ASSERT_EQ(lenient.broken().size(), 1u);
  EXPECT_THAT(lenient.broken()[0].message, HasSubstr("p2.jpg"));
  CalibrationSource source;
  lenient.describe("folder x", source);
  EXPECT_EQ(source.images, 6);
  EXPECT_EQ(source.pictures.size(), 6u);
}

TEST_F(CalibrationPictures, AreRecordedWithHashesOfTheirContentAndProtocol) {
  const auto describe = [&](const Dataset& pictures) {
    PictureImages images(pictures, preprocessing, pipeline);
    CalibrationSource source;
    images.describe("folder val", source);
    return source;
  };
  const CalibrationSource source = describe(list);
  EXPECT_EQ(source.data, "folder val, 7 pictures");
  EXPECT_EQ(source.images, 7);
  EXPECT_EQ(source.preprocessing, description(preprocessing));
  EXPECT_EQ(source.preprocessing_hash, hash(preprocessing));
  ASSERT_EQ(source.pictures.size(), 7u);
  EXPECT_EQ(source.pictures[3], content_hash(list[3]) + " p3.jpg");
  EXPECT_EQ(describe(list).data_hash, source.data_hash);

  Dataset other_order = list;
  std::swap(other_order[0], other_order[1]);
  EXPECT_NE(describe(other_order).data_hash, source.data_hash);
  write(folder, 3, 99);
  EXPECT_NE(describe(list).data_hash, source.data_hash) << "one picture has other content";
}

TEST_F(CalibrationPictures, AreLeftOutOfAMeasurementByNameAndContent) {
  PictureImages images(select_pictures(list, {50, 25, 2, 0}), preprocessing, pipeline);
  CalibrationSource source;
  images.describe("folder val", source);
  const WithoutCalibrated rest = exclude_calibrated(list, source);
  EXPECT_EQ(rest.excluded, 4u);
  ASSERT_EQ(rest.kept.size(), 3u);
  EXPECT_EQ(*rest.kept[0].label, 1);

  test::TemporaryDirectory elsewhere;  // the same names, p2 alone with the same content
  Dataset others;
  for (int i = 0; i < 7; ++i) others.push_back({write(elsewhere, i, i == 2 ? 20 : 200 + i), i});
  EXPECT_EQ(exclude_calibrated(others, source).excluded, 1u);
  EXPECT_EQ(exclude_calibrated(list, CalibrationSource{}).excluded, 0u);
}

TEST(CalibrationDrawn, PicturesAreKnownByTheirStream) {
  const Dataset drawn = drawn_dataset(DrawnSet::kCalibration, 5);
  PictureImages images(drawn, default_preprocessing("octet-20", {1, 3, 40, 40}), {});
  std::vector<float> values(5 * 3 * kDrawnSide * kDrawnSide);
  EXPECT_EQ(images.next(5, values), 5);
  CalibrationSource source;
  images.describe("drawn", source);
  EXPECT_EQ(source.images, 5);
  EXPECT_TRUE(source.pictures.empty());
  EXPECT_FALSE(source.data_hash.empty());
  EXPECT_EQ(exclude_calibrated(drawn_dataset(DrawnSet::kTest, 5), source).excluded, 0u);
}

TEST(CalibrationSynthetic, ImagesAreThoseOfTheBenchmark) {
  const Shape shape{1, 3, 5, 4};
  SyntheticImages images(shape, 7, 9);
  const std::vector<float> expected = synthetic_images(shape, 7, 9);
  for (int most : {1, 3, 7, 8}) {
    images.rewind();
    std::vector<float> got, values(static_cast<std::size_t>(most) * 60);
    while (const int count = images.next(most, values))
      got.insert(got.end(), values.begin(), values.begin() + count * 60);
    EXPECT_EQ(got, expected) << most;
  }
  CalibrationSource source;
  images.describe(source);
  EXPECT_EQ(source.data, "synthetic, seed 9, 7 images");
  EXPECT_TRUE(source.preprocessing_hash.empty()) << "not compared";
  EXPECT_EQ(error_of([&] { SyntheticImages(shape, 0, 1); }).code(), ErrorCode::kInvalidArgument);
}

TEST(PixelMean, IsWhatPreprocessingSubtracts) {
  Preprocessing preprocessing;
  preprocessing.crop_height = 3;
  preprocessing.crop_width = 2;
  EXPECT_THAT(pixel_mean(preprocessing), ElementsAre(104, 117, 123));
  MeanImage mean{3, 5, 4, {}};
  for (int i = 0; i < 60; ++i) mean.values.push_back(static_cast<float>(i) + 0.25f);
  preprocessing.mean_image = mean;
  const std::vector<float> cropped = pixel_mean(preprocessing);
  ASSERT_EQ(cropped.size(), 18u);
  EXPECT_EQ(cropped[0], 5.25f) << "row 1, column 1";
  EXPECT_EQ(cropped[1], 6.25f);
  EXPECT_EQ(cropped[2], 9.25f);
  EXPECT_EQ(cropped[17], 40 + 14.25f);
}

}  // namespace
}  // namespace octet::lab
