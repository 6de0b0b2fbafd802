#include "lab/accuracy/accuracy.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "lab/data/test_pictures.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TopK, BestFirstLowerIndexFirstOnTiesNanLast) {
  const std::vector<float> scores = {0.1f, NAN, 0.5f, 0.5f, -INFINITY, 0.9f};
  EXPECT_THAT(top_k(scores, 3), ElementsAre(5, 2, 3));
  EXPECT_THAT(top_k(scores, 99), ElementsAre(5, 2, 3, 0, 4, 1));
  EXPECT_THAT(top_k(scores, 0), ElementsAre());
}

TEST(RankOfLabel, CountsClassesThatScoreAtLeastAsHigh) {
  const std::vector<float> scores = {0.1f, 0.7f, 0.2f};
  EXPECT_EQ(rank_of_label(scores, 1), 0);
  EXPECT_EQ(rank_of_label(scores, 2), 1);
  EXPECT_EQ(rank_of_label(scores, 0), 2);
  EXPECT_EQ(rank_of_label(std::vector<float>(10, 0.5f), 0), 9) << "a tie counts against the label";
  EXPECT_EQ(rank_of_label(std::vector<float>(10, NAN), 0), 9) << "so does NaN";
  EXPECT_EQ(rank_of_label(std::vector<float>{1, NAN}, 0), 1);
}

// With z = 1.959964: 5 of 10 is 1/2 +- z / (2 sqrt(10 + z^2)), 0 of 10 ends at z^2 / (10 + z^2).
TEST(WilsonInterval, EqualsItsClosedFormsAtTheMiddleAndTheEnds) {
  const ConfidenceInterval half = wilson_interval95(5, 10);
  EXPECT_NEAR(half.low, 23.6593, 1e-3);
  EXPECT_NEAR(half.high, 76.3407, 1e-3);
  const ConfidenceInterval none = wilson_interval95(0, 10);
  EXPECT_DOUBLE_EQ(none.low, 0);
  EXPECT_NEAR(none.high, 27.7533, 1e-3);
  const ConfidenceInterval all = wilson_interval95(10, 10);
  EXPECT_NEAR(all.low, 72.2467, 1e-3);
  EXPECT_DOUBLE_EQ(all.high, 100);
  EXPECT_EQ(wilson_interval95(0, 0).high, 100);
}

// Picture i is flat with brightness 10 i and has label i; a runner reads the brightness back.
class Evaluate : public ::testing::Test {
 protected:
  Evaluate() {
    preprocessing.resize = preprocessing.crop_height = preprocessing.crop_width = 4;
    preprocessing.mean_bgr = {0, 0, 0};
    for (int i = 0; i < kPictures; ++i) {
      const std::vector<std::uint8_t> grey(64, static_cast<std::uint8_t>(10 * i));
      dataset.push_back(
          {folder.write(fmt::format("p{}.jpg", i), test::encode_jpeg(8, 8, grey, {test::JpegKind::kGrey})),
           i});
    }
    options.classes = kClasses;
    options.pipeline.batch = 3;
  }

  // Gives the picture of brightness 10 i the class i + `shift`, and the classes below it the next places.
  Runner runner(int shift) {
    return [this, shift](int batch, std::span<const float> input, std::span<float> output) {
      batches.push_back(batch);
      ASSERT_EQ(input.size(), static_cast<std::size_t>(batch * preprocessing.elements()));
      ASSERT_EQ(output.size(), static_cast<std::size_t>(batch) * kClasses);
      for (int n = 0; n < batch; ++n) {
        const int picture = static_cast<int>(std::lround(input[static_cast<std::size_t>(n) * 48] / 10));
        for (int c = 0; c < kClasses; ++c)
          output[static_cast<std::size_t>(n) * kClasses + static_cast<std::size_t>(c)] =
              static_cast<float>(-((picture + shift - c + kClasses) % kClasses));
      }
    };
  }

  static constexpr int kPictures = 8;
  static constexpr int kClasses = 20;
  test::TemporaryDirectory folder;
  Dataset dataset;
  Preprocessing preprocessing;
  EvaluateOptions options;
  std::vector<int> batches;
};

TEST_F(Evaluate, CountsTop1AndTop5OfEachRunnerOverOnePass) {
  std::vector<std::size_t> progress;
  options.after_batch = [&](const Evaluation& so_far) { progress.push_back(so_far.done); };
  const std::vector<Runner> runners = {runner(0), runner(4), runner(5)};
  const Evaluation evaluation = evaluate(runners, dataset, preprocessing, options);
  EXPECT_THAT(batches, ElementsAre(3, 3, 3, 3, 3, 3, 2, 2, 2));
  EXPECT_THAT(progress, ElementsAre(3, 6, 8));
  ASSERT_EQ(evaluation.results.size(), 3u);
  EXPECT_EQ(evaluation.results[0].top1, 100);
  EXPECT_EQ(evaluation.results[0].top5, 100);
  EXPECT_EQ(evaluation.results[1].top1, 0);
  EXPECT_EQ(evaluation.results[1].top5, 100) << "the label is fifth";
  EXPECT_EQ(evaluation.results[2].top5, 0) << "the label is sixth";
  EXPECT_EQ(evaluation.results[1].images, 8);
  const Prediction& prediction = evaluation.results[1].predictions[7];
  EXPECT_EQ(prediction.sample, 7u);
  EXPECT_EQ(prediction.label, 7);
  EXPECT_EQ(prediction.rank, 4);
  EXPECT_THAT(prediction.top, ElementsAre(11, 10, 9, 8, 7));
  EXPECT_LT(evaluation.results[0].top1_ci95.low, 100);
}

