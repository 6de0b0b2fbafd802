// octet compare on made-up studies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

namespace octet::test {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

TEST(CompareCommand, PutsTwoBundlesSideBySide) {
  const TemporaryDirectory folder;
  const std::string a = (folder.path() / "a").string(), b = (folder.path() / "b").string();
  const Program make(OCTET_MAKE_TEST_BUNDLE);
  ASSERT_EQ(make({a}).exit_code, 0);
  ASSERT_EQ(make({b, "1.25"}).exit_code, 0);

  const Finished text = octet_program()({"compare", a, b});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("resnet-50"));
  EXPECT_THAT(text.out, HasSubstr("does_not_fit"));
  EXPECT_THAT(text.out, HasSubstr("Same machine."));
  EXPECT_THAT(text.out, HasSubstr("between runs"));

  const Finished as_json = octet_program()({"compare", a, b, "--format", "json"});
  const Json document = Json::parse(as_json.out);
  for (const Json& row : document["rows"]) {
    if (row.contains("ratio")) {
      EXPECT_NEAR(row["ratio"]["median"].get<double>(), 1.25, 0.01);
    }
  }
}

TEST(CompareCommand, RefusesWhatIsNoBundle) {
  const Finished nowhere = octet_program()({"compare", "/nonexistent", "/nonexistent"});
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_THAT(nowhere.err, HasSubstr("/nonexistent"));
  EXPECT_EQ(octet_program()({"compare", "/nonexistent"}).exit_code, 2);
}

}  // namespace
}  // namespace octet::test
