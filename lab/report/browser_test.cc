// The report in a real browser, without a window: what it says of itself when its script has run, and whether
// values that are known stand in its tables.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "lab/report/report.h"
#include "lab/report/test_results.h"
#include "lab/support/child.h"
#include "lab/support/files.h"
#include "lab/support/json.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab {
namespace {

std::optional<std::filesystem::path> find_browser() {
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
    if (auto found = find_program(name)) return found;
  }
  return std::nullopt;
}

class ReportInBrowser : public ::testing::Test {
 protected:
  void SetUp() override {
    browser_ = find_browser();
    if (!browser_) GTEST_SKIP() << "no browser: apt-get install chromium";
  }

  /// The document as it is when its scripts have run.
  std::string document(const Json& results) {
    const std::filesystem::path file = directory_.path() / "report.html";
    write_file(file, render_report(results));
    const Finished finished = run_command(
        {{browser_->string(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
          "--no-first-run", "--user-data-dir=" + (directory_.path() / "profile").string(), "--dump-dom",
          "file://" + file.string()},
         {{"HOME", directory_.path().string()}}},
        60);
    EXPECT_FALSE(finished.timed_out) << finished.err;
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return finished.out;
  }

  /// Attribute data-NAME of the document's root.
  static std::string data(const std::string& document, const std::string& name) {
    const std::string opening = "data-" + name + "=\"";
    const std::size_t start = document.find(opening);
    if (start == std::string::npos || start > document.find("<head")) return "(none)";
    return document.substr(start + opening.size(),
                           document.find('"', start + opening.size()) - start - opening.size());
  }

  octet::test::TemporaryDirectory directory_;
  std::optional<std::filesystem::path> browser_;
};

TEST_F(ReportInBrowser, DrawsEverySectionWithoutErrorsAndShowsTheResults) {
  const Json results = full_results();
  const std::string page = document(results);
  EXPECT_EQ(data(page, "report"), "rendered");
  EXPECT_EQ(data(page, "errors"), "");
  EXPECT_GE(std::stoi("0" + data(page, "charts")), 20);
  const Json& verdicts = results["verdict"]["counts"];
  for (const std::string& text : {
           std::string("needs 12.0 GiB, limit 8.00 GiB"),            // a row that does not fit
           std::string("not run: would take 61.5 s"),                // one over the time budget
           std::string("the worker ended with exit code 1"),         // one that failed
           std::string("this machine has no NVIDIA driver"),         // why a meter does not work
           std::string("56.82 / 79.99"),                             // published
           std::string("records/throughput~alexnet~int8~b32.json"),  // where a row comes from
           std::string("projected not to fit: needs"),               // a projected row
           std::string("Octet is faster"),                           // a comparison
           verdicts["VALID"].dump() + " VALID, " + verdicts["SUSPECT"].dump() + " SUSPECT, " +
               verdicts["INVALID"].dump() + " INVALID of",
       }) {
    EXPECT_TRUE(page.find(text) != std::string::npos) << "not on the page: " << text;
  }
  int found = 0;
  for (const Json& row : results["throughput"]) {
    const double rate = row["outcome"] == "measured" ? row["images_per_second"]["median"].get<double>() : 0;
    if (rate < 10 || rate >= 1000) continue;  // three digits, without separators
    const std::string text = fmt::format("{:.{}f}", rate, rate < 100 ? 1 : 0);
    EXPECT_TRUE(page.find(">" + text + "<") != std::string::npos) << row["record"] << ": " << text;
    ++found;
  }
  EXPECT_GT(found, 5);
}

TEST_F(ReportInBrowser, SaysInWordsWhatWasNotMeasured) {
  const std::string page = document(empty_results());
  EXPECT_EQ(data(page, "report"), "rendered");
  EXPECT_EQ(data(page, "errors"), "");
  EXPECT_EQ(data(page, "charts"), "0");
  for (const char* text :
       {"No throughput was measured.", "No meter worked on this machine", "measure on the host itself",
        "Accuracy was not measured.", "throughput/alexnet/int8/b1", "partial: 1 of 2 records"}) {
    EXPECT_TRUE(page.find(text) != std::string::npos) << "not on the page: " << text;
  }
}

TEST_F(ReportInBrowser, IsDrawnOfResultsThatHaveOtherTypes) {
  const std::string page = document({{"throughput", 3},
                                     {"study", "x"},
                                     {"verdict", {{"counts", {1, "a"}}}},
                                     {"accuracy", {{{"paired", 1}, {"results", {1, nullptr}}}}},
                                     {"layers", {1, nullptr, {{"layers", 7}, {"waterfall", "x"}}}}});
  EXPECT_EQ(data(page, "report"), "rendered");
  EXPECT_EQ(data(page, "errors"), "");
}

TEST_F(ReportInBrowser, ShowsHostileTextAsText) {
  const std::string page = document(hostile_results());
  EXPECT_EQ(data(page, "report"), "rendered");
  EXPECT_EQ(data(page, "errors"), "");
  EXPECT_EQ(data(page, "hacked"), "(none)");
  EXPECT_EQ(page.find("<img"), std::string::npos);
}

}  // namespace
}  // namespace octet::lab
