#include "lab/support/files.h"

#include <gmock/gmock.h>

#include <functional>

#include "octet/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab {
namespace {

namespace fs = std::filesystem;
using test::message_of;
using testing::HasSubstr;

std::vector<fs::path> listing(const fs::path& folder) {
  return {fs::directory_iterator(folder), fs::directory_iterator()};
}

TEST(FilesTest, WhatIsWrittenIsReadBackAndNothingElseIsLeft) {
  test::TemporaryDirectory folder;
  const std::string bytes("a\0b\n\xff", 5);
  write_file(folder.path() / "f", "old, and longer than the new");
  write_file(folder.path() / "f", bytes);
  EXPECT_EQ(read_file(folder.path() / "f"), bytes);
  EXPECT_EQ(listing(folder.path()).size(), 1u);
}

TEST(FilesTest, AFileThatCannotBeWrittenIsAnErrorThatNamesItAndLeavesTheOldOne) {
  test::TemporaryDirectory folder;
  EXPECT_THAT(message_of([&] { write_file(folder.path() / "none/f", "x"); }), HasSubstr("none/f"));
  fs::create_directory(folder.path() / "d");
  write_file(folder.path() / "d/old", "kept");
  EXPECT_THAT(message_of([&] { write_file(folder.path() / "d", "x"); }), HasSubstr("/d: cannot be written"));
  EXPECT_EQ(read_file(folder.path() / "d/old"), "kept");
  EXPECT_EQ(listing(folder.path()).size(), 1u);
}

TEST(FilesTest, AFileWrittenInPiecesHasItsNameAtTheEndOrNever) {
  test::TemporaryDirectory folder;
  {
    FileWriter writer(folder.path() / "f");
    writer.write("a");
    EXPECT_FALSE(fs::exists(folder.path() / "f"));
  }
  EXPECT_TRUE(listing(folder.path()).empty());
  FileWriter writer(folder.path() / "f", Durability::kKill);
  writer.write("a");
  writer.write("b");
  writer.commit();
  EXPECT_EQ(read_file(folder.path() / "f"), "ab");
  EXPECT_EQ(listing(folder.path()).size(), 1u);
}

TEST(FilesTest, WhatKilledWritersLeftIsRemovedAndNothingElse) {
  test::TemporaryDirectory folder;
  write_file(folder.path() / "f", "kept");
  write_file(folder.path() / "f.123.tmp", "half");
  fs::create_directory(folder.path() / "d.tmp");
  remove_temporaries(folder.path());
  remove_temporaries(folder.path() / "none");
  EXPECT_EQ(listing(folder.path()).size(), 2u);
  EXPECT_EQ(read_file(folder.path() / "f"), "kept");
}

TEST(FilesTest, OnlyFilesAreRead) {
  EXPECT_THAT(message_of([] { read_file("/dev/null"); }), HasSubstr("expected a file"));
}

TEST(FilesTest, ReadingSaysWhatIsMissingOrTooLarge) {
  test::TemporaryDirectory folder;
  EXPECT_THAT(message_of([&] { read_file(folder.path() / "none"); }), HasSubstr("none: no such file"));
  write_file(folder.path() / "f", "12345");
  EXPECT_THAT(message_of([&] { read_file(folder.path() / "f", 4); }), HasSubstr("at most 4 bytes, got 5"));
}

TEST(FilesTest, AFolderIsMadeWithItsParentsAndMustBeOne) {
  test::TemporaryDirectory folder;
  make_writable_folder(folder.path() / "a/b");
  EXPECT_TRUE(fs::is_directory(folder.path() / "a/b"));
  write_file(folder.path() / "f", "");
  EXPECT_THAT(message_of([&] { make_writable_folder(folder.path() / "f"); }),
              HasSubstr("a file of that name"));
}

}  // namespace
}  // namespace octet::lab
