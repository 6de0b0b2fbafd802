#include "lab/data/pipeline.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

#include "lab/data/test_pictures.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using test::error_of;
using test::TemporaryDirectory;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Preprocessing tiny() {
  Preprocessing p;
  p.resize = p.crop_height = p.crop_width = 4;
  p.mean_bgr = {0, 0, 0};
  return p;
}

// `count` grey pictures, picture i of brightness i; those in `broken` are cut off.
class PipelineTest : public ::testing::Test {
 protected:
  Dataset make_dataset(int count, const std::vector<int>& broken = {}) {
    Dataset dataset;
    for (int i = 0; i < count; ++i) {
      std::vector<std::byte> bytes = test::encode_jpeg(
          8, 8, std::vector<std::uint8_t>(64, static_cast<std::uint8_t>(i)), {test::JpegKind::kGrey});
      if (std::find(broken.begin(), broken.end(), i) != broken.end()) bytes.resize(bytes.size() / 2);
      dataset.push_back({folder.write(fmt::format("p{}.jpg", i), bytes), i});
    }
    return dataset;
  }

  static std::vector<std::vector<std::size_t>> batches_of(InputPipeline& pipeline) {
    std::vector<std::vector<std::size_t>> batches;
    for (Batch batch; pipeline.next(batch);) {
      EXPECT_EQ(batch.input.size(), batch.samples.size() * 48);
      for (std::size_t i = 0; i < batch.samples.size(); ++i)
        EXPECT_EQ(batch.input[i * 48], static_cast<float>(batch.samples[i])) << "the picture's own pixels";
      batches.push_back(batch.samples);
    }
    return batches;
  }

  TemporaryDirectory folder;
};

TEST_F(PipelineTest, BatchesComeInOrderWhateverTheThreadsAndTheQueue) {
  const Dataset dataset = make_dataset(23);
  for (int threads : {0, 1, 2, 7, 40})
    for (int queue : {0, 1, 3, 100}) {
      InputPipeline pipeline(dataset, tiny(), {.batch = 10, .threads = threads, .queue_images = queue});
      EXPECT_THAT(batches_of(pipeline),
                  ElementsAre(ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
                              ElementsAre(10, 11, 12, 13, 14, 15, 16, 17, 18, 19), ElementsAre(20, 21, 22)))
          << threads << " threads, queue " << queue;
      Batch batch;
      EXPECT_FALSE(pipeline.next(batch)) << "the end stays the end";
    }
}

TEST_F(PipelineTest, TheFirstBrokenPictureInOrderIsTheErrorWhateverTheThreads) {
  const Dataset dataset = make_dataset(20, {13, 6, 7});
  for (int threads : {1, 5}) {
    InputPipeline pipeline(dataset, tiny(), {.batch = 4, .threads = threads});
    Batch batch;
    ASSERT_TRUE(pipeline.next(batch));
    const Error error = error_of([&] { pipeline.next(batch); });
    EXPECT_EQ(error.code(), ErrorCode::kParse);
    EXPECT_THAT(error.what(), HasSubstr("p6.jpg"));
    EXPECT_FALSE(pipeline.next(batch)) << "after a throw there is nothing more";
  }
}

TEST_F(PipelineTest, BrokenPicturesAreLeftOutNamedAndCountedWhenAskedFor) {
  Dataset dataset = make_dataset(9, {0, 4, 8});
  dataset[5].path = folder.path() / "missing.jpg";
  InputPipeline pipeline(dataset, tiny(), {.batch = 2, .threads = 3, .skip_broken = true});
  EXPECT_THAT(batches_of(pipeline), ElementsAre(ElementsAre(1, 2), ElementsAre(3, 6), ElementsAre(7)));
  const std::vector<BrokenImage>& broken = pipeline.broken();
  ASSERT_EQ(broken.size(), 4u);
  EXPECT_EQ(broken[1].sample, 4u);
  EXPECT_THAT(broken[1].message, HasSubstr("p4.jpg"));
  EXPECT_EQ(broken[2].sample, 5u);
  EXPECT_THAT(broken[2].message, HasSubstr("missing.jpg"));
}

TEST_F(PipelineTest, CanBeLeftAtAnyTime) {
  const Dataset dataset = make_dataset(12);
  for (int taken = 0; taken < 4; ++taken) {
    InputPipeline pipeline(dataset, tiny(), {.batch = 3, .threads = 4, .queue_images = 2});
    Batch batch;
    for (int i = 0; i < taken; ++i) ASSERT_TRUE(pipeline.next(batch));
  }
}

TEST_F(PipelineTest, CancelEndsTheWaitFromAnotherThread) {
  const Dataset dataset = make_dataset(200);
  InputPipeline pipeline(dataset, tiny(), {.batch = 1, .threads = 2, .queue_images = 1});
  Batch batch;
  ASSERT_TRUE(pipeline.next(batch));
  std::thread canceller([&] { pipeline.cancel(); });
  const Error error = error_of([&] {
    while (pipeline.next(batch)) {
    }
    canceller.join();
    pipeline.cancel();
    pipeline.next(batch);
  });
  if (canceller.joinable()) canceller.join();
  // Should all 200 have been read before the cancelling thread ran, the end stands and nothing is thrown.
  EXPECT_TRUE(error.code() == ErrorCode::kInterrupted || batch.samples.empty());
  EXPECT_FALSE(pipeline.next(batch));
}

TEST_F(PipelineTest, CancelledBeforeTheFirstBatchThrowsInterrupted) {
  InputPipeline pipeline(make_dataset(5), tiny(), {});
  pipeline.cancel();
  Batch batch;
  EXPECT_EQ(error_of([&] { pipeline.next(batch); }).code(), ErrorCode::kInterrupted);
}

TEST_F(PipelineTest, OptionsOutOfRangeAreErrors) {
  const Dataset dataset = make_dataset(1);
  const auto code = [&](const PipelineOptions& options) {
    return error_of([&] { InputPipeline(dataset, tiny(), options); }).code();
  };
  EXPECT_EQ(code({.batch = 0}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.batch = -3}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.threads = -1}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.threads = 1 << 20}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.queue_images = -1}), ErrorCode::kInvalidArgument);
}

TEST_F(PipelineTest, NoPicturesMeansNoBatches) {
  InputPipeline pipeline({}, tiny(), {});
  Batch batch;
  EXPECT_FALSE(pipeline.next(batch));
}

}  // namespace
}  // namespace octet::lab
