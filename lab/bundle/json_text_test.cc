#include "lab/bundle/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "lab/bundle/json_compare.h"
#include "lab/bundle/options.h"
#include "lab/bundle/results.h"
#include "lab/support/json.h"
#include "octet/error.h"
#include "tests/support/message_of.h"

namespace octet::lab {
namespace {

using test::message_of;
using ::testing::HasSubstr;

TEST(JsonText, KeepsListsOfValuesOnOneLine) {
  EXPECT_EQ(format_json({{"a", {1, 2.5, "x"}}, {"b", {{"c", nullptr}}}, {"d", Json::array()}}),
            "{\n  \"a\": [1, 2.5, \"x\"],\n  \"b\": {\n    \"c\": null\n  },\n  \"d\": []\n}\n");
}

TEST(JsonText, ReadsBackEveryNumberExactly) {
  for (const double value : {0.1, 1.0 / 3, 1e-300, 123456789012345678.0, 47.95724987005988})
    EXPECT_EQ(parse_json(format_json(value), "x").get<double>(), value);
}

TEST(JsonText, NamesFileAndPlaceOfWhatIsNotJson) {
  EXPECT_THAT(message_of([] { parse_json("{\"a\": }", "x.json"); }), HasSubstr("x.json"));
  EXPECT_THAT(message_of([] { parse_json("{\"a\": }", "x.json"); }), HasSubstr("column 7"));
}

TEST(JsonText, CountsDepthOutsideOfTexts) {
  EXPECT_NO_THROW(parse_json("[\"" + std::string(100, '[') + "\\\"[\"]", "x"));
  EXPECT_NO_THROW(parse_json(std::string(64, '[') + std::string(64, ']'), "x"));
  EXPECT_THROW(parse_json(std::string(65, '[') + std::string(65, ']'), "x"), Error);
}

TEST(JsonCompare, NamesThePathOfEachDifference) {
  const Json a = {{"rows", {{{"x", 1.0}, {"y", "p"}}}}, {"z", 3}},
             b = {{"rows", {{{"x", 1.5}, {"y", "p"}}}}, {"w", 3}};
  const std::vector<JsonDifference> found = differences(a, b, 0, 10);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].path, "rows[0].x");
  EXPECT_EQ(found[0].text, "1.0 against 1.5");
  EXPECT_TRUE(found[0].number);
  EXPECT_EQ(found[1].path, "z");
  EXPECT_FALSE(found[1].number);
  EXPECT_EQ(found[2].text, "nothing against 3");
  EXPECT_EQ(differences(a, b, 0, 1).size(), 1u);
}

TEST(JsonCompare, ToleratesWhatItIsToldTo) {
  EXPECT_TRUE(differences(1e6, 1e6 * (1 + 1e-13), 1e-12, 10).empty());
  EXPECT_FALSE(differences(1e6, 1e6 * (1 + 1e-11), 1e-12, 10).empty());
}

TEST(Options, AreFlatAndSorted) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(options_of_toml("b = true\n[s]\nlist = [1, 2]\nx = \"t\"\n[[n]]\nk = 1.5\n", "x.toml"),
            (Pairs{{"b", "true"}, {"n[0].k", "1.5"}, {"s.list", "1, 2"}, {"s.x", "t"}}));
  EXPECT_THAT(message_of([] { options_of_toml("a = \n", "x.toml"); }), HasSubstr("x.toml:1:"));
}

TEST(Csv, HasNoFormulaForASpreadsheet) {
  for (const char* name : {"=1+1", "+1", "-1", "@SUM(A1)", "\tx"}) {
    const Json results = {{"throughput", {{{"record", "r"}, {"network", name}, {"predicted_s", -1.5}}}}};
    const std::vector<CsvTable> tables = derive_csv(results);
    const auto table = std::find_if(tables.begin(), tables.end(),
                                    [](const CsvTable& each) { return each.name == "throughput.csv"; });
    ASSERT_NE(table, tables.end());
    EXPECT_THAT(table->text, HasSubstr(std::string("\r\nr,'") + name + ","));
    EXPECT_THAT(table->text, HasSubstr(",-1.5,")) << "a number stays one";
  }
}

TEST(Csv, QuotesWhatMustBeQuoted) {
  const Json results = {{"throughput",
                         {{{"record", "r"},
                           {"network", "a,\"b\"\nc"},
                           {"outcome", "failed"},
                           {"reasons", {{{"code", "steal"}}, {{"code", "drift"}}}}}}}};
  for (const CsvTable& table : derive_csv(results)) {
    if (table.name != "throughput.csv") continue;
    EXPECT_THAT(table.text, HasSubstr("\r\nr,\"a,\"\"b\"\"\nc\","));
    EXPECT_THAT(table.text, HasSubstr(",steal; drift\r\n"));
    return;
  }
  FAIL() << "no throughput.csv";
}

}  // namespace
}  // namespace octet::lab
