// `verify_bundle`: first that the files are those of the manifest, then that the records give what is derived
// from them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "lab/bundle/bundle.h"
#include "lab/bundle/json_compare.h"
#include "lab/bundle/json_text.h"
#include "lab/bundle/manifest.h"
#include "lab/bundle/record.h"
#include "lab/bundle/sha256.h"
#include "lab/report/report.h"
#include "lab/support/files.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace fs = std::filesystem;
namespace {

// Another compiler may add up in another order.
constexpr double kTolerance = 1e-12;
constexpr std::size_t kMostDifferences = 100'000;
constexpr std::size_t kMostFindings = 10;

class Verification {
 public:
  explicit Verification(const fs::path& folder) : folder_(folder), manifest_(read_manifest(folder)) {
    if (!manifest_.fault.empty()) find("manifest.json", manifest_.fault);
  }

  VerifyReport run() {
    check_listed_files();
    check_unlisted_files();
    check_derived();
    return std::move(report_);
  }

 private:
  void find(const std::string& file, const std::string& text) { report_.findings.push_back({file, text}); }

  void check_listed_files() {
    for (const ManifestFile& listed : manifest_.files) {
      if (!belongs_to_bundle(listed.path))
        find("manifest.json", fmt::format("names '{}', which is no file of a bundle", listed.path));
      else if (!listed_.insert(listed.path).second)
        find("manifest.json", fmt::format("names '{}' twice", listed.path));
      else
        check_file(listed);
    }
  }

  void check_file(const ManifestFile& listed) {
    const fs::path file = folder_ / listed.path;
    std::error_code error;
    const fs::file_status status = fs::symlink_status(file, error);
    if (!fs::exists(status)) return find(listed.path, "is missing");
    if (!fs::is_regular_file(status)) return find(listed.path, "is not a regular file");
    const std::uintmax_t size = fs::file_size(file, error);
    if (size != listed.bytes)
      return find(listed.path, fmt::format("has {} bytes, the manifest says {}", size, listed.bytes));
    try {
      const std::string hash = sha256(read_file_inside(folder_, listed.path));
      ++report_.files;
      if (hash != listed.sha256)
        find(listed.path, fmt::format("its SHA-256 is {}, the manifest says {}", hash, listed.sha256));
    } catch (const Error& failure) {
      find(listed.path, failure.what());
    }
  }

  void check_unlisted_files() {
    std::error_code error;
    std::vector<std::string> extra;
    for (fs::recursive_directory_iterator entry(folder_, error), end; !error && entry != end;
         entry.increment(error)) {
      const std::string path = entry->path().lexically_relative(folder_).generic_string();
      if (fs::is_directory(entry->symlink_status())) {
        if (path != "records" && path != "csv") {
          entry.disable_recursion_pending();
          extra.push_back(path);
        }
      } else if (path != "manifest.json" && !listed_.contains(path)) {
        extra.push_back(path);
      }
    }
    if (error) find(".", fmt::format("cannot be read: {}", error.message()));
    std::sort(extra.begin(), extra.end());
    for (const std::string& path : extra) {
      if (path.ends_with(".lock") || path.ends_with(".tmp"))
        report_.notes.push_back(
            fmt::format("{} is there: a study is running here, or was killed while it wrote", path));
      else
        find(path, "is not in the manifest");
    }
  }

  void check_derived() {
    try {
      const StudyHeader header = with_options(manifest_.study, folder_);
      if (header.options != manifest_.study.options)
        find("study.toml", "its options are not those of the manifest");
      const std::vector<Json> records = load_records(folder_ / "records");
      report_.records = static_cast<int>(records.size());
      const Json results = derive_results(manifest_.study, records);
      compare_results(results);
      for (const CsvTable& table : derive_csv(results)) compare_text("csv/" + table.name, table.text);
      compare_text("report.html", render_report(results));
    } catch (const Error& failure) {
      if (failure.code() == ErrorCode::kUnsupported) throw;
      find("records", fmt::format("nothing can be derived again: {}", failure.what()));
    }
  }

  void compare_results(const Json& derived) {
    const fs::path file = folder_ / "results.json";
    if (!fs::exists(file)) return;  // said already
    const std::string text = read_file_inside(folder_, "results.json");
    // As it reads back: what was not UTF-8 has been repaired.
    const std::string derived_text = format_json(derived);
    report_.derived_values = static_cast<int>(count_numbers(derived));
    if (text == derived_text) return;
    const Json found = parse_json(text, file.string());
    check_schema(found, kResultsSchema, file.string());
    const bool same = same_build();
    const std::vector<JsonDifference> different =
        differences(found, parse_json(derived_text, "results"), same ? 0 : kTolerance, kMostDifferences);
    const bool wrong = report_differences(different, same);
    if (same && different.empty())
      find("results.json", "its bytes are not those that are derived again, though its values are");
    if (!same && !wrong)
      report_.notes.push_back(
          fmt::format("results.json was derived by another build of Octet ({}); all numbers agree within {}",
                      fmt::join(manifest_.build.begin(), manifest_.build.begin() + 2, " "), kTolerance));
  }

  /// Another build may word things differently or know more, but not count differently. Returns whether there
  /// were findings.
  bool report_differences(const std::vector<JsonDifference>& different, bool same) {
    std::size_t findings = 0, words = 0;
    for (const JsonDifference& each : different) {
      report_.derived_values -= each.number;
      if (!same && !each.number) {
        if (++words == 1)
          report_.notes.push_back(fmt::format("results.json: {}: {} derived again", each.path, each.text));
      } else if (++findings <= kMostFindings) {
        find("results.json", fmt::format("{}: {} derived again", each.path, each.text));
      }
    }
    if (findings > kMostFindings)
      find("results.json", fmt::format("{} more values differ", findings - kMostFindings));
    if (words > 1)
      report_.notes.push_back(
          fmt::format("results.json: {} more texts or keys differ from those of this build", words - 1));
    return findings > 0;
  }

  void compare_text(const std::string& path, const std::string& derived) {
    const fs::path file = folder_ / path;
    if (!fs::exists(file)) return find(path, "is missing; it follows from the records");
    if (read_file_inside(folder_, path) == derived) return;
    if (same_build())
      find(path, "is not what is derived again from the records");
    else
      report_.notes.push_back(
          fmt::format("{} was made by another build of Octet; only its hash was checked", path));
  }

  /// A tree with changes that are not committed may be any.
  bool same_build() const {
    const Json own = octet_build();
    const std::vector<std::string> build = {own["version"], own["revision"], own["compiler"], own["flags"],
                                            own["build_type"]};
    return build == manifest_.build && !build[1].ends_with("-dirty") && build[1] != "unknown";
  }

  fs::path folder_;
  Manifest manifest_;
  std::set<std::string> listed_;
  VerifyReport report_;
};

}  // namespace

VerifyReport verify_bundle(const fs::path& folder) { return Verification(folder).run(); }

}  // namespace octet::lab
