#include "lab/bundle/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/bundle/json_text.h"
#include "lab/support/files.h"
#include "lab/support/json.h"
#include "octet/error.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

Json made_up(const std::string& key, const std::string& depends = "d") {
  return {{"key", key}, {"kind", "throughput"}, {"outcome", "measured"}, {"depends", depends}, {"x", {1, 2}}};
}

class Store : public ::testing::Test {
 protected:
  fs::path file(const std::string& name) const { return folder_.path() / "records" / name; }
  void write(const std::string& name, const std::string& text) { write_file(file(name), text); }
  ErrorCode code_of_load() {
    try {
      store_.load_all();
    } catch (const Error& error) {
      message_ = error.what();
      return error.code();
    }
    ADD_FAILURE() << "loaded";
    return ErrorCode::kInternal;
  }

  test::TemporaryDirectory folder_;
  RecordStore store_{folder_.path()};
  std::string message_;
};

TEST_F(Store, FindsWhatItSaved) {
  store_.save(made_up("throughput/vgg-16/int8/b1"));
  const auto found = store_.find("throughput/vgg-16/int8/b1", "d");
  ASSERT_TRUE(found);
  EXPECT_EQ((*found)["schema"], kRecordSchema);
  EXPECT_EQ((*found)["x"], Json({1, 2}));
  EXPECT_EQ((*found)["octet"], octet_build());
  EXPECT_FALSE(store_.find("throughput/vgg-16/int8/b2", "d"));
}

TEST_F(Store, PutsARecordOfOtherOptionsAsideAndLosesNone) {
  store_.save(made_up("a", "old"));
  EXPECT_FALSE(store_.find("a", "new"));
  EXPECT_TRUE(fs::exists(file("a.json.stale")));
  store_.save(made_up("a", "new"));
  EXPECT_FALSE(store_.find("a", "newest"));
  EXPECT_TRUE(fs::exists(file("a.json.stale")));
  EXPECT_TRUE(fs::exists(file("a.json.2.stale")));
  EXPECT_TRUE(store_.load_all().empty());
}

TEST_F(Store, PutsABrokenRecordAside) {
  write("a.json", "{\"schema\": \"octet.record/1\", \"key\":");
  EXPECT_FALSE(store_.find("a", "d"));
  EXPECT_TRUE(fs::exists(file("a.json.stale")));
}

TEST_F(Store, LeavesARecordOfANewerSchemaWhereItIs) {
  write("a.json", R"({"schema": "octet.record/7", "key": "a"})");
  EXPECT_THROW(store_.find("a", "d"), Error);
  EXPECT_TRUE(fs::exists(file("a.json")));
  EXPECT_EQ(code_of_load(), ErrorCode::kUnsupported);
  EXPECT_THAT(message_, HasSubstr("octet.record/7"));
  EXPECT_THAT(message_, HasSubstr("knows up to octet.record/1"));
}

TEST_F(Store, LoadsAllInOrderOfKey) {
  for (const char* key : {"b/2", "a", "b/10"}) store_.save(made_up(key));
  const std::vector<Json> records = store_.load_all();
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0]["key"], "a");
  EXPECT_EQ(records[1]["key"], "b/10");
  EXPECT_EQ(records[2]["key"], "b/2");
}

TEST_F(Store, RefusesARecordUnderAnotherName) {
  store_.save(made_up("a"));
  fs::copy(file("a.json"), file("b.json"));
  EXPECT_EQ(code_of_load(), ErrorCode::kParse);
  EXPECT_THAT(message_, HasSubstr("b.json"));
  EXPECT_THAT(message_, HasSubstr("key"));
}

TEST_F(Store, RefusesWhatIsNoRecord) {
  for (const char* text : {"", "[]", "3", "{}", R"({"schema": 1})", R"({"schema": "octet.record/0"})",
                           R"({"schema": "octet.record/1x"})", R"({"schema": "octet.results/1"})",
                           R"({"schema": "octet.record/1", "key": 3})", R"({"schema": "octet.record/1"})",
                           "{\"schema\": \"octet.record/1\", \"x\": 1e999}"}) {
    write("a.json", text);
    EXPECT_EQ(code_of_load(), ErrorCode::kParse) << text;
    EXPECT_THAT(message_, HasSubstr("a.json")) << text;
  }
}

TEST_F(Store, RefusesJsonThatIsNestedWithoutEnd) {
  write("a.json", std::string(1'000'000, '['));
  EXPECT_EQ(code_of_load(), ErrorCode::kParse);
  EXPECT_THAT(message_, HasSubstr("levels"));
}

TEST_F(Store, RepairsTextThatIsNotUtf8) {
  Json record = made_up("a");
  record["cpu"] = "a CPU\xff";
  store_.save(record);
  EXPECT_EQ((*store_.find("a", "d"))["cpu"], "a CPU\xef\xbf\xbd");
}

TEST(RecordKeys, BecomeFileNames) {
  EXPECT_EQ(record_file_name("throughput/resnet-50/int8/b32"), "throughput~resnet-50~int8~b32.json");
  for (const char* key : {"", "/a", "../a", ".a", "a b", "a\\b", "a~b", "\xc3\xa4"})
    EXPECT_THROW(record_file_name(key), Error) << key;
  EXPECT_THROW(record_file_name(std::string(201, 'a')), Error);
}

TEST(RecordStore, SaysWhyAFolderCannotBeMade) {
  const test::TemporaryDirectory folder;
  folder.write("taken", "");
  try {
    const RecordStore store(folder.path() / "taken");
    FAIL() << "made";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_THAT(error.what(), HasSubstr("taken"));
  }
}

}  // namespace
}  // namespace octet::lab
