#include "lab/data/dataset.h"

#include <gmock/gmock.h>

#include "lab/data/test_pictures.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

using test::error_of;
using test::TemporaryDirectory;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Name of the file and label, "b.png 3"; -1 without label.
std::vector<std::string> summary(const Dataset& dataset) {
  std::vector<std::string> lines;
  for (const Sample& sample : dataset)
    lines.push_back(sample.path.filename().string() + " " + std::to_string(sample.label.value_or(-1)));
  return lines;
}

class DatasetTest : public ::testing::Test {
 protected:
  void touch(const std::string& name) { folder.write("pictures/" + name, "not decoded here"); }
  Error load_error(const LabelSource& source) {
    return error_of([&] { load_labelled(pictures, source); });
  }
  TemporaryDirectory folder;
  std::filesystem::path pictures = folder.path() / "pictures";
};

TEST_F(DatasetTest, FindsPicturesAtAnyDepthInOrderOfTheirPath) {
  for (const char* name : {"b.JPG", "a/z.png", "a/b/c.jpeg", "notes.txt", "B.jpe", "c.jpg.part"}) touch(name);
  EXPECT_THAT(summary(list_images(pictures)), ElementsAre("B.jpe -1", "c.jpeg -1", "z.png -1", "b.JPG -1"));
}

TEST_F(DatasetTest, NoFolderAndNoPicturesAreErrors) {
  EXPECT_EQ(error_of([&] { list_images(pictures); }).code(), ErrorCode::kNotFound);
  touch("notes.txt");
  const Error error = error_of([&] { list_images(pictures); });
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_THAT(error.what(), HasSubstr("no pictures"));
}

TEST_F(DatasetTest, CaffeListDecidesWhichPicturesAndInWhichOrder) {
  for (const char* name : {"a.jpg", "b c.jpg", "sub/d.jpg", "left out.jpg"}) touch(name);
  const auto list = folder.write("val.txt", "sub/d.jpg 7\r\n\nb c.jpg\t0\n/a.jpg 999");
  EXPECT_EQ(detect_label_format(list), LabelFormat::kCaffeList);
  EXPECT_THAT(summary(load_labelled(pictures, {list, {}, {}, 1000})),
              ElementsAre("d.jpg 7", "b c.jpg 0", "a.jpg 999"));
}

TEST_F(DatasetTest, CaffeListErrorsNameFileAndLine) {
  touch("a.jpg");
  touch("b.jpg");
  touch("../secret.jpg");
  const struct {
    const char* text;
    ErrorCode code;
    const char* message;
  } kCases[] = {
      {"a.jpg 1\nb.jpg 10\n", ErrorCode::kMismatch, "val.txt:2: a label in 0..9"},
      {"a.jpg 1\nb.jpg -1\n", ErrorCode::kMismatch, "val.txt:2: a label of at least 0"},
      {"a.jpg 1\n\nmissing.jpg 2\n", ErrorCode::kNotFound,
       "val.txt:3: the listed picture 'missing.jpg' is not in"},
      {"a.jpg 1\n./a.jpg 2\n", ErrorCode::kMismatch, "val.txt:2: './a.jpg' stands in line 1 already"},
      {"../secret.jpg 1\n", ErrorCode::kMismatch,
       "val.txt:1: the listed picture '../secret.jpg' lies outside of"},
      {"a.jpg 1\na/../../secret.jpg 1\n", ErrorCode::kMismatch, "val.txt:2: the listed picture"},
      {"a.jpg 1\nb.jpg one\n", ErrorCode::kParse, "val.txt:2: 'path label' was expected, 'b.jpg one' came"},
      {"a.jpg 1\nb.jpg\n", ErrorCode::kParse, "val.txt:2"},
      {"a.jpg 99999999999999\n", ErrorCode::kParse, "val.txt:1"},
      {"", ErrorCode::kParse, "val.txt: the file has no lines"},
  };
  for (const auto& c : kCases) {
    const Error error = load_error({folder.write("val.txt", c.text), {}, {}, 10});
    EXPECT_EQ(error.code(), c.code) << c.text;
    EXPECT_THAT(error.what(), HasSubstr(c.message));
  }
  EXPECT_EQ(load_error({folder.path() / "no.txt", {}, {}, 10}).code(), ErrorCode::kNotFound);
  EXPECT_EQ(load_error({folder.path(), {}, {}, 10}).code(), ErrorCode::kIo);
}

TEST_F(DatasetTest, SynsetsComeFromFoldersOrElseFromFileNames) {
  touch("n00000003/x.jpg");
  touch("n00000003/n00000001_5.jpg");
  touch("n00000002.JPEG");
  touch("n00000001_77.png");
  const auto synsets = folder.write("synsets.txt", "n00000001_first thing\nn00000002 second\nn00000003\n");
  EXPECT_EQ(detect_label_format(synsets), LabelFormat::kSynsets);
  EXPECT_THAT(summary(load_labelled(pictures, {synsets, {}, {}, 3})),
              ElementsAre("n00000001_77.png 0", "n00000002.JPEG 1", "n00000001_5.jpg 2", "x.jpg 2"));
}

