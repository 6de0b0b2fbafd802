#include "lab/data/drawn_images.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <xxhash.h>

#include <map>
#include <set>

#include "lab/data/pipeline.h"
#include "lab/data/png_writer.h"
#include "lab/data/test_pictures.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using test::error_of;
using ::testing::HasSubstr;

constexpr DrawnSet kSets[] = {DrawnSet::kTrain, DrawnSet::kValidation, DrawnSet::kCalibration,
                              DrawnSet::kTest};

std::uint64_t hash_of(std::span<const std::uint8_t> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

TEST(DrawnImages, AreTheSameBytesOnEveryMachine) {
  // A change here is another data set: octet-20 must then be trained anew, and its figures recorded anew.
  std::map<std::string, std::string> hashes;
  for (const DrawnSet set : kSets) {
    std::vector<std::uint8_t> all;
    for (std::uint64_t i = 0; i < 100; ++i) {
      const Image image = draw_image({set, i});
      all.insert(all.end(), image.rgb.begin(), image.rgb.end());
    }
    hashes[to_string(set)] = fmt::format("{:016x}", hash_of(all));
  }
  EXPECT_EQ(hashes, (std::map<std::string, std::string>{{"train", "d6115ff5b1604296"},
                                                        {"validation", "3ed89c49f0b5add2"},
                                                        {"calibration", "c5f4a26a623a9bf8"},
                                                        {"test", "7f058fb59954ffb4"}}));
}

TEST(DrawnImages, HaveEachClassOnceInTwentySuccessivePictures) {
  const Dataset dataset = drawn_dataset(DrawnSet::kTest, 200, 7);
  std::map<int, int> counts;
  for (const Sample& sample : dataset) ++counts[*sample.label];
  ASSERT_EQ(counts.size(), static_cast<std::size_t>(kDrawnClasses));
  for (const auto& [label, count] : counts) EXPECT_EQ(count, 10) << label;
  std::vector<std::uint8_t> rgb(kDrawnBytes);
  for (const Sample& sample : dataset) EXPECT_EQ(draw_image(*sample.drawn, rgb), *sample.label);
}

TEST(DrawnImages, AreInOneSetOnly) {
  std::set<std::uint64_t> seen;
  for (const DrawnSet set : kSets)
    for (std::uint64_t i = 0; i < 1000; ++i) seen.insert(hash_of(draw_image({set, i}).rgb));
  EXPECT_EQ(seen.size(), 4000u);
}

TEST(DrawnImages, UseTheWholeRangeOfBytes) {
  std::array<int, 256> histogram{};
  for (std::uint64_t i = 0; i < 200; ++i)
    for (const std::uint8_t value : draw_image({DrawnSet::kTest, i}).rgb) ++histogram[value];
  for (int value = 0; value < 256; ++value) EXPECT_GT(histogram[static_cast<std::size_t>(value)], 0) << value;
}

TEST(DrawnImages, NamesGoBothWays) {
  for (const DrawnSet set : kSets) EXPECT_EQ(parse_drawn_set(to_string(set)), set);
  EXPECT_THAT(
      error_of([] { parse_drawn_set("val"); }).what(),
      HasSubstr("'val' is no set of drawn pictures; expected train, validation, calibration or test"));
  EXPECT_EQ(drawn_name({DrawnSet::kTest, 123}), "test-000123.png");
  std::set<std::string> classes;
  for (int label = 0; label < kDrawnClasses; ++label) classes.insert(drawn_class_name(label));
  EXPECT_EQ(classes.size(), static_cast<std::size_t>(kDrawnClasses));
  EXPECT_EQ(drawn_class_name(0), "plain triangle");
  EXPECT_EQ(drawn_class_name(9), "striped hexagon");
}

TEST(DrawnImages, CountsAndSizesOutOfRangeAreErrors) {
  std::vector<std::uint8_t> small(kDrawnBytes - 1), right(kDrawnBytes);
  for (const auto& action :
       std::vector<std::function<void()>>{[&] {
                                            draw_image({DrawnSet::kTest, 0}, small);
                                          },
                                          [&] {
                                            draw_image({DrawnSet::kTest, kMaxDrawnImages}, right);
                                          },
                                          [&] { drawn_dataset(DrawnSet::kTest, 0); },
                                          [&] { drawn_dataset(DrawnSet::kTest, 2, kMaxDrawnImages - 1); },
                                          [&] { drawn_dataset(DrawnSet::kTest, 1, kMaxDrawnImages); },
                                          [&] { drawn_dataset(DrawnSet::kTest, ~std::uint64_t{0}, 5); }})
    EXPECT_EQ(error_of(action).code(), ErrorCode::kInvalidArgument);
}

TEST(DrawnImages, ComeThroughThePipelineAsTheyAre) {
  const Preprocessing preprocessing = default_preprocessing("octet-20", {1, 3, kDrawnSide, kDrawnSide});
  InputPipeline pipeline(drawn_dataset(DrawnSet::kTest, 10, 100), preprocessing, {.batch = 4, .threads = 3});
  std::size_t seen = 0;
  for (Batch batch; pipeline.next(batch); seen += batch.samples.size())
    for (std::size_t i = 0; i < batch.samples.size(); ++i) {
      const Image image = draw_image({DrawnSet::kTest, 100 + batch.samples[i]});
      const float* blue = batch.input.data() + i * kDrawnBytes;
      for (int y = 0; y < kDrawnSide; ++y)
        for (int x = 0; x < kDrawnSide; ++x)
          ASSERT_EQ(blue[y * kDrawnSide + x], static_cast<float>(image.row(y)[3 * x + 2]) - 128);
    }
  EXPECT_EQ(seen, 10u);
}

TEST(PngWriter, WhatIsWrittenIsDecodedAgain) {
  const test::TemporaryDirectory folder;
  const Image image = draw_image({DrawnSet::kTest, 3});
  write_png(folder.path() / "x.png", image);
  EXPECT_EQ(decode_image(folder.path() / "x.png").rgb, image.rgb);
  const Error error = error_of([&] { write_png(folder.path() / "none" / "x.png", image); });
  EXPECT_EQ(error.code(), ErrorCode::kIo);
  EXPECT_THAT(error.what(), HasSubstr("none/x.png"));
}

}  // namespace
}  // namespace octet::lab
