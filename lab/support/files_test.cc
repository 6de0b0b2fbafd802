#include "lab/support/files.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <string>

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

TEST(FilesTest, NothingOutsideOfAFolderIsReadFromIt) {
  test::TemporaryDirectory folder;
  fs::create_directories(folder.path() / "bundle/records");
  write_file(folder.path() / "secret", "secret");
  write_file(folder.path() / "bundle/records/r", "own");
  fs::create_symlink("../secret", folder.path() / "bundle/file");
  fs::create_symlink("records", folder.path() / "bundle/linked");
  const fs::path bundle = folder.path() / "bundle";
  EXPECT_EQ(read_file_inside(bundle, "records/r"), "own");
  const auto refusal = [&](const fs::path& path) {
    return message_of([&] { read_file_inside(bundle, path); });
  };
  EXPECT_THAT(refusal("../secret"), HasSubstr("expected the name of a file inside"));
  EXPECT_THAT(refusal("records/../../secret"), HasSubstr("expected the name of a file inside"));
  EXPECT_THAT(refusal(folder.path() / "secret"), HasSubstr("expected the name of a file inside"));
  EXPECT_THAT(refusal("file"), HasSubstr("got a symbolic link"));
  EXPECT_THAT(refusal("linked/r"), HasSubstr("got a symbolic link"));
}

// Whoever may write into the folder could lay links of the names that a predictable temporary file would
// have.
TEST(FilesTest, WritingFollowsNoLinkThatWasLaidForItAndHonoursTheUmask) {
  test::TemporaryDirectory folder;
  write_file(folder.path() / "victim", "kept");
  for (int i = 0; i < 200; ++i)
    fs::create_symlink(
        "victim", folder.path() / ("f." + std::to_string(::getpid()) + "-" + std::to_string(i) + ".tmp"));
  fs::create_symlink("victim", folder.path() / ("f." + std::to_string(::getpid()) + ".tmp"));
  const mode_t before = ::umask(027);
  write_file(folder.path() / "f", "new");
  ::umask(before);
  EXPECT_EQ(read_file(folder.path() / "victim"), "kept");
  EXPECT_EQ(read_file(folder.path() / "f"), "new");
  EXPECT_EQ(fs::status(folder.path() / "f").permissions(), fs::perms(0640));
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