TEST_F(DatasetTest, WithoutAListTheFoldersInOrderAreTheClasses) {
  for (const char* name : {"n09/x.jpg", "n00000009/x.jpg", "n00000002/y.jpg"}) touch(name);
  EXPECT_THAT(load_error({}).what(), HasSubstr("n09/x.jpg"));
  std::filesystem::remove_all(pictures / "n09");
  EXPECT_THAT(summary(load_labelled(pictures, {})), ElementsAre("y.jpg 0", "x.jpg 1"));
  const Error error = load_error({{}, {}, {}, 1000});
  EXPECT_EQ(error.code(), ErrorCode::kMismatch) << "2 folders do not say which of 1000 classes they are";
  EXPECT_THAT(error.what(), HasSubstr("synsets.txt"));
}

TEST_F(DatasetTest, ASynsetNotInTheListIsAnErrorThatNamesThePicture) {
  touch("n00000004/x.jpg");
  const Error error = load_error({folder.write("synsets.txt", "n00000001\nn00000002\n"), {}, {}, 2});
  EXPECT_EQ(error.code(), ErrorCode::kMismatch);
  EXPECT_THAT(error.what(), HasSubstr("n00000004/x.jpg"));
  EXPECT_EQ(load_error({folder.write("synsets.txt", "n00000004\nn00000004\n"), {}, {}, 2}).code(),
            ErrorCode::kParse);
  EXPECT_EQ(load_error({folder.write("synsets.txt", "n00000004\nn00000005\nn00000006\n"), {}, {}, 2}).code(),
            ErrorCode::kMismatch)
      << "3 classes, 2 outputs";
}

TEST_F(DatasetTest, DevkitNumbersGoThroughTheMapToTheRankOfTheSynset) {
  for (const char* name : {"val_3.jpg", "val_1.jpg", "val_2.jpg"}) touch(name);
  const auto truth = folder.write("truth.txt", "3\n1\n2\n");
  const auto map = folder.write("map.txt", "n00000007 1 kit_fox\nn00000009 2 setter\nn00000001 3 tench\n");
  EXPECT_EQ(detect_label_format(truth), LabelFormat::kDevkit);
  EXPECT_THAT(summary(load_labelled(pictures, {truth, map, {}, 3})),
              ElementsAre("val_1.jpg 0", "val_2.jpg 1", "val_3.jpg 2"));
  const auto synsets = folder.write("synsets.txt", "n00000009\nn00000007\nn00000001\n");
  EXPECT_THAT(summary(load_labelled(pictures, {truth, map, synsets, 3})),
              ElementsAre("val_1.jpg 2", "val_2.jpg 1", "val_3.jpg 0"));
}

TEST_F(DatasetTest, DevkitErrorsNameFileAndLine) {
  touch("val_1.jpg");
  touch("val_2.jpg");
  const auto map = folder.write("map.txt", "n00000007 1 kit_fox\nn00000009 2 setter\n");
  const auto truth = [&](const char* text) { return folder.write("truth.txt", text); };
  EXPECT_EQ(load_error({truth("1\n2\n"), {}, {}, 0}).code(), ErrorCode::kInvalidArgument) << "no map";
  const Error count = load_error({truth("1\n2\n1\n"), map, {}, 0});
  EXPECT_EQ(count.code(), ErrorCode::kMismatch);
  EXPECT_THAT(count.what(), HasSubstr("truth.txt:3: 3 class numbers for the 2 pictures"));
  EXPECT_THAT(load_error({truth("1\n3\n"), map, {}, 0}).what(),
              HasSubstr("truth.txt:2: class number 3 is not in"));
  EXPECT_THAT(load_error({truth("1\nx\n"), map, {}, 0}).what(), HasSubstr("truth.txt:2: a class number"));
  EXPECT_THAT(load_error({truth("1\n2\n"), folder.write("map.txt", "n00000007 1\nkit_fox\n"), {}, 0}).what(),
              HasSubstr("map.txt:2"));
  EXPECT_THAT(
      load_error({truth("1\n2\n"), folder.write("map.txt", "n00000007 1\nn00000008 1\n"), {}, 0}).what(),
      HasSubstr("map.txt:2"));
}

TEST_F(DatasetTest, ClassNamesAreReadInTheirThreeForms) {
  const auto names = load_class_names(folder.write(
      "names.txt", "n01440764_great_white_shark\nn01440765 tench, Tinca tinca\nn01440766\nplain_name\n"));
  ASSERT_EQ(names.size(), 4u);
  EXPECT_EQ(names[0].synset + "|" + names[0].name, "n01440764|great white shark");
  EXPECT_EQ(names[1].synset + "|" + names[1].name, "n01440765|tench, Tinca tinca");
  EXPECT_EQ(names[2].synset + "|" + names[2].name, "n01440766|n01440766");
  EXPECT_EQ(names[3].synset + "|" + names[3].name, "|plain_name");
  EXPECT_THAT(error_of([&] { load_class_names(folder.write("x.txt", "a\n\nb\n")); }).what(),
              HasSubstr("x.txt:2"));
  EXPECT_THAT(error_of([&] { load_class_names(folder.write("x.txt", "n01440764 a\nn01440764 b\n")); }).what(),
              HasSubstr("x.txt:2"));
  EXPECT_EQ(error_of([&] { load_class_names(folder.path() / "none.txt"); }).code(), ErrorCode::kNotFound);
}

TEST_F(DatasetTest, ABinaryFileIsNotAList) {
  EXPECT_EQ(load_error({folder.write("val.txt", std::string("a.jpg\0 1\n", 9)), {}, {}, 0}).code(),
            ErrorCode::kParse);
}

}  // namespace
}  // namespace octet::lab
