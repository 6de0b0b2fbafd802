// results.json: everything that the report shows, derived from the records by pure functions, one file a
// section, so that `verify` can derive it again and find the same bytes. docs/study-bundle.md has the schema.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lab/support/json_fwd.h"

namespace octet::lab {

inline constexpr const char* kResultsSchema = "octet.results/1";

/// What results.json says that is not in a record; kept in manifest.json.
struct StudyHeader {
  std::string name;
  std::string mode;  ///< "quick", "full", "custom"
  double started_unix_s = 0;
  double finished_unix_s = 0;        ///< of this version of the results
  std::vector<std::string> planned;  ///< keys of the whole plan
  /// Options as they were run, "throughput.batches" and "1, 8"; write_bundle takes them from study.toml.
  std::vector<std::pair<std::string, std::string>> options;
};
Json to_json(const StudyHeader& header);
/// Throws Error(kParse) for a missing or ill-typed key.
StudyHeader study_header_from(const Json& json);

/// Throws Error(kParse) naming the record (its key) and what it lacks.
Json derive_results(const StudyHeader& header, std::span<const Json> records);

/// The tables of csv/, from results.json alone.
struct CsvTable {
  std::string name;  ///< "throughput.csv"
  std::string text;  ///< RFC 4180, header line first
};
std::vector<CsvTable> derive_csv(const Json& results);

}  // namespace octet::lab
