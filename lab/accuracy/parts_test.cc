#include "lab/accuracy/parts.h"

#include <gmock/gmock.h>

#include "lab/accuracy/checkpoint.h"
#include "lab/data/test_pictures.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using test::error_of;
using ::testing::HasSubstr;

TEST(PartOf, PartsAreContiguousWholeBatchesAndAllPictures) {
  for (const std::size_t pictures : {1u, 7u, 32u, 33u, 200u, 1000u})
    for (const int batch : {1, 8, 32})
      for (const int parts : {1, 2, 3, 7, 64}) {
        std::size_t next = 0, smallest = pictures, largest = 0;
        for (int i = 0; i < parts; ++i) {
          const Part part = part_of(pictures, batch, i, parts);
          EXPECT_EQ(part.first, next);
          EXPECT_GE(part.end, part.first);
          EXPECT_TRUE(part.end == pictures || part.end % static_cast<std::size_t>(batch) == 0) << part.end;
          smallest = std::min(smallest, part.end - part.first);
          largest = std::max(largest, part.end - part.first);
          next = part.end;
        }
        EXPECT_EQ(next, pictures) << batch << " a batch, " << parts << " parts";
        EXPECT_LE(largest - smallest, 2 * static_cast<std::size_t>(batch));
      }
}

TEST(PartOf, RefusesWhatIsNoPart) {
  EXPECT_EQ(error_of([] { part_of(10, 0, 0, 1); }).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of([] { part_of(10, 1, 2, 2); }).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of([] { part_of(10, 1, -1, 2); }).code(), ErrorCode::kInvalidArgument);
}

/// Pictures [first, end), of which those divisible by `broken` could not be decoded; picture i has rank i
/// % 7.
Evaluation evaluation_of(std::size_t first, std::size_t end, std::size_t broken) {
  Evaluation evaluation;
  evaluation.results.resize(2);
  for (std::size_t i = first; i < end; ++i) {
    if (broken > 0 && i % broken == 0) {
      evaluation.broken.push_back({i, "broken"});
      continue;
    }
    for (AccuracyResult& result : evaluation.results)
      result.predictions.push_back({i, static_cast<int>(i % 10), static_cast<int>(i % 7), {1, 2, 3, 4, 5}});
  }
  evaluation.done = end;
  return evaluation;
}

TEST(JoinParts, IsWhatOneProcessWouldHaveFound) {
  const Evaluation whole = evaluation_of(0, 100, 9);
  const std::vector<Evaluation> parts = {evaluation_of(0, 64, 9), evaluation_of(64, 64, 9),
                                         evaluation_of(64, 100, 9)};
  const Evaluation joined = join_parts(parts, 100);
  EXPECT_EQ(evaluation_text(joined), evaluation_text(whole));
  const AccuracyResult expected = accuracy_of(whole.results[0].predictions);
  for (const AccuracyResult& result : joined.results) {
    EXPECT_EQ(result.images, 88);
    EXPECT_EQ(result.top1_correct, expected.top1_correct);
    EXPECT_EQ(result.top5, expected.top5);
    EXPECT_EQ(result.top1_ci95.low, expected.top1_ci95.low);
  }
}

TEST(JoinParts, APartMayHaveNothingButBrokenPicturesButNotAll) {
  const std::vector<Evaluation> one_good = {evaluation_of(0, 2, 1), evaluation_of(2, 4, 0)};
  EXPECT_EQ(join_parts(one_good, 4).results[0].images, 2);
  const std::vector<Evaluation> none = {evaluation_of(0, 2, 1), evaluation_of(2, 4, 1)};
  const Error error = error_of([&] { join_parts(none, 4); });
  EXPECT_EQ(error.code(), ErrorCode::kParse);
  EXPECT_THAT(error.what(), HasSubstr("none of the 4 pictures"));
}

TEST(JoinParts, RefusesPartsThatAreMissingOrOutOfOrder) {
  const auto code_of = [](const std::vector<Evaluation>& parts) {
    return error_of([&] { join_parts(parts, 8); }).code();
  };
  EXPECT_EQ(code_of({}), ErrorCode::kMismatch);
  EXPECT_EQ(code_of({evaluation_of(0, 4, 0)}), ErrorCode::kMismatch);
  EXPECT_EQ(code_of({evaluation_of(4, 8, 0), evaluation_of(0, 4, 0)}), ErrorCode::kMismatch);
  EXPECT_EQ(code_of({evaluation_of(0, 4, 0), evaluation_of(5, 8, 0)}), ErrorCode::kMismatch);
  Evaluation one_engine = evaluation_of(4, 8, 0);
  one_engine.results.pop_back();
  EXPECT_EQ(code_of({evaluation_of(0, 4, 0), one_engine}), ErrorCode::kMismatch);
}

TEST(EvaluationText, OtherTextIsAnError) {
  for (const char* text : {"", "[]", "{}", R"({"done": 1, "broken": [], "results": [[["a"]]]})"})
    EXPECT_EQ(error_of([&] { evaluation_from(std::string(text)); }).code(), ErrorCode::kParse) << text;
}

}  // namespace
}  // namespace octet::lab