TEST_F(Evaluate, BrokenPicturesLeaveTheCountIfAskedFor) {
  folder.write("p2.jpg", "nonsense");
  const std::vector<Runner> runners = {runner(0)};
  EXPECT_EQ(error_of([&] { evaluate(runners, dataset, preprocessing, options); }).code(),
            ErrorCode::kUnsupported);
  options.pipeline.skip_broken = true;
  const Evaluation evaluation = evaluate(runners, dataset, preprocessing, options);
  EXPECT_EQ(evaluation.results[0].images, 7);
  EXPECT_EQ(evaluation.results[0].top1, 100);
  ASSERT_EQ(evaluation.broken.size(), 1u);
  EXPECT_THAT(evaluation.broken[0].message, HasSubstr("p2.jpg"));

  EXPECT_EQ(error_of([&] { evaluate(runners, {dataset[2]}, preprocessing, options); }).code(),
            ErrorCode::kParse)
      << "nothing left";
}

TEST_F(Evaluate, GoesOnWhereAnInterruptedOneEnded) {
  folder.write("p1.jpg", "nonsense");
  folder.write("p6.jpg", "nonsense");
  options.pipeline.skip_broken = true;
  const std::vector<Runner> runners = {runner(0), runner(4)};
  const Evaluation whole = evaluate(runners, dataset, preprocessing, options);
  Evaluation first;
  options.after_batch = [&](const Evaluation& so_far) {
    first = so_far;
    throw Error(ErrorCode::kInterrupted, "enough");
  };
  EXPECT_THROW(evaluate(runners, dataset, preprocessing, options), Error);
  EXPECT_EQ(first.done, 4u) << "three good pictures and a broken one";
  options.after_batch = nullptr;
  options.resumed = &first;
  batches.clear();
  const Evaluation resumed = evaluate(runners, dataset, preprocessing, options);
  EXPECT_THAT(batches, ElementsAre(3, 3)) << "only what was left";
  EXPECT_EQ(resumed.done, 8u);
  ASSERT_EQ(resumed.broken.size(), 2u);
  EXPECT_EQ(resumed.broken[1].sample, 6u);
  for (std::size_t r = 0; r < 2; ++r) {
    EXPECT_EQ(resumed.results[r].images, 6);
    EXPECT_EQ(resumed.results[r].top1, whole.results[r].top1);
    EXPECT_EQ(resumed.results[r].top5, whole.results[r].top5);
    for (std::size_t i = 0; i < 6; ++i) {
      EXPECT_EQ(resumed.results[r].predictions[i].sample, whole.results[r].predictions[i].sample);
      EXPECT_EQ(resumed.results[r].predictions[i].top, whole.results[r].predictions[i].top);
    }
  }
  first.done = 9;
  EXPECT_EQ(error_of([&] { evaluate(runners, dataset, preprocessing, options); }).code(),
            ErrorCode::kMismatch);
}

TEST_F(Evaluate, ARunnersErrorComesThrough) {
  const std::vector<Runner> runners = {[](int, std::span<const float>, std::span<float>) {
    throw Error(ErrorCode::kInvalidArgument, "from the engine");
  }};
  EXPECT_THAT(error_of([&] { evaluate(runners, dataset, preprocessing, options); }).what(),
              HasSubstr("from the engine"));
}

TEST_F(Evaluate, WrongArgumentsAreErrorsBeforeAnythingRuns) {
  const std::vector<Runner> runners = {runner(0)};
  EXPECT_EQ(error_of([&] { evaluate({}, dataset, preprocessing, options); }).code(),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of([&] { evaluate(runners, {}, preprocessing, options); }).code(),
            ErrorCode::kInvalidArgument);
  options.classes = 7;
  EXPECT_EQ(error_of([&] { evaluate(runners, dataset, preprocessing, options); }).code(),
            ErrorCode::kMismatch);
  options.classes = 0;
  EXPECT_EQ(error_of([&] { evaluate(runners, dataset, preprocessing, options); }).code(),
            ErrorCode::kInvalidArgument);
  options.classes = kClasses;
  dataset[3].label.reset();
  EXPECT_EQ(error_of([&] { evaluate(runners, dataset, preprocessing, options); }).code(),
            ErrorCode::kInvalidArgument);
  EXPECT_TRUE(batches.empty());
}

TEST_F(Evaluate, FewerThanFiveClassesAreAllInTheTop) {
  options.classes = 2;
  dataset.resize(2);
  const std::vector<Runner> runners = {[](int, std::span<const float>, std::span<float> output) {
    for (std::size_t i = 0; i < output.size(); ++i) output[i] = i % 2 == 0 ? 1.0f : 0.0f;
  }};
  const Evaluation evaluation = evaluate(runners, dataset, preprocessing, options);
  EXPECT_EQ(evaluation.results[0].top1, 50);
  EXPECT_EQ(evaluation.results[0].top5, 100);
}

}  // namespace
}  // namespace octet::lab
