#include "lab/report/report.h"

#include <gmock/gmock.h>

#include <string>
#include <string_view>

#include "lab/report/test_results.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size()))
    ++found;
  return found;
}

TEST(Report, OfTheSameResultsIsTheSameBytes) {
  EXPECT_EQ(render_report(full_results()), render_report(full_results()));
}

TEST(Report, HoldsTheResultsThatItShows) {
  const Json results = full_results();
  const std::string page = render_report(results);
  const std::string opening = R"(<script type="application/json" id="results">)";
  const std::size_t start = page.find(opening);
  ASSERT_NE(start, std::string::npos);
  const std::size_t end = page.find("</script>", start);
  EXPECT_EQ(Json::parse(page.substr(start + opening.size(), end - start - opening.size())), results);
}

TEST(Report, NeedsNoOtherFileAndNoNetwork) {
  const std::string page = render_report(empty_results());
  EXPECT_THAT(page, Not(HasSubstr("<script src")));
  EXPECT_THAT(page, Not(HasSubstr("<link")));
  EXPECT_THAT(page, Not(HasSubstr("@import")));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

TEST(Report, HasChartJsOnceWithItsLicence) {
  const std::string page = render_report(empty_results());
  EXPECT_EQ(count(page, "Chart.js v"), 1u);
  EXPECT_THAT(page, HasSubstr("Released under the MIT License"));
}

TEST(Report, HasNoMarkOfItsTemplateLeft) {
  const std::string page = render_report(empty_results());
  for (const char* mark : {"@STYLE@", "@CHART_JS@", "@SCRIPT@", "@RESULTS@"})
    EXPECT_THAT(page, Not(HasSubstr(mark)));
}

TEST(Report, KeepsAMarkInTheResultsAsText) {
  Json results = empty_results();
  results["study"]["name"] = "@RESULTS@ @SCRIPT@";
  EXPECT_EQ(count(render_report(results), "@RESULTS@"), 1u);
}

TEST(Report, HasNoTextOfTheResultsThatCouldEndItsScript) {
  const std::size_t scripts = count(render_report(empty_results()), "</script");
  EXPECT_EQ(count(render_report(hostile_results()), "</script"), scripts);
  EXPECT_EQ(count(render_report(hostile_results()), "<img"), 0u);
}

TEST(Report, TakesTextThatIsNotUtf8) {
  Json results = empty_results();
  results["study"]["name"] = "caf\xe9";
  EXPECT_THAT(render_report(results), HasSubstr("caf\xef\xbf\xbd"));
}

}  // namespace
}  // namespace octet::lab
