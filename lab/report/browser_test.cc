// The report in a real browser, without a window: what it says of itself when its script has run, and whether
// values that are known stand in its tables.
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

TEST_F(ReportInBrowser, DrawsEverySectionWithoutErrors) {
  const std::string page = document(full_results());
  EXPECT_EQ(data(page, "report"), "rendered");
  EXPECT_EQ(data(page, "errors"), "");
  EXPECT_EQ(data(page, "charts"), "24");
  for (const char* text : {
           "needs 8.48 GiB, limit 6.89 GiB",                // a row that does not fit
           "not run: would take 5.67 min",                  // one over the time budget
           "the worker ended with exit code 139",           // one that failed
           "89.82 to 91.02",                                // accuracy with its interval
           "no /sys/class/powercap",                        // why a meter does not work
           "56.82 / 79.99",                                 // published
           "records/throughput~alexnet~int8~b32.json",      // where a row comes from
           "projected not to fit: needs",                   // a projected row
           "Octet is faster",                               // a comparison
           "36 VALID, 11 SUSPECT, 4 INVALID of 51 figures"  // the verdict
       }) {
    EXPECT_TRUE(page.find(text) != std::string::npos) << "not on the page: " << text;
  }
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
