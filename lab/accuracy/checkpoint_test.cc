#include "lab/accuracy/checkpoint.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "lab/data/test_pictures.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Checkpoint : public ::testing::Test {
 protected:
  Checkpoint() {
    evaluation.done = 3;
    evaluation.broken = {{1, "b.jpg: cut off"}};
    evaluation.results.resize(2);
    for (AccuracyResult& result : evaluation.results) {
      result.predictions.push_back({0, 7, 0, {7, 3}});
      result.predictions.push_back({2, 4, 1, {5, 4}});
    }
    evaluation.results[1].predictions[1].top = {4, 5};
  }
  std::string content() const {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }

  test::TemporaryDirectory folder;
  std::filesystem::path file = folder.path() / "accuracy.checkpoint";
  EvaluationIdentity identity{"n1", "p1", "d1", {"fp32 avx2", "int8 c1"}};
  Evaluation evaluation;
};

TEST_F(Checkpoint, ComesBackAsItWasWritten) {
  EXPECT_FALSE(load_checkpoint(file, identity)) << "no file, nothing to go on from";
  save_checkpoint(file, identity, evaluation);
  const std::optional<Evaluation> loaded = load_checkpoint(file, identity);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->done, 3u);
  ASSERT_EQ(loaded->broken.size(), 1u);
  EXPECT_EQ(loaded->broken[0].sample, 1u);
  EXPECT_EQ(loaded->broken[0].message, "b.jpg: cut off");
  ASSERT_EQ(loaded->results.size(), 2u);
  const Prediction& prediction = loaded->results[1].predictions[1];
  EXPECT_EQ(prediction.sample, 2u);
  EXPECT_EQ(prediction.label, 4);
  EXPECT_EQ(prediction.rank, 1);
  EXPECT_THAT(prediction.top, ElementsAre(4, 5));
  EXPECT_FALSE(std::filesystem::exists(file.string() + ".tmp"));
}

TEST_F(Checkpoint, OfSomethingElseIsRefusedSayingWhat) {
  save_checkpoint(file, identity, evaluation);
  const auto refused = [&](const EvaluationIdentity& other, const std::string& what) {
    const Error error = error_of([&] { load_checkpoint(file, other); });
    EXPECT_EQ(error.code(), ErrorCode::kMismatch);
    EXPECT_THAT(error.what(), HasSubstr(file.string()));
    EXPECT_THAT(error.what(), HasSubstr("another " + what));
  };
  refused({"n2", "p1", "d1", identity.engines}, "network (n1, now n2)");
  refused({"n1", "p2", "d1", identity.engines}, "preprocessing");
  refused({"n1", "p1", "d2", identity.engines}, "set of pictures");
  refused({"n1", "p1", "d1", {"fp32 avx2", "int8 c2"}}, "list of engines");
}

TEST_F(Checkpoint, ThatIsCutOffOrEditedIsRefused) {
  save_checkpoint(file, identity, evaluation);
  const std::string whole = content();
  const auto refused = [&](const std::string& text) {
    folder.write("accuracy.checkpoint", text);
    const Error error = error_of([&] { load_checkpoint(file, identity); });
    EXPECT_EQ(error.code(), ErrorCode::kParse) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(file.string()));
  };
  refused("");
  refused("[]");
  refused(whole.substr(0, whole.size() / 2));
  std::string edited = whole;
  edited.replace(edited.find("[0,7,0,"), 7, "[0,7,1,");
  refused(edited);
  std::string newer = whole;
  newer.replace(newer.find("checkpoint\":1"), 13, "checkpoint\":2");
  refused(newer);
}

TEST_F(Checkpoint, ThatCannotBeWrittenIsAnError) {
  const Error error = error_of([&] { save_checkpoint(folder.path() / "none/x", identity, evaluation); });
  EXPECT_EQ(error.code(), ErrorCode::kIo);
}

TEST_F(Checkpoint, ListingHashFollowsNamesSizesLabelsAndOrderButNotThePlace) {
  test::TemporaryDirectory elsewhere;
  const auto listed = [](const test::TemporaryDirectory& in, const std::string& name, const std::string& text,
                         int label) {
    return Sample{in.write(name, text), label};
  };
  const Dataset here = {listed(folder, "x/a.jpg", "1", 0), listed(folder, "y/b.jpg", "22", 1)};
  const Dataset there = {listed(elsewhere, "x/a.jpg", "1", 0), listed(elsewhere, "y/b.jpg", "22", 1)};
  const std::string hash = listing_hash(here);
  EXPECT_EQ(listing_hash(there), hash);
  EXPECT_NE(listing_hash({here[1], here[0]}), hash);
  EXPECT_NE(listing_hash({here[0], {here[1].path, 2}}), hash);
  EXPECT_NE(listing_hash({here[0], listed(folder, "y/c.jpg", "22", 1)}), hash);
  EXPECT_NE(listing_hash({there[0], listed(elsewhere, "y/b.jpg", "333", 1)}), hash);
}

}  // namespace
}  // namespace octet::lab
