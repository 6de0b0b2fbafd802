// octet verify on a made-up study.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

namespace octet::test {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

class Verify : public ::testing::Test {
 protected:
  void SetUp() override {
    const Finished made = Program(OCTET_MAKE_TEST_BUNDLE)({bundle()});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }
  std::string bundle() const { return (folder_.path() / "study").string(); }
  void change(const std::string& file) const {
    std::string bytes = read_file(folder_.path() / "study" / file);
    bytes[bytes.size() / 2] ^= 1;
    folder_.write("study/" + file, bytes);
  }

  TemporaryDirectory folder_;
};

TEST_F(Verify, SaysThatAWholeBundleIsWhatItSays) {
  const Finished text = octet_program()({"verify", bundle()});
  EXPECT_EQ(text.exit_code, 0) << text.out << text.err;
  EXPECT_THAT(text.out, HasSubstr("the bundle is what it says"));
  const Finished as_json = octet_program()({"verify", bundle(), "--format", "json"});
  EXPECT_EQ(as_json.exit_code, 0);
  const Json document = Json::parse(as_json.out);
  EXPECT_TRUE(document["ok"].get<bool>());
  EXPECT_GT(document["derived_values"].get<int>(), 0);
  EXPECT_TRUE(document["findings"].empty());
}

TEST_F(Verify, EndsWith3ForAChangedByteAndNamesTheFile) {
  for (const char* file : {"results.json", "report.html", "study.toml", "records/machine.json"}) {
    change(file);
    const Finished text = octet_program()({"verify", bundle()});
    EXPECT_EQ(text.exit_code, 3) << file;
    EXPECT_THAT(text.out, HasSubstr(file));
    change(file);
  }
  change("records/machine.json");
  const Finished as_json = octet_program()({"verify", bundle(), "--format", "json"});
  EXPECT_EQ(as_json.exit_code, 3);
  const Json document = Json::parse(as_json.out);
  EXPECT_FALSE(document["ok"].get<bool>());
  EXPECT_EQ(document["findings"][0]["file"], "records/machine.json");
}

TEST_F(Verify, RefusesWhatIsNoBundle) {
  const Finished nowhere = octet_program()({"verify", "/nonexistent"});
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_THAT(nowhere.err, HasSubstr("/nonexistent"));
  const Finished file = octet_program()({"verify", bundle() + "/results.json"});
  EXPECT_EQ(file.exit_code, 2);
  EXPECT_EQ(octet_program()({"verify"}).exit_code, 2);
  folder_.write("study/manifest.json", "{\"schema\": \"octet.manifest/9\"}");
  const Finished newer = octet_program()({"verify", bundle()});
  EXPECT_EQ(newer.exit_code, 2);
  EXPECT_THAT(newer.err, HasSubstr("octet.manifest/9"));
}

}  // namespace
}  // namespace octet::test
