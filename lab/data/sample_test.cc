// The 500 real pictures, where they are at hand (../shared/images; see CONTRIBUTING.md).
#include <gmock/gmock.h>

#include <set>

#include "lab/data/dataset.h"
#include "lab/data/pipeline.h"

namespace octet::lab {
namespace {

const std::filesystem::path kFolder = "../shared/images/imagenet-sample";
const std::filesystem::path kSynsets = "../shared/images/synsets.txt";

class SamplePictures : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kFolder) || !std::filesystem::exists(kSynsets))
      GTEST_SKIP() << kFolder << " or " << kSynsets << " is not here";
  }
};

TEST_F(SamplePictures, EachIsOfItsOwnClass) {
  const Dataset dataset = load_labelled(kFolder, {kSynsets, {}, {}, 1000});
  ASSERT_EQ(dataset.size(), 500u);
  const std::vector<ClassName> names = load_class_names(kSynsets);
  ASSERT_EQ(names.size(), 1000u);
  std::set<int> labels;
  for (const Sample& sample : dataset) {
    labels.insert(*sample.label);
    EXPECT_EQ(sample.path.stem().string(), names[static_cast<std::size_t>(*sample.label)].synset);
  }
  EXPECT_EQ(labels.size(), 500u);
}

TEST_F(SamplePictures, AllDecodeAndPreprocess) {
  const Dataset dataset = load_labelled(kFolder, {kSynsets, {}, {}, 1000});
  const Preprocessing preprocessing = default_preprocessing("squeezenet-1.0", {1, 3, 227, 227});
  InputPipeline pipeline(dataset, preprocessing, {.batch = 64});
  std::size_t pictures = 0;
  double sum = 0;
  for (Batch batch; pipeline.next(batch);) {
    pictures += batch.samples.size();
    for (float value : batch.input) {
      ASSERT_GE(value, -123);
      ASSERT_LE(value, 255 - 104);
      sum += value;
    }
  }
  EXPECT_EQ(pictures, 500u);
  // The network's means are those of the training set, so the sample's mean must come out near zero.
  EXPECT_NEAR(sum / (500.0 * static_cast<double>(preprocessing.elements())), 0, 10);
}

}  // namespace
}  // namespace octet::lab
